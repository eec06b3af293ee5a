"""The same requests to the sandbox and to a real Hydra get equal responses, field by field."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
import requests

from tests.contract.applications import BASIC, POST, Application
from tests.servers import AuthorizationServer as Server

HTTP = requests.Session()
HTTP.headers["Accept"] = "application/json"
HEADERS = (
    "Content-Type",
    "Cache-Control",
    "Pragma",
    "WWW-Authenticate",
    "Allow",
    "X-Content-Type-Options",
)
TOKEN, REVOKE = "/oauth2/token", "/oauth2/revoke"
BY_FORM, BY_HEADER = Application("parity-form", POST), Application("parity-header", BASIC)
SECRET = BY_FORM.client_secret
ODD_PAIRS = [
    ("odd", "se:cret"),
    ("odd", "se%cret"),
    ("odd", "se%41cret"),
    ("odd", "se+cret"),
    ("odd", "se/cret"),
    ("odd", "se cret"),
    ("odd", "se~cret"),
    ("odd", "seücret"),
    ("id:colon", "se%41cret"),
    ("sp-utf8 ü", "se+cret"),
    ("sp:ec%41+ id", "se:c%41+/ r"),
]


def with_odd_pair(pair: tuple[str, str], method: str) -> Application:
    return Application(f"{pair[0]} {ODD_PAIRS.index(pair)} {method}", method, pair[1])


@pytest.fixture(scope="module")
def both(server_named: Callable[[str], Server], the_sandbox: Server) -> tuple[Server, Server]:
    """Hydra and the sandbox, both of which know the same clients."""
    servers = (server_named("hydra"), the_sandbox)
    odd = [with_odd_pair(pair, method) for pair in ODD_PAIRS for method in (POST, BASIC)]
    for server in servers:
        for application in (BY_FORM, BY_HEADER, *odd):
            application.register(server)
    return servers


def seen(response: requests.Response) -> dict[str, Any]:
    """Return all that tells responses apart. A token of another shape stays visible."""
    body = re.sub(r'"ory_at_[\w-]{43}\.[\w-]{43}"', '"ory_at_…"', response.content.decode())
    body = re.sub(r'"expires_in":359[0-8]\b', '"expires_in":3599', body)  # a slow second
    headers = {name: response.headers.get(name) for name in HEADERS}
    return {"status": response.status_code, "body": body, **headers}


def assert_equal_responses(
    both: tuple[Server, Server], request: Callable[[Server], requests.Response]
) -> None:
    hydra, sandbox = (seen(request(server)) for server in both)
    assert sandbox == hydra


def basic(client_id: str, secret: str, encode: Callable[[str], bytes] = str.encode) -> str:
    return f"Basic {b64encode(encode(client_id) + b':' + encode(secret)).decode()}"


# -- requests that differ from a valid one in one thing or in two ----------------------------------


def as_text(body: str, content_type: str) -> dict[str, Any]:
    return {"data": body.encode(), "headers": {"Content-Type": content_type}}


FORM_TYPE = "application/x-www-form-urlencoded"
ENCODINGS: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
    "form": lambda form: {"data": form},
    "form with charset": lambda form: as_text(urlencode(form), f"{FORM_TYPE}; charset=UTF-8"),
    "form with a bad escape": lambda form: as_text(f"scope=%zz&{urlencode(form)}", FORM_TYPE),
    "form with repeated fields": lambda form: {
        "data": [*form.items(), ("scope", "read"), ("client_secret", "wrong"), ("token", "other")]
    },
    "multipart": lambda form: {"files": {name: (None, value) for name, value in form.items()}},
    "query": lambda form: {"params": form},
    "JSON": lambda form: {"json": form},
    "text": lambda form: as_text(urlencode(form), "text/plain"),
    "empty body": lambda _: {},
}
VALID = {
    "authorization": None,
    "credentials": {"client_id": BY_FORM.client_id, "client_secret": SECRET},
    "encoding": "form",
}
VALID_AT_TOKEN = VALID | {"grant_type": "client_credentials", "scope": "api", "audience": None}
VALID_AT_REVOCATION = VALID | {"token": "ory_at_unknown", "token_type_hint": None}
OF_BOTH_ENDPOINTS: dict[str, list[Any]] = {
    "authorization": [
        basic(BY_HEADER.client_id, SECRET),
        basic(BY_HEADER.client_id, SECRET).replace("Basic", "basic"),
        basic(BY_HEADER.client_id, "wrong"),
        basic(BY_HEADER.client_id, ""),
        basic(BY_FORM.client_id, SECRET),
        basic(BY_FORM.client_id, ""),
        basic("nobody", SECRET),
        basic("i%d", "secret"),
        basic("id", "se%cret"),
        "Basic",
        "Basic !!!",
        "Basic bm9jb2xvbg==",
        "Basic  YTpi",
        "Bearer x",
    ],
    "credentials": [
        {},
        {"client_id": BY_FORM.client_id},
        {"client_id": BY_FORM.client_id, "client_secret": ""},
        {"client_id": BY_FORM.client_id, "client_secret": "wrong"},
        {"client_id": BY_HEADER.client_id},
        {"client_id": BY_HEADER.client_id, "client_secret": SECRET},
        {"client_id": "nobody", "client_secret": SECRET},
    ],
    "encoding": list(ENCODINGS),
}
AT_TOKEN: dict[str, list[Any]] = {
    "grant_type": [
        None,
        "",
        "nope",
        "client_credentials ",
        "client_credentials password",
        "password",
        "refresh_token",
        "authorization_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ],
    "scope": [None, "", "nope", "read api read", "api nope other", "api\tread", "api\t", '<"&ü>'],
    "audience": ["", "https://api.example", "https://api.example https://other.example"],
    **OF_BOTH_ENDPOINTS,
}
AT_REVOCATION: dict[str, list[Any]] = {
    "token": [None, ""],
    "token_type_hint": ["access_token", "nope"],
    **OF_BOTH_ENDPOINTS,
}


def second_differences(dimensions: dict[str, list[Any]], first: str) -> Iterator[dict[str, Any]]:
    """Yield no difference, and then each one in a dimension that comes after `first`."""
    yield {}
    names = list(dimensions)
    for name in names[names.index(first) + 1 :]:
        for value in dimensions[name]:
            yield {name: value}


def send(server: Server, path: str, parts: Mapping[str, Any]) -> requests.Response:
    fields = {name: value for name, value in parts.items() if name not in VALID}
    form = {n: v for n, v in (fields | parts["credentials"]).items() if v is not None}
    options = ENCODINGS[parts["encoding"]](form)
    headers = {"Authorization": parts["authorization"], **options.pop("headers", {})}
    return HTTP.post(server.url + path, headers=headers, timeout=20, **options)


def assert_responds_equally(
    both: tuple[Server, Server], path: str, parts: Mapping[str, Any]
) -> None:
    assert_equal_responses(both, lambda server: send(server, path, parts))


@pytest.mark.parametrize("dimension", AT_TOKEN)
def test_the_token_endpoint_responds_as_hydras(both: tuple[Server, Server], dimension: str) -> None:
    for value in AT_TOKEN[dimension]:
        for second in second_differences(AT_TOKEN, dimension):
            parts = VALID_AT_TOKEN | {dimension: value} | second
            assert_responds_equally(both, TOKEN, parts)


@pytest.mark.parametrize("dimension", AT_REVOCATION)
def test_the_revocation_endpoint_responds_as_hydras(
    both: tuple[Server, Server], dimension: str
) -> None:
    for value in AT_REVOCATION[dimension]:
        for second in second_differences(AT_REVOCATION, dimension):
            parts = VALID_AT_REVOCATION | {dimension: value} | second
            assert_responds_equally(both, REVOKE, parts)


# -- special characters, issued tokens, other methods ----------------------------------------------


@pytest.mark.parametrize("pair", ODD_PAIRS)
def test_special_characters_are_decoded_as_hydra_does(
    both: tuple[Server, Server], pair: tuple[str, str]
) -> None:
    by_form, by_header = (with_odd_pair(pair, method) for method in (POST, BASIC))
    credentials = {"client_id": by_form.client_id, "client_secret": by_form.client_secret}
    parts = [VALID_AT_TOKEN | {"credentials": credentials}]
    encoders: list[Callable[[str], bytes]] = [
        lambda text: quote(text, safe="").encode(),
        lambda text: quote_plus(text).encode(),
        str.encode,
        lambda text: text.encode("latin-1"),
    ]
    for encode in encoders:
        header = basic(by_header.client_id, by_header.client_secret, encode)
        parts.append(VALID_AT_TOKEN | {"credentials": {}, "authorization": header})
    for each in parts:
        assert_responds_equally(both, TOKEN, each)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("revoker", [BY_FORM, BY_HEADER], ids=["its client", "another client"])
def test_the_revocation_of_a_token_gets_the_response_of_hydra(
    both: tuple[Server, Server], revoker: Application, times: int
) -> None:
    def revoke(server: Server) -> requests.Response:
        parts = VALID_AT_REVOCATION | {"token": BY_FORM.at(server).token().access_token}
        if revoker is BY_HEADER:
            header = basic(revoker.client_id, revoker.client_secret)
            parts |= {"credentials": {}, "authorization": header}
        return [send(server, REVOKE, parts) for _ in range(times)][-1]

    assert_equal_responses(both, revoke)


@pytest.mark.parametrize("path", [TOKEN, REVOKE, f"{TOKEN}/below"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_get_the_response_of_hydras_router(
    both: tuple[Server, Server], method: str, path: str
) -> None:
    assert_equal_responses(both, lambda server: HTTP.request(method, server.url + path, timeout=20))
