"""``bitquery-auth check``: the configuration tested step by step."""

from __future__ import annotations

import time

import requests

from bitquery_auth import ClientCredentials, StaticToken
from bitquery_auth._cli import api
from bitquery_auth._cli.exit_codes import OK, CommandError, exit_code_of
from bitquery_auth._cli.messages import describe
from bitquery_auth._cli.settings import Settings
from bitquery_auth._errors import BitqueryAuthError
from bitquery_auth._sources.token_response import parse_http_date

_CHEAPEST_QUERY = '{"query": "{ __typename }"}'
_MAX_CLOCK_ERROR = 120.0


def check(*, settings: Settings) -> int:
    """Test the configuration, the token endpoint and the API, up to the first step that fails.

    Args:
        settings: The invocation's settings.

    Returns:
        0, or the exit code for the error that ended it.
    """
    step = "configuration"
    try:
        _report(step, f"{settings.source}, API {settings.endpoint}")
        step = "token"
        _report(step, _request_token(settings.source))
        step = "API"
        response = api.post_query(settings, _CHEAPEST_QUERY)
        _report_clock_error(response)
        document = api.parse_response(response, settings)
        api.raise_for_graphql_errors(response, document)
        _report(step, f"responded with HTTP {response.status_code}")
    except (BitqueryAuthError, CommandError) as error:
        _report(step, f"FAILED: {describe(error)}")
        return exit_code_of(error)
    return OK


def _report(step: str, text: str) -> None:
    print(f"{step + ':':<15}{text}", flush=True)


def _request_token(source: ClientCredentials | StaticToken) -> str:
    if isinstance(source, StaticToken):
        return "only the API can tell whether it is valid"
    token = source.renew()
    validity = "" if token.expires_in is None else f", valid for {token.expires_in:.0f} s"
    return f"received{validity}, {f'scope {token.scope}' if token.scope else 'without a scope'}"


def _report_clock_error(response: requests.Response) -> None:
    """Report a clock that differs from the server's, since the expiry of tokens depends on it."""
    server_time = parse_http_date(response.headers.get("Date", ""))
    if server_time is None:
        return
    error = time.time() - server_time
    if abs(error) > _MAX_CLOCK_ERROR:
        direction = "ahead of" if error > 0 else "behind"
        _report("clock", f"{abs(error):.0f} s {direction} the server's: set it, or turn on NTP")
