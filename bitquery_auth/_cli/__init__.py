"""The command line: what it understands, and which module does it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from bitquery_auth import _bitquery
from bitquery_auth._cli.exits import EXITS, INTERRUPTED, OK, exit_code
from bitquery_auth._errors import BitqueryAuthError
from bitquery_auth._version import __version__

_ENVIRONMENT = """\
environment:
  BITQUERY_CLIENT_ID, BITQUERY_CLIENT_SECRET   the application's (its type must be Automatic)
  BITQUERY_TOKEN                               or else a token from the account page
  BITQUERY_ENDPOINT                            the GraphQL URL; its host may then see the token
  BITQUERY_TOKEN_ENDPOINT, BITQUERY_REVOCATION_ENDPOINT,
  BITQUERY_TOKEN_ENDPOINT_AUTH_METHOD, BITQUERY_SCOPE
                                               another server's
  BITQUERY_CACHE_DIR                           where the token is kept between runs
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Without the program's name; None: those of the process.

    Returns:
        The exit code, one of `bitquery_auth._cli.exits`.
    """
    options = vars(_parser().parse_args(arguments))
    module, function = options.pop("does")
    try:
        # A command imports what it needs when it runs: --help is quick.
        return int(getattr(import_module(f"{__name__}.{module}"), function)(**options))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has read enough
        sys.stderr.close()
        return OK
    except BitqueryAuthError as error:
        print(f"bitquery-auth: {error}", file=sys.stderr)
        return exit_code(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bitquery-auth",
        description="Access tokens for Bitquery's API, for the shell and for programs in any language. "
        "Results go to stdout, everything else to stderr.",
        epilog=_ENVIRONMENT + "\nexit codes:\n" + "".join(f"  {code:<4}{words}\n" for code, words in EXITS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"bitquery_auth {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")

    def command(name: str, does: str, summary: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        made.set_defaults(does=(does, name))
        return made

    token = command("token", "tokens", "print a valid access token, kept between runs")
    form = token.add_mutually_exclusive_group()
    form.add_argument("--header", action="store_true", help="as a header: Authorization: Bearer …")
    form.add_argument("--json", action="store_true", help="as JSON: access_token, token_type, scope, expires_at")

    query = command("query", "query", "run a GraphQL query and print the JSON of its answer")
    query.add_argument("query", metavar="QUERY", help="the query; @FILE: the one in that file; -: the one on stdin")
    query.add_argument("--variables", metavar="JSON", help="the query's variables; @FILE: those in that file")
    query.add_argument("--endpoint", metavar="URL", help=f"default: BITQUERY_ENDPOINT or {_bitquery.GRAPHQL_ENDPOINT}")

    check = command("check", "check", "try the configuration step by step, and say how to mend what is wrong")
    check.add_argument("--endpoint", metavar="URL", help="as of query")

    command("revoke", "tokens", "revoke the token that is kept, and forget it")
    command("demo", "demo", "show all of it on this machine, against a stand-in for Bitquery; 1 if a promise is broken")

    sandbox = command("sandbox", "serve", "serve the stand-in until stopped, and print the settings to use")
    sandbox.add_argument("--port", type=int, default=0, help="default: a free one")
    sandbox.add_argument(
        "--lifetime", type=float, default=3600.0, metavar="SECONDS", help="how long a token lives; default: 3600"
    )
    return parser
