"""What is public, and what importing it costs."""

import inspect
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import bitquery_auth
from bitquery_auth import (
    ClientCredentials,
    FileTokenStore,
    HTTPXAuth,
    RedisTokenStore,
    RequestsAuth,
    ShortTermToken,
    StaticToken,
    Token,
    from_env,
    websocket_url,
)

package: Any = bitquery_auth
"""The package as it is at run time: type checkers see no ``__all__``."""
PUBLIC = {
    *("ClientCredentials", "ShortTermToken", "StaticToken", "Token", "TokenSource", "from_env"),
    *("HTTPXAuth", "RequestsAuth", "websocket_url"),
    *("BitqueryAuthError", "ConfigurationError", "InvalidTokenResponseError"),
    *("TokenEndpointError", "TokenRequestError"),
    *("FileTokenStore", "RedisTokenStore", "TokenStore"),
}


# -- names -----------------------------------------------------------------------------------------


def test_the_public_names_can_be_imported_are_listed_and_have_docstrings() -> None:
    assert set(package.__all__) - {"__version__"} == PUBLIC
    assert set(dir(bitquery_auth)) >= PUBLIC
    for name in PUBLIC:
        thing = getattr(package, name)
        assert thing.__name__ == name
        assert inspect.getdoc(thing), name
    assert (Path(bitquery_auth.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("auth", [RequestsAuth, HTTPXAuth])
def test_the_help_of_an_auth_begins_with_its_client_and_describes_its_arguments(auth: Any) -> None:
    described = inspect.getdoc(auth) or ""
    assert described.startswith(f"The auth for {auth.__name__.removesuffix('Auth').lower()}")
    assert all(f"{name}:" in described for name in ("source", "allowed_hosts", "is_auth_failure"))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'bitquery_auth' has no attribute 'ClientCredential'"):
        package.ClientCredential  # noqa: B018 - the access is the test


def test_the_version_is_that_of_the_distribution() -> None:
    assert bitquery_auth.__version__ == version("bitquery_auth")


# -- signatures ------------------------------------------------------------------------------------

SIGNATURES: dict[Any, tuple[list[str], list[str] | None]] = {
    ClientCredentials: (["client_id", "client_secret"], None),
    RequestsAuth: (["source"], None),
    HTTPXAuth: (["source"], None),
    ShortTermToken: (
        ["source"],
        [
            *("lifetime", "endpoint", "leeway", "renew_ahead"),
            *("timeout", "verify", "cert", "proxies", "trust_env", "insecure_http"),
        ],
    ),
    StaticToken: (["access_token"], []),
    Token: (["access_token"], ["token_type", "scope", "expires_at"]),
    FileTokenStore: (["path"], []),
    RedisTokenStore: (["url_or_client"], ["prefix"]),
    websocket_url: (["url", "token"], []),
    from_env: ([], []),
}
"""Parameters by position and by keyword; None: those that the README's tables name."""


@pytest.mark.parametrize("thing", SIGNATURES, ids=lambda thing: thing.__name__)
def test_a_signature_shows_its_parameters(thing: Any) -> None:
    parameters = inspect.signature(thing).parameters.values()
    positional, keywords = SIGNATURES[thing]
    assert [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD] == (
        positional
    )
    assert keywords in (None, [each.name for each in parameters if each.kind is each.KEYWORD_ONLY])


# -- imports ---------------------------------------------------------------------------------------

CLIENTS = {"requests", "httpx", "httpx2", "authlib", "urllib3"}


@pytest.mark.parametrize(
    ("statement", "imported"),
    [
        ("import bitquery_auth", set()),
        (
            "from bitquery_auth import Token, StaticToken, TokenSource, from_env, websocket_url",
            set(),
        ),
        ("from bitquery_auth import ClientCredentials; ClientCredentials('id', 'secret')", set()),
        ("from bitquery_auth import RequestsAuth", {"requests", "urllib3"}),
        ("from bitquery_auth import HTTPXAuth", {"httpx", "httpx2"}),
    ],
)
def test_a_name_imports_only_the_clients_that_it_needs_and_warns_of_nothing(
    statement: str, imported: set[str]
) -> None:
    """A fetch imports Authlib, which warns at import in some environments; a name does not."""
    code = f"{statement}\nimport sys; print(*{CLIENTS!r} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.split()) == imported
