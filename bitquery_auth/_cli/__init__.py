"""The command line: what it understands, and which module does it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bitquery_auth._errors import BitqueryAuthError, ConfigurationError
from bitquery_auth._version import __version__

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_AUTHENTICATION = 3
EXIT_NO_ANSWER = 4
EXIT_GRAPHQL = 5
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Without the program's name; None: those of the process.

    Returns:
        The exit code.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BitqueryAuthError as error:
        print(f"bitquery-auth: {error}", file=sys.stderr)
        return _exit_code(error)


def _exit_code(error: BitqueryAuthError) -> int:
    if isinstance(error, ConfigurationError):
        return EXIT_USAGE
    return EXIT_NO_ANSWER if error.retryable else EXIT_AUTHENTICATION


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bitquery-auth", description="OAuth2 tokens for Bitquery's API.")
    parser.add_argument("--version", action="version", version=f"bitquery_auth {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser(
        "demo",
        help="show all of it on this machine, against a stand-in for Bitquery on loopback",
        description="Drives requests, httpx and (where installed) httpx2 through first token, reuse, renewal, expiry, "
        "revocation and a herd, against a stand-in for Bitquery on loopback. Every number is counted by the stand-in. "
        "Exits with 1 if anything promised did not happen.",
    )
    demo.set_defaults(run=_demo)

    sandbox = commands.add_parser(
        "sandbox",
        help="serve the stand-in until stopped, and print the settings to use",
        description="Serves a stand-in for Bitquery on loopback until stopped (Ctrl+C), and prints the settings that "
        "programs need to use it.",
    )
    sandbox.add_argument("--port", type=int, default=0, help="the port to serve on (default: a free one)")
    sandbox.add_argument(
        "--lifetime", type=float, default=3600.0, metavar="SECONDS", help="how long a token lives (default: 3600)"
    )
    sandbox.set_defaults(run=_sandbox)
    return parser


def _demo(_: argparse.Namespace) -> int:
    from bitquery_auth._cli import demo  # noqa: PLC0415 - a command imports what it needs, when it runs

    return demo.run()


def _sandbox(options: argparse.Namespace) -> int:
    from bitquery_auth._cli import serve  # noqa: PLC0415

    return serve.run(port=options.port, lifetime=options.lifetime)
