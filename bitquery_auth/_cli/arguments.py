"""The commands and their options, and the manual that ``--help`` prints."""

from __future__ import annotations

import argparse
import math
from typing import Any

from bitquery_auth import __version__, _bitquery
from bitquery_auth._cli.exit_codes import MEANINGS
from bitquery_auth._environment import PREFIX
from bitquery_auth._hosts import MAX_PORT

_WIDTH = 79

_DESCRIPTION = """\
Access tokens for Bitquery's API, for the shell and for programs in any
language. Results go to stdout, everything else to stderr."""

_ENVIRONMENT = f"""\
environment:
  {PREFIX}CLIENT_ID, {PREFIX}CLIENT_SECRET
              the application's; only the type Automatic has a secret
  {PREFIX}CLIENT_SECRET_FILE
              a file that holds the secret instead
  {PREFIX}TOKEN, {PREFIX}TOKEN_FILE
              instead of an application: a token from account.bitquery.io
  {PREFIX}ENDPOINT
              the GraphQL URL; only its host receives the token
  {PREFIX}TOKEN_ENDPOINT, {PREFIX}REVOCATION_ENDPOINT,
  {PREFIX}TOKEN_ENDPOINT_AUTH_METHOD, {PREFIX}SCOPE
              for another authorization server; then set {PREFIX}ENDPOINT too
  {PREFIX}CACHE_DIR
              the folder in which the token is kept between runs
"""

_EXAMPLES = """\
examples:
  bitquery-auth check
  bitquery-auth query \\
      '{ EVM { Blocks(limit: {count: 1}) { Block { Number } } } }'
  bitquery-auth query @trades.graphql --variables '{"count": 10}' | jq .data
  bitquery-auth token --header | curl -H @- --json @query.json \\
      https://streaming.bitquery.io/graphql
"""

_SANDBOX = f"""
The settings are printed on stdout as shell commands, for the shell in which
your program runs. A program that reads its URL from {PREFIX}ENDPOINT or
{PREFIX}WEBSOCKET_ENDPOINT then needs no change:

  bitquery-auth sandbox > settings.sh
  . ./settings.sh                          (in another shell)

Each request is logged on stderr. Commands are read from stdin, one a line:

  revoke    revoke every token
  out       fail at the token endpoint, with status 503
  in        end that
  quit      stop, as Ctrl+C and SIGTERM do
"""


class _Parser(argparse.ArgumentParser):
    """A parser that keeps the layout of its texts and accepts no abbreviated options.

    The fixed width fits into every terminal, which is then not measured.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_formatter, **settings)


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, width=_WIDTH)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser. What it parses has ``run``: ``"module.function"`` of the command."""
    exit_codes = "exit codes:\n" + "".join(
        f"  {code:<12}{text}\n" for code, text in MEANINGS.items()
    )
    parser = _Parser(
        prog="bitquery-auth",
        description=_DESCRIPTION,
        epilog=f"{_ENVIRONMENT}\n{exit_codes}\n{_EXAMPLES}",
    )
    parser.set_defaults(run=None)
    parser.add_argument("--version", action="version", version=f"bitquery_auth {__version__}")
    commands = parser.add_subparsers(
        prog="bitquery-auth",
        metavar="COMMAND",
        title="commands (see bitquery-auth COMMAND --help)",
        parser_class=_Parser,
    )

    def add_command(run: str, summary: str, details: str = "") -> argparse.ArgumentParser:
        name = run.partition(".")[2]
        description = f"{summary[0].upper()}{summary[1:]}.\n{details}"
        command = commands.add_parser(name, help=summary, description=description)
        command.set_defaults(run=run)
        return command

    _add_token_options(add_command("tokens.token", "print a valid access token, kept between runs"))
    _add_query_options(
        add_command("query.query", "run a GraphQL query and print the JSON of the response")
    )
    _add_api_options(add_command("check.check", "test the configuration step by step"))
    _add_timeout(add_command("tokens.revoke", "revoke the token that is kept, and forget it"))
    add_command("demo.demo", "show what this library does, with nothing to configure")
    _add_sandbox_options(
        add_command("serve.sandbox", "serve a stand-in for Bitquery until stopped", _SANDBOX)
    )
    return parser


def _add_token_options(command: argparse.ArgumentParser) -> None:
    form = command.add_mutually_exclusive_group()
    form.add_argument(
        "--header", action="store_true", help="as a header: Authorization: Bearer TOKEN"
    )
    form.add_argument(
        "--json",
        dest="as_json",
        action="store_true",
        help="as JSON: access_token, token_type, scope, expires_at",
    )
    command.add_argument(
        "--min-validity",
        type=_seconds,
        default=60.0,
        metavar="SECONDS",
        help="renew a token that expires sooner, unless the server's tokens are never valid for "
        "that long; default: 60",
    )
    _add_timeout(command)


def _add_query_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "query", metavar="QUERY", help="the query; @FILE reads it from a file, - from stdin"
    )
    command.add_argument(
        "--variables", metavar="JSON", help="a JSON object; @FILE and - as for QUERY"
    )
    command.add_argument(
        "--operation-name", metavar="NAME", help="which operation of the query to run"
    )
    _add_api_options(command)


def _add_api_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--endpoint",
        metavar="URL",
        help=f"default: {PREFIX}ENDPOINT, or {_bitquery.GRAPHQL_ENDPOINT}",
    )
    _add_timeout(command)


def _add_timeout(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--timeout",
        type=_positive_seconds,
        default=60.0,
        metavar="SECONDS",
        help="to wait for each response; default: 60",
    )


def _add_sandbox_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--port", type=_port, default=0, help="default: a free port")
    command.add_argument(
        "--lifetime",
        type=_positive_seconds,
        default=3600.0,
        metavar="SECONDS",
        help="of each token; default: 3600",
    )
    command.add_argument(
        "--auth-method",
        choices=["client_secret_post", "client_secret_basic"],
        default="client_secret_post",
        metavar="METHOD",
        help="how clients must authenticate: client_secret_post (default) or client_secret_basic",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {MAX_PORT}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError("must be a number of seconds, such as 90")
    return seconds


def _positive_seconds(text: str) -> float:
    seconds = _seconds(text)
    if not seconds:
        raise argparse.ArgumentTypeError("must be a number of seconds above zero, such as 90")
    return seconds
