"""The same raw requests to the sandbox and to a real Hydra get equal responses, field by field."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import requests

from tests.contract.sandbox_server import SandboxServer
from tests.servers import AuthorizationServer, ClientAuthMethod
from tests.servers.test_servers_answer import (
    BASIC,
    CASES,
    FOR_API,
    GRANT,
    HTTP,
    ODD_PAIR,
    POST,
    READER,
    SECRETS,
    STRANGER,
    Ask,
    Client,
    by_form,
    by_header,
    percent_encoded,
    plus_encoded,
    register,
    token,
    with_authorization,
)

Server = AuthorizationServer

HEADERS = (
    "Content-Type",
    "Cache-Control",
    "Pragma",
    "WWW-Authenticate",
    "Allow",
    "X-Content-Type-Options",
)


@pytest.fixture(scope="module")
def both(
    server_named: Callable[[str], Server], the_sandbox: SandboxServer
) -> tuple[Server, Server]:
    """Hydra and the sandbox, both of which know the same clients."""
    servers = (server_named("hydra"), the_sandbox)
    for server in servers:
        for client in (BASIC, POST, READER, *ODD_CLIENTS.values()):
            register(server, client)
    return servers


def seen(response: requests.Response) -> dict[str, Any]:
    """What a client can tell answers apart by."""
    # A token of another shape, or a fraction of a second, would stay visible.
    body = re.sub(r'"ory_at_[\w-]{43}\.[\w-]{43}"', '"ory_at_…"', response.content.decode())
    body = re.sub(r'"expires_in":359[0-8]\b', '"expires_in":3599', body)  # a slow second
    return {"status": response.status_code, "body": body} | {
        name: response.headers.get(name) for name in HEADERS
    }


def assert_equal_answers(
    both: tuple[Server, Server], ask: Callable[[Server], requests.Response]
) -> None:
    hydra, sandbox = (seen(ask(server)) for server in both)
    assert sandbox == hydra


def at_token_endpoint(ask: Ask, server: Server) -> requests.Response:
    return ask(server.token_endpoint)


def at_revocation_endpoint(ask: Ask, server: Server) -> requests.Response:
    return ask(server.revocation_endpoint)


# -- the token endpoint
# -----------------------------------------------------------------------------

MORE_CASES: dict[str, Ask] = {
    "repeated field": lambda url: HTTP.post(
        url, data=[*(FOR_API | POST.in_form).items(), ("scope", "read")]
    ),
    "repeated scope": by_form(POST, GRANT | {"scope": "read api read"}),
    "scopes, one unknown": by_form(POST, GRANT | {"scope": "api nope other"}),
    "scopes with a tab between": by_form(POST, GRANT | {"scope": "api\tread"}),
    "scope with a tab behind": by_form(POST, GRANT | {"scope": "api\t"}),
    "scope that JSON escapes": by_form(POST, GRANT | {"scope": '<"&ü>'}),
    "audience": by_form(POST, FOR_API | {"audience": "https://api.example"}),
    "audiences": by_form(POST, FOR_API | {"audience": "https://api.example https://other.example"}),
    "audience, wrong secret": by_form(POST.mistaken, FOR_API | {"audience": "https://api.example"}),
    "audience, unknown scope": by_form(
        POST, GRANT | {"scope": "nope", "audience": "https://api.example"}
    ),
    "audience, empty": by_form(POST, FOR_API | {"audience": ""}),
    "wrong secret and wrong style": by_header(POST.mistaken),
    "no secret in form": by_form(Client(POST.client_id, "client_secret_post", secret="")),
    "no secret in header": by_header(Client(BASIC.client_id, "client_secret_basic", secret="")),
    "no secret in header of a form client": by_header(
        Client(POST.client_id, "client_secret_basic", secret="")
    ),
    "empty body": HTTP.post,
    "body of another type": lambda url: HTTP.post(
        url, data=b"a=b", headers={"Content-Type": "text/plain"}
    ),
    "multipart": lambda url: HTTP.post(
        url, files={name: (None, v) for name, v in (FOR_API | POST.in_form).items()}
    ),
    "body with a bad escape": lambda url: HTTP.post(
        url,
        data="grant_type=client_credentials&scope=%zz",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
    "no scheme in header": with_authorization("Basic"),
    "no colon in header": with_authorization("Basic bm9jb2xvbg=="),
    "two spaces in header": with_authorization("Basic  YTpi"),
    "bearer in header": with_authorization("Bearer x"),
    "id with a bad escape": with_authorization("Basic aSVkOnNlY3JldA=="),
    "grant type with a space behind": by_form(
        POST, FOR_API | {"grant_type": "client_credentials "}
    ),
    "two grant types": by_form(POST, FOR_API | {"grant_type": "client_credentials password"}),
    "grant type in query": lambda url: HTTP.post(url, params=GRANT, data=POST.in_form),
    "path below": lambda url: HTTP.post(f"{url}/below", data=FOR_API | POST.in_form),
} | {
    f"{grant_type} of {name}": by_form(client, FOR_API | {"grant_type": grant_type})
    for grant_type in (
        "password",
        "refresh_token",
        "authorization_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    )
    for name, client in {
        "a client": POST,
        "a wrong secret": POST.mistaken,
        "a stranger": STRANGER,
    }.items()
}


@pytest.mark.parametrize("case", CASES)
def test_the_token_endpoint_answers_as_hydras(both: tuple[Server, Server], case: str) -> None:
    ask, _ = CASES[case]
    assert_equal_answers(both, partial(at_token_endpoint, ask))


@pytest.mark.parametrize("case", MORE_CASES)
def test_the_token_endpoint_answers_as_hydras_to_what_is_rarer(
    both: tuple[Server, Server], case: str
) -> None:
    assert_equal_answers(both, partial(at_token_endpoint, MORE_CASES[case]))


@pytest.mark.parametrize("at", [at_token_endpoint, at_revocation_endpoint])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_answered_as_hydras_router_does(
    both: tuple[Server, Server], method: str, at: Callable[[Ask, Server], requests.Response]
) -> None:
    assert_equal_answers(
        both, partial(at, lambda url: HTTP.request(method, url, data=FOR_API | POST.in_form))
    )


# -- special characters
# -----------------------------------------------------------------------------

METHODS: tuple[ClientAuthMethod, ...] = ("client_secret_basic", "client_secret_post")
ODD_PAIRS = {
    **{f"secret with {name}": ("odd-parity", secret) for name, secret in SECRETS.items()},
    "secret with umlaut": ("odd-parity", "se\u00fccret"),
    "id with colon": ("id:colon", "se%41cret"),
    "id with umlaut": ("sp-utf8 \u00fc", "se+cret"),
    "both with many": (ODD_PAIR.client_id, ODD_PAIR.secret),
}
ODD_CLIENTS = {
    (pair, method): Client(f"{client_id} {pair} {method}", method, secret)
    for pair, (client_id, secret) in ODD_PAIRS.items()
    for method in METHODS
}
ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "%20": percent_encoded,
    "+": plus_encoded,
    "raw utf-8": str.encode,
    "raw latin-1": lambda text: text.encode("latin-1"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("pair", ODD_PAIRS)
def test_the_header_is_decoded_as_hydra_does(
    both: tuple[Server, Server], pair: str, encoding: str
) -> None:
    header = ODD_CLIENTS[pair, "client_secret_basic"].in_header(ENCODINGS[encoding])
    assert_equal_answers(
        both, partial(at_token_endpoint, with_authorization(header["Authorization"]))
    )


@pytest.mark.parametrize("pair", ODD_PAIRS)
def test_the_form_is_decoded_as_hydra_does(both: tuple[Server, Server], pair: str) -> None:
    assert_equal_answers(
        both, partial(at_token_endpoint, by_form(ODD_CLIENTS[pair, "client_secret_post"]))
    )


# -- the revocation endpoint
# ------------------------------------------------------------------------

UNKNOWN = {"token": "ory_at_unknown"}
REVOCATIONS: dict[str, Ask] = {
    "wrong style": by_header(POST, UNKNOWN),
    "wrong style, form": by_form(BASIC, UNKNOWN),
    "wrong secret": by_form(POST.mistaken, UNKNOWN),
    "unknown client": by_header(STRANGER, UNKNOWN),
    "no credentials": lambda url: HTTP.post(url, data=UNKNOWN),
    "no token": by_form(POST, {}),
    "no token, header": by_header(BASIC, {}),
    "empty token": by_form(POST, {"token": ""}),
    "unknown token": by_form(POST, UNKNOWN),
    "unknown token, header": by_header(BASIC, UNKNOWN),
    "hint": by_form(POST, UNKNOWN | {"token_type_hint": "access_token"}),
    "hint that is none": by_form(POST, UNKNOWN | {"token_type_hint": "nope"}),
    "empty body": HTTP.post,
    "JSON": lambda url: HTTP.post(url, json=UNKNOWN | POST.in_form),
    "header that is not base64": with_authorization("Basic !!!"),
    "secret with a bad escape": with_authorization("Basic aWQ6c2UlY3JldA=="),
}


@pytest.mark.parametrize("case", REVOCATIONS)
def test_the_revocation_endpoint_answers_as_hydras(both: tuple[Server, Server], case: str) -> None:
    assert_equal_answers(both, partial(at_revocation_endpoint, REVOCATIONS[case]))


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("revoker", [POST, READER], ids=["its client", "another client"])
def test_the_revocation_of_a_token_is_answered_as_hydra_does(
    both: tuple[Server, Server], revoker: Client, times: int
) -> None:
    def ask(server: Server) -> requests.Response:
        revoke = by_form(revoker, {"token": token(server)})
        return [revoke(server.revocation_endpoint) for _ in range(times)][-1]

    assert_equal_answers(both, ask)
