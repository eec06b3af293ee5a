"""Libraries that are imported when a fetch first needs them."""

from __future__ import annotations

import importlib
import os
import threading
from types import ModuleType

_importing = threading.RLock()
_imported: dict[str, ModuleType] = {}


def import_for_fetch(name: str) -> ModuleType:
    """Import what only a fetch needs, at the first fetch.

    A fork in the middle of an import by another thread would leave the import lock held in the
    child for ever, so a fork waits for this one.
    """
    if name not in _imported:
        with _importing:
            _imported[name] = importlib.import_module(name)
    return _imported[name]


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(
        before=_importing.acquire,
        after_in_parent=_importing.release,
        after_in_child=_importing.release,
    )
