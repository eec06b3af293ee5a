"""The README's tables of settings and errors name what there is, with its defaults."""

import ast
import inspect
import re
from typing import Any

import pytest

import bitquery_auth
from bitquery_auth import ClientCredentials, HTTPXAuth, RequestsAuth
from tests.docs import rows_of

IN_WORDS = {
    *("token_endpoint", "revocation_endpoint", "scope", "allowed_hosts", "is_auth_failure"),
    *("verify", "cert", "proxies", "trust_env"),
}
"""Settings whose default the tables describe in words."""


def described() -> dict[str, list[str]]:
    """Return the default that each row says, by the names of its settings."""
    settings: dict[str, list[str]] = {}
    for names, defaults, *_ in rows_of("Settings"):
        written = re.findall(r"`([^`]+)`", defaults) or [""]
        for number, name in enumerate(re.findall(r"`(\w+)`", names)):
            default = written[number] if number < len(written) else written[0]
            settings.setdefault(name, []).append(default)
    return settings


def keywords_of(kind: Any) -> dict[str, Any]:
    parameters = inspect.signature(kind).parameters.values()
    return {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}


def test_the_tables_name_every_setting_and_no_other() -> None:
    settings = keywords_of(ClientCredentials) | keywords_of(RequestsAuth) | keywords_of(HTTPXAuth)
    assert set(described()) == set(settings)


@pytest.mark.parametrize("kind", [ClientCredentials, RequestsAuth, HTTPXAuth])
def test_the_defaults_in_the_tables_are_those_of_the_code(kind: Any) -> None:
    for name, default in keywords_of(kind).items():
        if name not in IN_WORDS:
            assert default in map(ast.literal_eval, described()[name]), name


def test_the_errors_in_the_table_are_all_there_are() -> None:
    named = {re.findall(r"`(\w+)`", row[0])[0] for row in rows_of("Errors and logs")}
    assert named == {
        name
        for name in dir(bitquery_auth)
        if name.endswith("Error") and name != "BitqueryAuthError"
    }
