"""One question to the API, with the token of the environment's source, and what its answer means."""

from __future__ import annotations

from typing import Any

import httpx

from bitquery_auth import HTTPXAuth, TokenSource
from bitquery_auth._cli.exits import AUTHENTICATION, NO_ANSWER
from bitquery_auth._cli.surroundings import allowed_hosts

_TIMEOUT = 120.0

_WAYS_OUT = {
    401: "The API refuses the token, a fresh one too: check that the application may use this API.",
    402: "The account has no points or no plan left: see account.bitquery.io.",
    403: "The token is good, but the plan does not include this dataset, or the URL is wrong.",
    429: "Too many requests in this minute: wait, then try again.",
}


def ask(source: TokenSource, endpoint: str, payload: dict[str, Any]) -> httpx.Response:
    """Post a query.

    Raises:
        BitqueryAuthError: there is no token to be had.
        httpx.HTTPError: there was no answer.
    """
    with httpx.Client(auth=HTTPXAuth(source, allowed_hosts=allowed_hosts(endpoint)), timeout=_TIMEOUT) as client:
        return client.post(endpoint, json=payload)


def failure(response: httpx.Response) -> tuple[str, int] | None:
    """Say what is wrong with an answer, and the exit code that it earns; None: nothing."""
    if response.is_success:
        return None
    words = " ".join(response.text[:300].split()) if "html" not in response.headers.get("Content-Type", "") else ""
    said = f"{response.url.host} answered {response.status_code}{f': {words}' if words else ''}."
    way_out = _WAYS_OUT.get(response.status_code, "")
    return (
        f"{said} {way_out}".rstrip(),
        AUTHENTICATION if response.status_code == httpx.codes.UNAUTHORIZED else NO_ANSWER,
    )
