"""A query sent to the API with the token of the configured source, and what its response means."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import urlsplit

import requests

from bitquery_auth import RequestsAuth, StaticToken, _bitquery
from bitquery_auth._cli.exit_codes import (
    AUTHENTICATION,
    GRAPHQL,
    NO_RESPONSE,
    USAGE,
    CommandError,
)
from bitquery_auth._cli.settings import Settings
from bitquery_auth._environment import PREFIX
from bitquery_auth._errors import BitqueryAuthError
from bitquery_auth._secret import redact
from bitquery_auth._sources.transport import environment_certificates

_WRONG_URL = f"Check the URL: --endpoint, or {PREFIX}ENDPOINT."
_REDIRECT = f"Redirects are not followed: set --endpoint or {PREFIX}ENDPOINT to the final URL."
_REJECTED = (
    "The API rejects a new token too: check that the application may use this API, and its scope."
)
_COPY_ANOTHER = (
    "The token has expired or was revoked: copy a new one from account.bitquery.io, or set "
    f"{PREFIX}CLIENT_ID and {PREFIX}CLIENT_SECRET, with which new tokens are requested."
)
_HINTS = dict.fromkeys(_bitquery.AUTH_FAILURE_STATUSES, _REJECTED) | {
    402: "The account has no points or no plan left: see account.bitquery.io.",
    403: "The token is valid, but the plan does not include this dataset, the token lacks a scope, "
    "or the URL is wrong.",
    404: _WRONG_URL,
    429: "Too many requests in this minute: try again later.",
}
_EXIT_CODES = dict.fromkeys(_bitquery.AUTH_FAILURE_STATUSES, AUTHENTICATION) | {404: USAGE}


def post_query(settings: Settings, body: str) -> requests.Response:
    """Send a query and return the response, whatever its status.

    Args:
        settings: The invocation's settings.
        body: The GraphQL request, as JSON.

    Raises:
        BitqueryAuthError: There is no token.
        CommandError: There is no response.
    """
    with requests.Session() as session:
        # requests itself reads REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE, and none of OpenSSL's.
        session.verify = environment_certificates()[1]
        session.auth = RequestsAuth(settings.source, allowed_hosts=[settings.api_host])
        try:
            return session.post(
                settings.endpoint,
                data=body.encode(errors="surrogateescape"),  # Bytes of argv that are not UTF-8.
                headers={"Content-Type": "application/json"},
                timeout=settings.timeout,
                allow_redirects=False,
            )
        except BitqueryAuthError:  # Inside a request it is an OSError too, as requests' own are.
            raise
        except OSError as error:
            reason = (
                f"nothing within {settings.timeout:g} s (see --timeout)"
                if isinstance(error, requests.Timeout)
                else _reason(error)
            )
            message = f"No response from {settings.api_host}: {reason}."
            raise CommandError(message, NO_RESPONSE) from error


def parse_response(response: requests.Response, settings: Settings) -> Any:
    """Return the JSON of a successful response, with its numbers as text.

    Raises:
        CommandError: The status is not 2xx, or the body is not JSON.
    """
    status = response.status_code
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        exit_code = _EXIT_CODES.get(status, NO_RESPONSE)
        raise CommandError(_error_message(response, settings), exit_code)
    try:
        return load_json(response.content.decode("utf-8-sig"))
    except ValueError:
        message = f"{_summary(response)}, but the body is not JSON. {_WRONG_URL}"
        raise CommandError(message, USAGE) from None


def load_json(text: str) -> Any:
    """Parse JSON, with its numbers as text, which have no limit of size or precision.

    Raises:
        ValueError: The text is not JSON.
    """
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=_reject_constant)


def raise_for_graphql_errors(response: requests.Response, document: Any) -> None:
    """Raise an error if a response has GraphQL errors.

    Args:
        response: The response.
        document: Its JSON.

    Raises:
        CommandError: The response has GraphQL errors.
    """
    if isinstance(document, dict) and document.get("errors"):
        message = _quote(response, _first_error(document)).rstrip(".")
        text = f": {message}." if message else "."
        raise CommandError(f"The response has GraphQL errors{text}", GRAPHQL)


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _reason(error: OSError) -> str:
    """Return the words of the operating system, which requests and urllib3 wrap in their own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and not isinstance(cause, requests.RequestException):
            return redact(str(cause)).rstrip(".") or type(cause).__name__
        cause = cause.__cause__ or cause.__context__
    return redact(str(error)).rstrip(".") or type(error).__name__


def _error_message(response: requests.Response, settings: Settings) -> str:
    status = response.status_code
    if status < HTTPStatus.BAD_REQUEST:
        hint = _REDIRECT
    elif status in _bitquery.AUTH_FAILURE_STATUSES and isinstance(settings.source, StaticToken):
        hint = _COPY_ANOTHER
    else:
        hint = _HINTS.get(status, "")
    message = _quote(response, _server_message(response)).rstrip(".")
    text = f": {message}" if message else ""
    return f"{_summary(response)}{text}. {hint}".rstrip()


def _summary(response: requests.Response) -> str:
    return f"{urlsplit(response.url).netloc} responded with HTTP {response.status_code}"


def _server_message(response: requests.Response) -> str:
    """Return what the server says about its error: a GraphQL message or text, but no web page."""
    if "html" in response.headers.get("Content-Type", ""):
        return ""
    text = response.content.decode("utf-8-sig", errors="replace")
    try:
        return _first_error(load_json(text)) or text
    except ValueError:
        return text


def _first_error(document: Any) -> str:
    match document:
        case {"errors": [{"message": str(message)}, *_]}:
            return message
    return ""


def _quote(response: requests.Response, text: str) -> str:
    token = str(response.request.headers.get("Authorization", "")).removeprefix("Bearer ")
    return redact(text.strip(), [token])
