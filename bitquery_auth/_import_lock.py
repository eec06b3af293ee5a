"""Imports that are made when a fetch first needs them."""

from __future__ import annotations

import os
import threading

importing = threading.RLock()
"""Held around the imports of a fetch::

    with importing:
        from authlib.oauth2.client import OAuth2Client

A fork in the middle of an import by another thread would leave the import lock held in the child
for ever, so a fork waits for this lock.
"""

if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(
        before=importing.acquire,
        after_in_parent=importing.release,
        after_in_child=importing.release,
    )
