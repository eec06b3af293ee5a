"""What is public, and what importing it costs."""

import ast
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
PACKAGE = Path(bitquery_auth.__file__).parent
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
    assert (PACKAGE / "py.typed").is_file()


def test_a_type_checker_sees_every_public_name() -> None:
    """Lazy names are invisible to it unless they are imported under ``TYPE_CHECKING`` as well."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    imported = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported >= PUBLIC
    assert (PACKAGE / "py.typed").is_file()


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


def test_both_auths_have_the_same_constructor() -> None:
    ours, theirs = (
        [
            (each.name, each.kind, each.default)
            for each in inspect.signature(auth).parameters.values()
        ]
        for auth in (RequestsAuth, HTTPXAuth)
    )
    assert ours == theirs


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


def imports_of(folder: Path) -> dict[str, list[str]]:
    """What the modules of a folder import anywhere in them, each name with its module."""
    found: dict[str, list[str]] = {}
    for path in folder.rglob("*.py"):
        names = found[str(path.relative_to(PACKAGE))] = []
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names += [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names += [alias.name for alias in node.names]
    return found


def test_an_auth_knows_sources_only_by_their_protocol() -> None:
    imported = [name for names in imports_of(PACKAGE / "_auth").values() for name in names]
    assert "bitquery_auth._token.TokenSource" in imported
    others = ("bitquery_auth._sources", "bitquery_auth._stores")
    assert [name for name in imported if name.startswith(others)] == []


def test_one_module_imports_authlib() -> None:
    everything = imports_of(PACKAGE).items()
    importing = [
        module for module, names in everything if any(name.startswith("authlib") for name in names)
    ]
    assert importing == ["_sources/token_request.py"]
