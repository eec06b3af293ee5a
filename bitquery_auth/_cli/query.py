"""``bitquery-auth query``: a GraphQL query from the shell."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bitquery_auth._cli import api
from bitquery_auth._cli.exits import OK
from bitquery_auth._cli.surroundings import endpoint as endpoint_of
from bitquery_auth._cli.surroundings import source
from bitquery_auth._cli.terminal import print_json, waiting
from bitquery_auth._errors import ConfigurationError


def query(*, query: str, variables: str | None, endpoint: str | None) -> int:
    """Run a query and print the JSON of its answer.

    Args:
        query: The query, ``@file`` or ``-``.
        variables: JSON, ``@file`` or ``-``.
        endpoint: The GraphQL URL.

    Raises:
        BitqueryAuthError: the call or the configuration is wrong, or there is no token to be had.
        CommandError: there is no answer, or none that is good.
    """
    payload = _payload(query, variables)
    configured = source()
    url = endpoint_of(endpoint, configured)
    with waiting("asking the API"):
        response = api.ask(configured, url, payload)
    answer = api.read(response, configured)
    print_json(answer)
    api.expect_data(answer)
    return OK


def _payload(query: str, variables: str | None) -> dict[str, Any]:
    if query == variables == "-":
        raise ConfigurationError("Only one of QUERY and --variables can be read from stdin.")
    payload: dict[str, Any] = {"query": _text("QUERY", query)}
    if not payload["query"].strip():
        raise ConfigurationError("QUERY is blank: give a GraphQL query, such as '{ __typename }'.")
    if variables is not None:
        payload["variables"] = _json_object("--variables", _text("--variables", variables))
    return payload


def _text(name: str, given: str) -> str:
    where = "stdin" if given == "-" else given[1:]
    try:
        if given == "-":
            return sys.stdin.read()
        if given.startswith("@"):
            return Path(where).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # ValueError: it is not UTF-8, or no path
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise ConfigurationError(f"{name}: {where} cannot be read: {why}.") from None
    return given


def _json_object(name: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ConfigurationError(f"{name} must be a JSON object, such as '{{\"count\": 10}}', @FILE with one, or -.")
    return value
