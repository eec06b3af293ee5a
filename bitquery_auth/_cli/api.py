"""One question to the API, with the token of the environment's source, and what its answer means."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests

from bitquery_auth import RequestsAuth, StaticToken, TokenSource
from bitquery_auth._cli.exits import AUTHENTICATION, GRAPHQL, NO_ANSWER, USAGE, CommandError
from bitquery_auth._cli.surroundings import allowed_hosts
from bitquery_auth._cli.words import quoted
from bitquery_auth._errors import BitqueryAuthError

_TIMEOUT = 120.0
_OK, _REDIRECT, _CLIENT_ERROR, _UNAUTHORIZED = 200, 300, 400, 401

_WAYS_OUT = {
    401: "The API refuses the token, a fresh one too: check that the application may use this API, and its scope.",
    402: "The account has no points or no plan left: see account.bitquery.io.",
    403: "The token is good, but the plan does not include this dataset, the token lacks a scope, or the URL is wrong.",
    404: "The URL is wrong: check --endpoint or BITQUERY_ENDPOINT.",
    429: "Too many requests in this minute: wait, then try again.",
}
_STATIC_REFUSED = (
    "The token has ended or was revoked, and there is no way from it to a new one: copy a new one from "
    "account.bitquery.io, or set BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SECRET."
)
_REDIRECTED = "A redirect is not followed: give the final URL."


def ask(source: TokenSource, endpoint: str, payload: dict[str, Any]) -> requests.Response:
    """Post a query and give the answer, whatever it is.

    Raises:
        BitqueryAuthError: there is no token to be had.
        CommandError: there was no answer.
    """
    with requests.Session() as session:
        session.auth = RequestsAuth(source, allowed_hosts=allowed_hosts(endpoint))
        try:
            return session.post(endpoint, json=payload, timeout=_TIMEOUT, allow_redirects=False)
        except BitqueryAuthError:  # it is an OSError, too, as every error of requests
            raise
        except OSError as error:  # a certificate file that is missing is nothing but that
            words = f"No answer from {urlsplit(endpoint).netloc}: {_why(error)}."
            raise CommandError(words, NO_ANSWER) from error


def read(response: requests.Response, source: TokenSource) -> Any:
    """Give the JSON of a good answer.

    Raises:
        CommandError: the answer is none.
    """
    _expect_success(response, source)
    try:
        return response.json()
    except ValueError:
        host, status = urlsplit(response.url).netloc, response.status_code
        raise CommandError(f"{host} answered {status} with what is no JSON: is that a GraphQL URL?", USAGE) from None


def expect_data(answer: Any) -> None:
    """Say what is wrong with a GraphQL answer.

    Raises:
        CommandError: it has errors.
    """
    if errors := answer.get("errors") if isinstance(answer, dict) else None:
        raise CommandError(f"The answer has GraphQL errors{_first_message(errors)}.", GRAPHQL)


def _first_message(errors: object) -> str:
    first = errors[0] if isinstance(errors, list) else None
    message = first.get("message") if isinstance(first, dict) else None
    return f": {quoted(message).rstrip('.')}" if isinstance(message, str) else ""


def _expect_success(response: requests.Response, source: TokenSource) -> None:
    status = response.status_code
    if _OK <= status < _REDIRECT:
        return
    said = f"{urlsplit(response.url).netloc} answered {status}"
    if "html" not in response.headers.get("Content-Type", ""):
        carried = str(response.request.headers.get("Authorization", "")).split()[1:]
        words = quoted(response.text, *carried)
        said += f": {words}" if words else ""
    way_out = _REDIRECTED if status < _CLIENT_ERROR else _WAYS_OUT.get(status, "")
    if status == _UNAUTHORIZED and isinstance(source, StaticToken):
        way_out = _STATIC_REFUSED
    raise CommandError(
        f"{said.rstrip('.')}. {way_out}".rstrip(), AUTHENTICATION if status == _UNAUTHORIZED else NO_ANSWER
    )


def _why(error: OSError) -> str:
    if isinstance(error, requests.Timeout):
        return f"nothing within {_TIMEOUT:.0f} s"
    innermost: BaseException = error
    while (link := innermost.__cause__ or innermost.__context__) is not None:
        innermost = link
    return quoted(str(innermost)).rstrip(".") or type(innermost).__name__
