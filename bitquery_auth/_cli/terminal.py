"""What people see who run a command in a terminal, and nobody else: a spinner, colours."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def waiting(words: str) -> Iterator[None]:
    """Show on a terminal that something is waited for; in a pipe, show nothing.

    Args:
        words: What is waited for.
    """
    if not sys.stderr.isatty():
        yield
        return
    try:
        from rich.console import Console  # noqa: PLC0415 - an extra
    except ImportError:
        yield
        return
    with Console(stderr=True).status(f"bitquery-auth: {words} …"):
        yield


def print_json(value: Any) -> None:
    """Print JSON: for people with colours or at least indented, for a pipe in one line."""
    if not sys.stdout.isatty():
        print(json.dumps(value, ensure_ascii=False))
        return
    try:
        from rich.console import Console  # noqa: PLC0415 - an extra
    except ImportError:
        print(json.dumps(value, ensure_ascii=False, indent=2))
        return
    Console().print_json(json.dumps(value), ensure_ascii=False)
