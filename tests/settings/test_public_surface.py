"""What is public, what importing it costs, and which module may import which."""

import ast
import inspect
import subprocess
import sys
from graphlib import TopologicalSorter
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

AUTH = ["allowed_hosts", "header_name", "scheme", "is_auth_failure", "replay", "insecure_http"]
TRANSPORT = ["timeout", "verify", "cert", "proxies", "trust_env", "insecure_http"]
SIGNATURES: dict[Any, tuple[list[str], list[str]]] = {
    ClientCredentials: (
        ["client_id", "client_secret"],
        [
            *("token_endpoint", "revocation_endpoint", "token_endpoint_auth_method", "scope"),
            *("token_headers", "token_params", "leeway", "renew_ahead", "default_lifetime"),
            *TRANSPORT,
            "store",
        ],
    ),
    ShortTermToken: (["source"], ["lifetime", "endpoint", "leeway", "renew_ahead", *TRANSPORT]),
    StaticToken: (["access_token"], []),
    Token: (["access_token"], ["token_type", "scope", "expires_at"]),
    RequestsAuth: (["source"], AUTH),
    HTTPXAuth: (["source"], AUTH),
    FileTokenStore: (["path"], []),
    RedisTokenStore: (["url_or_client"], ["prefix"]),
    websocket_url: (["url", "token"], []),
    from_env: ([], []),
}


@pytest.mark.parametrize("thing", SIGNATURES, ids=lambda thing: thing.__name__)
def test_a_signature_shows_its_parameters(thing: Any) -> None:
    parameters = inspect.signature(thing).parameters.values()
    names = {
        kind: [each.name for each in parameters if each.kind is kind]
        for kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    }
    assert tuple(names.values()) == SIGNATURES[thing]


def test_both_auths_have_the_same_constructor() -> None:
    ours, theirs = (
        [
            (each.name, each.kind, each.default)
            for each in inspect.signature(auth).parameters.values()
        ]
        for auth in (RequestsAuth, HTTPXAuth)
    )
    assert ours == theirs


def test_every_source_has_its_methods() -> None:
    methods = {"token", "renew", "discard", "atoken", "arenew"}
    for kind in (ClientCredentials, ShortTermToken, StaticToken):
        assert all(inspect.getdoc(getattr(kind, name)) for name in methods), kind
    assert all(
        inspect.getdoc(getattr(ClientCredentials, name))
        for name in ("revoke", "arevoke", "from_env")
    )


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


def modules() -> dict[str, ast.Module]:
    """The parsed modules of the package, by name."""
    return {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): ast.parse(
            path.read_text(encoding="utf-8")
        )
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }


def imported_by(statement: ast.AST) -> list[str]:
    """The names of what a statement imports, each with its module."""
    if isinstance(statement, ast.ImportFrom):
        return [f"{statement.module}.{alias.name}" for alias in statement.names]
    return [alias.name for alias in statement.names] if isinstance(statement, ast.Import) else []


def test_an_auth_knows_sources_only_by_their_protocol() -> None:
    for name, tree in modules().items():
        if name.startswith("bitquery_auth._auth."):
            imported = [each for node in ast.walk(tree) for each in imported_by(node)]
            others = ("bitquery_auth._sources", "bitquery_auth._stores")
            assert [each for each in imported if each.startswith(others)] == [], name


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside functions and under ``TYPE_CHECKING`` are not made when a module is."""
    trees = modules()
    graph: TopologicalSorter[str] = TopologicalSorter()
    for name, tree in trees.items():
        for imported in (each for statement in tree.body for each in imported_by(statement)):
            graph.add(name, *{imported, imported.rpartition(".")[0]} & trees.keys())
    assert list(graph.static_order())


def test_one_module_imports_authlib() -> None:
    named = {
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if any(each.startswith("authlib") for each in imported_by(node))
    }
    assert named == {"bitquery_auth._sources.token_request"}
