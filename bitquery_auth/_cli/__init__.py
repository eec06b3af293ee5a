"""The command line: it runs a command, and turns an error into a message and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from bitquery_auth._cli.exit_codes import INTERRUPTED, OK, USAGE, CommandError, exit_code_of
from bitquery_auth._cli.messages import describe, print_error
from bitquery_auth._errors import BitqueryAuthError

_TOKEN_OPTIONS = {
    "run": "tokens.token",
    "header": False,
    "as_json": False,
    "min_validity": 60.0,
    "timeout": 60.0,
}
"""What argparse makes of ``bitquery-auth token``."""

_SHARED_OPTIONS = ("timeout", "endpoint", "min_validity")
"""The options that make the one argument `settings` of a command, if it has any of them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Those of the command line without the program's name. Defaults to the process's.

    Returns:
        The exit code, one of `bitquery_auth._cli.exit_codes`.
    """
    try:
        exit_code = _run(arguments)
        # Flushed here, since nothing can handle an error of the flush when the interpreter exits.
        print(end="", flush=True)
    except BrokenPipeError:  # The reader, such as `head`, has read enough.
        _discard_output()
        return OK
    except OSError as error:
        _discard_output()
        print_error(f"The output cannot be written: {error.strerror}.")
        return USAGE
    return exit_code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        return _run_command(**_parse(sys.argv[1:] if arguments is None else list(arguments)))
    except SystemExit as end:  # How argparse ends after --help, and after a usage error.
        return int(end.code or OK)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (BitqueryAuthError, CommandError) as error:
        print_error(describe(error))
        return exit_code_of(error)


def _parse(arguments: list[str]) -> dict[str, Any]:
    if arguments == ["token"]:  # Programs call this often, and argparse would take 1/8 of its time.
        return dict(_TOKEN_OPTIONS)
    from bitquery_auth._cli.arguments import make_parser  # noqa: PLC0415 - see above

    parser = make_parser()
    options = vars(parser.parse_args(arguments))
    if options["run"] is None:
        parser.print_help(sys.stderr)
        parser.exit(USAGE)
    return options


def _run_command(run: str, **options: object) -> int:
    """Run ``"module.function"``. The module is imported here, since --help does not need it."""
    module, function = run.split(".")
    shared = {name: options.pop(name) for name in _SHARED_OPTIONS if name in options}
    if shared:
        options["settings"] = import_module(f"{__name__}.settings").Settings(**shared)
    return int(getattr(import_module(f"{__name__}.{module}"), function)(**options))


def _discard_output() -> None:
    """Point stdout at nothing: the interpreter would try to write the rest when it exits."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
