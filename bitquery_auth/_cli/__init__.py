"""The command line: a command is run, and whatever ends it becomes words on stderr and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from bitquery_auth._cli.arguments import parser
from bitquery_auth._cli.exits import INTERRUPTED, OK, USAGE, CommandError, exit_code
from bitquery_auth._cli.words import told
from bitquery_auth._errors import BitqueryAuthError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Without the program's name; None: those of the process.

    Returns:
        The exit code, one of `bitquery_auth._cli.exits`.

    Raises:
        SystemExit: the arguments are wrong, or ask for help.
    """
    try:
        try:
            return _run(arguments)
        finally:
            print(end="", flush=True)  # now, and not at exit, where nobody could see to what comes of it
    except BrokenPipeError:  # whoever read the output has read enough
        _write_no_more()
        return OK
    except OSError as error:
        _write_no_more()
        print(f"bitquery-auth: The output cannot be written: {error.strerror}.", file=sys.stderr)
        return USAGE


def _write_no_more() -> None:
    """Let go of what is still to be written: the interpreter would try again when it exits."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _run(arguments: Sequence[str] | None) -> int:
    options = vars(parser().parse_args(arguments))
    module, function = options.pop("does")
    try:
        # A command imports what it needs when it runs: --help is quick.
        return int(getattr(import_module(f"{__name__}.{module}"), function)(**options))
    except KeyboardInterrupt:
        return INTERRUPTED
    except (BitqueryAuthError, CommandError) as error:
        print(f"bitquery-auth: {told(error)}", file=sys.stderr)
        return exit_code(error)
