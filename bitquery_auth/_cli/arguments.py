"""What the command line understands: its commands, their options, and the manual that --help prints."""

from __future__ import annotations

import argparse
import math
from typing import Any

from bitquery_auth import __version__, _bitquery
from bitquery_auth._cli.exits import EXITS

_ABOUT = """\
Access tokens for Bitquery's API, for the shell and for programs in any language.
Results go to stdout, everything else to stderr."""

_ENVIRONMENT = """\
environment:
  BITQUERY_CLIENT_ID, BITQUERY_CLIENT_SECRET
              of the application; only one of type Automatic has a secret
  BITQUERY_TOKEN
              or else a token copied from account.bitquery.io
  BITQUERY_ENDPOINT
              the GraphQL URL; its host alone is given the token
  BITQUERY_TOKEN_ENDPOINT, BITQUERY_REVOCATION_ENDPOINT,
  BITQUERY_TOKEN_ENDPOINT_AUTH_METHOD, BITQUERY_SCOPE
              another server's; BITQUERY_ENDPOINT is required with it
  BITQUERY_CACHE_DIR
              where the token is kept between runs
"""

_EXAMPLES = """\
examples:
  bitquery-auth check
  bitquery-auth query '{ EVM { Blocks(limit: {count: 1}) { Block { Number } } } }'
  bitquery-auth query @trades.graphql --variables '{"count": 10}' | jq .data
  bitquery-auth token --header | curl -H @- --json @query.json https://streaming.bitquery.io/graphql
"""

_MOST_PORT = 65535


class _Parser(argparse.ArgumentParser):
    """Lays its words out as they are written; an abbreviated option would be one more name to keep for ever."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **settings)


def parser() -> argparse.ArgumentParser:
    """Make the parser. What it gives has ``does``: the module and the function that do it."""
    exits = "exit codes:\n" + "".join(f"  {code:<12}{words}\n" for code, words in EXITS.items())
    made = _Parser(prog="bitquery-auth", description=_ABOUT, epilog=f"{_ENVIRONMENT}\n{exits}\n{_EXAMPLES}")
    made.add_argument("--version", action="version", version=f"bitquery_auth {__version__}")
    commands = made.add_subparsers(
        required=True,
        metavar="COMMAND",
        title="commands (bitquery-auth COMMAND --help tells more)",
        parser_class=_Parser,
    )

    def command(name: str, module: str, summary: str) -> argparse.ArgumentParser:
        words = f"{summary[0].upper()}{summary[1:]}."
        added = commands.add_parser(name, help=summary, description=words)
        added.set_defaults(does=(module, name))
        return added

    token = command("token", "tokens", "print a valid access token, kept between runs")
    form = token.add_mutually_exclusive_group()
    form.add_argument("--header", action="store_true", help="as a header: Authorization: Bearer TOKEN")
    form.add_argument("--json", action="store_true", help="as JSON: access_token, token_type, scope, expires_at")

    query = command("query", "query", "run a GraphQL query and print the JSON of its answer")
    query.add_argument("query", metavar="QUERY", help="the query; @FILE: the one in that file; -: the one on stdin")
    query.add_argument("--variables", metavar="JSON", help="a JSON object; @FILE: in that file; -: on stdin")
    query.add_argument("--endpoint", metavar="URL", help=f"default: BITQUERY_ENDPOINT or {_bitquery.GRAPHQL_ENDPOINT}")

    check = command("check", "check", "try the configuration step by step, and say what to mend")
    check.add_argument("--endpoint", metavar="URL", help="the GraphQL URL, as of query")

    command("revoke", "tokens", "revoke the token that is kept, and forget it")
    command("demo", "demo", "show all of it on this machine, with nothing configured")

    sandbox = command("sandbox", "serve", "serve a stand-in for Bitquery until stopped, and print its settings")
    sandbox.add_argument("--port", type=_port, default=0, help="default: a free one")
    sandbox.add_argument(
        "--lifetime", type=_seconds, default=3600.0, metavar="SECONDS", help="how long a token lives; default: 3600"
    )
    return made


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= _MOST_PORT:
        raise argparse.ArgumentTypeError(f"must be from 0 to {_MOST_PORT}")
    return port


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError("must be a number of seconds, more than zero")
    return seconds


_port.__name__ = "number"  # as argparse calls it: "invalid number value"
_seconds.__name__ = "number"
