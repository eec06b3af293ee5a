"""What people see who run a command in a terminal, and nobody else: a spinner, colours."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


@contextmanager
def waiting(words: str) -> Iterator[None]:
    """Show on a terminal that something is waited for; in a pipe, show nothing.

    Args:
        words: What is waited for.
    """
    console = _console(sys.stderr)
    if console is None:
        yield
        return
    with console.status(f"bitquery-auth: {words} ..."):
        yield


def print_json(value: Any) -> None:
    """Print JSON: for people with colours or at least indented, for a pipe in one line."""
    console = _console(sys.stdout)
    if console is not None:
        console.print_json(json.dumps(value), ensure_ascii=not _can_write(value))
    else:
        indent = 2 if _is_terminal(sys.stdout) else None
        print(json.dumps(value, ensure_ascii=not _can_write(value), indent=indent))


def _can_write(value: Any) -> bool:
    """Whether stdout can have it unescaped: not half a surrogate pair, not the euro sign where that is unknown."""
    try:
        json.dumps(value, ensure_ascii=False).encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _console(stream: TextIO | None) -> Any:
    """Give a console on a terminal, where the extra is installed; else None."""
    if not _is_terminal(stream):
        return None
    try:
        from rich.console import Console  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    return Console(file=stream)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()  # None: it was closed before the start
