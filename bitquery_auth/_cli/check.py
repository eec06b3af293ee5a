"""``bitquery-auth check``: the configuration, step by step, and how to mend what is wrong."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import requests

from bitquery_auth import ClientCredentials, StaticToken
from bitquery_auth._cli import api
from bitquery_auth._cli.exits import OK, CommandError, exit_code
from bitquery_auth._cli.surroundings import endpoint as endpoint_of
from bitquery_auth._cli.surroundings import source
from bitquery_auth._cli.terminal import waiting
from bitquery_auth._cli.words import told
from bitquery_auth._errors import BitqueryAuthError

_CHEAPEST_QUERY = {"query": "{ __typename }"}
_MOST_SKEW = 120.0


def check(*, endpoint: str | None) -> int:
    """Try the configuration, the token endpoint and the API, one after the other, until something is wrong.

    Args:
        endpoint: The GraphQL URL.
    """
    step = "configuration"
    try:
        configured = source()
        url = endpoint_of(endpoint, configured)
        _say(step, f"{_description(configured)}; the API is at {url}")
        step = "token"
        _say(step, _try_token(configured))
        step = "API"
        with waiting("asking the API"):
            response = api.ask(configured, url, _CHEAPEST_QUERY)
        if abs(skew := _clock_skew(response)) > _MOST_SKEW:
            _say(
                "clock", f"this machine's is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}: set it right (NTP)"
            )
        api.expect_data(api.read(response, configured))
    except (BitqueryAuthError, CommandError) as error:
        _say(step, f"wrong. {told(error)}")
        return exit_code(error)
    _say(step, f"answers {response.status_code}")
    return OK


def _description(configured: ClientCredentials | StaticToken) -> str:
    if isinstance(configured, StaticToken):
        return "a token that was copied"
    return f"client credentials, token endpoint {configured.token_endpoint}"


def _try_token(configured: ClientCredentials | StaticToken) -> str:
    if isinstance(configured, StaticToken):
        return "taken as it is: only the API can tell whether it is good"
    with waiting("asking for a token"):
        token = configured.renew()
    left = "it does not say for how long" if token.expires_in is None else f"good for {token.expires_in:.0f} s"
    return f"received, {left}, {f'scope {token.scope}' if token.scope else 'without a scope'}"


def _say(step: str, words: str) -> None:
    print(f"{step + ':':<15}{words}", flush=True)


def _clock_skew(response: requests.Response) -> float:
    """How many seconds this machine's clock is ahead of the server's; 0 where that does not say."""
    try:
        return time.time() - parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
    except ValueError:
        return 0.0
