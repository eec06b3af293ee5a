"""``bitquery-auth query``: a GraphQL query from the shell."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import httpx

from bitquery_auth._cli import api
from bitquery_auth._cli.exits import GRAPHQL, NO_ANSWER, OK, USAGE
from bitquery_auth._cli.surroundings import endpoint as endpoint_of
from bitquery_auth._cli.surroundings import source
from bitquery_auth._cli.terminal import print_json, waiting
from bitquery_auth._errors import BitqueryAuthError, ConfigurationError


def query(*, query: str, variables: str | None, endpoint: str | None) -> int:
    """Run a query and print the JSON of its answer.

    Args:
        query: The query, ``@file`` or ``-``.
        variables: JSON, or ``@file``.
        endpoint: The GraphQL URL.

    Raises:
        BitqueryAuthError: the configuration is wrong, or there is no token to be had.
    """
    payload: dict[str, Any] = {"query": _text("QUERY", query)}
    if variables is not None:
        payload["variables"] = _json_object("--variables", _text("--variables", variables))
    try:
        with waiting("asking Bitquery"):
            response = api.ask(source(), endpoint_of(endpoint), payload)
    except BitqueryAuthError:
        raise
    except httpx.HTTPError as error:
        return _fail(f"No answer from the API: {error or type(error).__name__}.", NO_ANSWER)
    if (failed := api.failure(response)) is not None:
        return _fail(*failed)
    try:
        answer = response.json()
    except ValueError:
        return _fail(f"{response.url.host} answered 200 with what is no JSON: is that a GraphQL URL?", USAGE)
    print_json(answer)
    errors = answer.get("errors") if isinstance(answer, dict) else None
    if errors:
        first = errors[0].get("message", "") if isinstance(errors, list) and isinstance(errors[0], dict) else ""
        return _fail(f"The answer has GraphQL errors{f': {first}' if first else ''}.", GRAPHQL)
    return OK


def _fail(words: str, code: int) -> int:
    print(f"bitquery-auth: {words}", file=sys.stderr)
    return code


def _text(name: str, given: str) -> str:
    try:
        if given == "-":
            return sys.stdin.read()
        if given.startswith("@"):
            return Path(given[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{name}: the file cannot be read ({type(error).__name__}): @ is followed by the path of a text file."
        raise ConfigurationError(msg) from None
    return given


def _json_object(name: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        msg = f"{name} must be a JSON object, such as '{{\"count\": 10}}'."
        raise ConfigurationError(msg)
    return value
