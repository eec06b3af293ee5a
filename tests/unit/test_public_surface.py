"""What is public, what importing it costs, and how large the core may be."""

import ast
import importlib
import inspect
import io
import subprocess
import sys
import tokenize
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import bitquery_auth
from bitquery_auth import (
    ClientCredentials,
    HTTPXAuth,
    RedisTokenStore,
    RequestsAuth,
    ShortTermToken,
    StaticToken,
    Token,
    from_env,
    websocket_url,
)

PACKAGE = Path(bitquery_auth.__file__).parent
PUBLIC = {
    "BitqueryAuthError",
    "ClientCredentials",
    "ConfigurationError",
    "HTTPXAuth",
    "InvalidTokenResponseError",
    "RequestsAuth",
    "ShortTermToken",
    "StaticToken",
    "Token",
    "TokenEndpointError",
    "TokenRequestError",
    "TokenSource",
    "from_env",
    "websocket_url",
}
STORES = {"FileTokenStore", "RedisTokenStore", "TokenStore"}  # beside the core: they come with it or without

MOST_LINES_OF_CODE = 2_250
MOST_LINES_OF_A_FILE = 300
# Around the core, and not counted to it: the command line, pytest's plugin, shared stores.
AROUND = ("__main__", "pytest_plugin", "_store", "_file_store", "_redis_store")
CORE = [path for path in sorted(PACKAGE.glob("*.py")) if not path.stem.startswith(AROUND)]


def run(*arguments: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_what_is_public_is_what_the_design_names() -> None:
    assert set(bitquery_auth.__all__) - STORES == PUBLIC | {"__version__"}
    assert len(set(bitquery_auth.__all__)) == len(bitquery_auth.__all__)


@pytest.mark.parametrize("name", sorted(bitquery_auth.__all__))
def test_every_public_name_can_be_imported_and_is_listed(name: str) -> None:
    """Hazard G6."""
    thing = getattr(importlib.import_module("bitquery_auth"), name)
    assert name in dir(bitquery_auth)
    assert name.startswith("__") or thing.__name__ == name
    assert name.startswith("__") or inspect.getdoc(thing)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'bitquery_auth' has no attribute 'ClientCredential'"):
        bitquery_auth.ClientCredential  # noqa: B018


def test_no_public_module_of_the_core_shows_a_name_that_is_not_public() -> None:
    """Hazard G6: what a module exports is exported by the package."""
    for path in CORE:
        module = importlib.import_module("bitquery_auth" if path.stem == "__init__" else f"bitquery_auth.{path.stem}")
        assert set(getattr(module, "__all__", ())) <= set(bitquery_auth.__all__), path.name


def test_the_version_is_that_of_the_distribution() -> None:
    assert bitquery_auth.__version__ == version("bitquery_auth")


def test_importing_the_package_warns_of_nothing_and_imports_no_client() -> None:
    """Hazard B3."""
    clients = ["requests", "httpx", "httpx2", "authlib", "urllib3", "asyncio"]
    code = f"import sys, bitquery_auth; print([name for name in {clients!r} if name in sys.modules])"
    assert run("-W", "error", "-c", code) == "[]\n"


@pytest.mark.parametrize(
    ("names", "absent"),
    [
        ("Token, StaticToken, TokenSource, ConfigurationError, from_env", ["requests", "httpx", "httpx2", "authlib"]),
        ("RequestsAuth, StaticToken", ["httpx", "httpx2", "authlib"]),
        ("RequestsAuth, ClientCredentials", ["httpx", "httpx2"]),
        ("HTTPXAuth, StaticToken", ["authlib", "requests", "urllib3"]),
        ("websocket_url", ["requests", "httpx", "httpx2", "authlib"]),
    ],
)
def test_each_name_imports_only_what_it_needs(names: str, absent: list[str]) -> None:
    """Hazards B1, B3."""
    code = f"import sys; from bitquery_auth import {names}; print([name for name in {absent!r} if name in sys.modules])"
    assert run("-W", "error", "-c", code) == "[]\n"


def test_a_type_checker_sees_every_name() -> None:
    """Hazard G6: lazy names are imported under TYPE_CHECKING too, and the package says that it is typed."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assigned = {ast.unparse(node.targets[0]) for node in tree.body if isinstance(node, ast.Assign)}
    assert set(bitquery_auth.__all__) <= imported | assigned
    assert (PACKAGE / "py.typed").is_file()


def test_both_auths_are_constructed_alike() -> None:
    """One constructor to learn, and to be checked by type checkers."""
    ours, theirs = (
        [(each.name, each.kind, each.default) for each in inspect.signature(auth).parameters.values()]
        for auth in (RequestsAuth, HTTPXAuth)
    )
    assert ours == theirs


TRANSPORT = ["timeout", "verify", "cert", "proxies", "trust_env", "insecure_http"]


@pytest.mark.parametrize(
    ("thing", "positional", "by_name"),
    [
        (
            ClientCredentials,
            ["client_id", "client_secret"],
            [
                *("token_endpoint", "revocation_endpoint", "token_endpoint_auth_method", "scope", "token_params"),
                *("leeway", "renew_ahead", "default_lifetime", *TRANSPORT, "store"),
            ],
        ),
        (ShortTermToken, ["source"], ["lifetime", "endpoint", "leeway", "renew_ahead", *TRANSPORT]),
        (StaticToken, ["access_token"], []),
        (Token, ["access_token"], ["token_type", "scope", "expires_at"]),
        (
            RequestsAuth,
            ["source"],
            ["allowed_hosts", "header_name", "scheme", "is_auth_failure", "replay", "insecure_http"],
        ),
        (
            HTTPXAuth,
            ["source"],
            ["allowed_hosts", "header_name", "scheme", "is_auth_failure", "replay", "insecure_http"],
        ),
        (RedisTokenStore, ["url_or_client"], ["prefix"]),
        (websocket_url, ["url", "token"], []),
        (from_env, [], []),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_a_signature_shows_the_parameters(thing: Any, positional: list[str], by_name: list[str]) -> None:
    """Hazard G6: for editors and for whoever calls help()."""
    parameters = inspect.signature(thing).parameters.values()
    assert [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD] == positional
    assert [each.name for each in parameters if each.kind is each.KEYWORD_ONLY] == by_name
    assert len(parameters) == len(positional) + len(by_name)


@pytest.mark.parametrize(
    "name",
    ["token", "atoken", "renew", "arenew", "discard", "revoke", "arevoke", "from_env", "token_endpoint"],
)
def test_a_source_has_its_methods(name: str) -> None:
    """Hazard G4."""
    assert inspect.getdoc(getattr(ClientCredentials, name))


def lines_of_code(path: Path) -> int:
    """Lines that hold code: no blank ones, no comments, no docstrings."""
    source = path.read_text(encoding="utf-8")
    nothing = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    coded = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in nothing
        for line in range(token.start[0], token.end[0] + 1)
    }
    strings = (
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )
    return len(coded - {line for each in strings for line in range(each.lineno, (each.end_lineno or each.lineno) + 1)})


def test_the_core_is_small() -> None:
    sizes = {path.name: lines_of_code(path) for path in CORE}
    assert sum(sizes.values()) <= MOST_LINES_OF_CODE, sizes


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES_OF_A_FILE
