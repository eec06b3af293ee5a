"""What each real server responds to plain requests: facts on which library and sandbox rest.

A response is written `200 api` (a token, with the granted scope), `200 -` (a token, without a
scope), or `401 invalid_client Basic` (the OAuth error and the scheme of `WWW-Authenticate`, if it
has them).
"""

import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import quote, quote_plus

import pytest
import requests

from . import AuthorizationServer, ClientAuthMethod

HTTP = requests.Session()
HTTP.trust_env = False
HTTP.headers["Accept"] = "application/json"


@dataclass(frozen=True)
class Client:
    client_id: str
    method: ClientAuthMethod
    secret: str = "a-fine-Secret_1.~"
    scopes: tuple[str, ...] = ("api", "read")

    @property
    def mistaken(self) -> "Client":
        return replace(self, secret="wrong")

    @property
    def in_form(self) -> dict[str, str]:
        return {"client_id": self.client_id, "client_secret": self.secret}

    def in_header(self, encode: Callable[[str], bytes]) -> dict[str, str]:
        pair = encode(self.client_id) + b":" + encode(self.secret)
        return {"Authorization": f"Basic {b64encode(pair).decode()}"}


BASIC = Client("basic-client", "client_secret_basic")
POST = Client("post-client", "client_secret_post")
READER = Client("reader", "client_secret_post", scopes=("read",))
STRANGER = Client("stranger", "client_secret_basic")


def register(server: AuthorizationServer, client: Client, lifetime: int | None = None) -> None:
    server.register(client.client_id, client.secret, client.method, client.scopes, lifetime)


@pytest.fixture(scope="module", autouse=True)
def known_clients(server: AuthorizationServer) -> None:
    for client in (BASIC, POST, READER):
        register(server, client)


GRANT = {"grant_type": "client_credentials"}
FORM_TYPE = "application/x-www-form-urlencoded"
FOR_API = GRANT | {"scope": "api"}

Ask = Callable[[str], requests.Response]


def percent_encoded(text: str) -> bytes:
    return quote(text, safe="").encode()


def plus_encoded(text: str) -> bytes:
    return quote_plus(text).encode()


def plain_header(client: Client) -> dict[str, str]:
    return client.in_header(percent_encoded)


def by_header(client: Client, form: dict[str, str] = FOR_API) -> Ask:
    return lambda url: HTTP.post(url, data=form, headers=plain_header(client))


def by_form(client: Client, form: dict[str, str] = FOR_API, content_type: str = FORM_TYPE) -> Ask:
    return lambda url: HTTP.post(
        url, data=form | client.in_form, headers={"Content-Type": content_type}
    )


def by_both(header: Client, form: Client) -> Ask:
    return by_header(header, FOR_API | form.in_form)


def with_authorization(value: str) -> Ask:
    return lambda url: HTTP.post(url, data=FOR_API, headers={"Authorization": value})


def outcome(response: requests.Response) -> str:
    try:
        answer = response.json()
    except requests.JSONDecodeError:
        return str(response.status_code)
    if "access_token" in answer:
        return f"{response.status_code} {answer.get('scope', '-')}"
    challenge = response.headers.get("WWW-Authenticate", "").partition(" ")[0]
    return f"{response.status_code} {answer['error']} {challenge}".strip()


class Answers(NamedTuple):
    """One row of a table; HAProxy is in front of the API only, so its column is Hydra's."""

    hydra: str
    oidc_provider: str
    django_oauth_toolkit: str

    def of(self, server: AuthorizationServer) -> str:
        return str(self._asdict()[server.name.removesuffix("-haproxy").replace("-", "_")])


TOKEN = Answers("200 api", "200 api", "200 api")
BAD_HEADER = Answers("401 invalid_client", "401 invalid_client Basic", "401 invalid_client Bearer")
BAD_FORM = Answers("401 invalid_client", "401 invalid_client", "401 invalid_client Bearer")
ANY_STYLE = Answers("401 invalid_client", "200 api", "200 api")
TWO_STYLES = Answers("401 invalid_client", "400 invalid_request", "200 api")

CASES: dict[str, tuple[Ask, Answers]] = {
    "header": (by_header(BASIC), TOKEN),
    "form": (by_form(POST), TOKEN),
    "header of a form client": (by_header(POST), ANY_STYLE),
    "form of a header client": (by_form(BASIC), ANY_STYLE),
    "wrong secret in header": (by_header(BASIC.mistaken), BAD_HEADER),
    "wrong secret in form": (by_form(POST.mistaken), BAD_FORM),
    "unknown client in header": (by_header(STRANGER), BAD_HEADER),
    "unknown client in form": (by_form(STRANGER), BAD_FORM),
    "no credentials": (
        lambda url: HTTP.post(url, data=FOR_API),
        Answers("400 invalid_request", "400 invalid_request", "401 invalid_client Bearer"),
    ),
    "client id alone in form": (
        lambda url: HTTP.post(url, data=FOR_API | {"client_id": POST.client_id}),
        BAD_FORM,
    ),
    "both styles, header client": (by_both(BASIC, BASIC), TWO_STYLES),
    "both styles, form client": (by_both(POST, POST), TWO_STYLES),
    "both styles, wrong secret in form": (by_both(BASIC, BASIC.mistaken), TWO_STYLES),
    "both styles, wrong secret in header": (by_both(POST.mistaken, POST), TWO_STYLES),
    "header, and client id in form": (
        by_header(BASIC, FOR_API | {"client_id": BASIC.client_id}),
        TOKEN,
    ),
    "credentials in query": (
        lambda url: HTTP.post(url, params=FOR_API | POST.in_form),
        Answers("400 invalid_request", "400 invalid_request", "400 invalid_request"),
    ),
    "no scope": (by_form(POST, GRANT), Answers("200 ", "200 -", "200 api read write")),
    "empty scope": (
        by_form(POST, GRANT | {"scope": ""}),
        Answers("200 ", "200 -", "400 invalid_scope"),
    ),
    "unknown scope": (
        by_form(POST, GRANT | {"scope": "nope"}),
        Answers("400 invalid_scope", "200 -", "400 invalid_scope"),
    ),
    "scope of others": (
        by_form(READER),
        Answers("400 invalid_scope", "400 invalid_scope", "200 api"),
    ),
    "two scopes": (
        by_form(POST, GRANT | {"scope": "api read"}),
        Answers("200 api read", "200 api read", "200 api read"),
    ),
    "no grant type": (
        by_form(POST, {"scope": "api"}),
        Answers("400 invalid_request", "400 invalid_request", "400 unsupported_grant_type"),
    ),
    "unknown grant type": (
        by_form(POST, FOR_API | {"grant_type": "nope"}),
        Answers("400 invalid_request", "400 unsupported_grant_type", "400 unsupported_grant_type"),
    ),
    "GET": (
        lambda url: HTTP.get(url, params=FOR_API | POST.in_form),
        Answers("405", "404", "405"),
    ),
    "JSON": (
        lambda url: HTTP.post(url, json=FOR_API | POST.in_form),
        Answers("400 invalid_request", "400 invalid_request", "400 unsupported_grant_type"),
    ),
    "header that is not base64": (
        with_authorization("Basic !!!"),
        Answers("400 invalid_request", "400 invalid_request", "401 invalid_client Bearer"),
    ),
    "lower-case basic": (
        with_authorization(plain_header(BASIC)["Authorization"].replace("Basic", "basic")),
        Answers("200 api", "200 api", "401 invalid_client Bearer"),
    ),
    "content type with charset": (
        by_form(POST, content_type=f"{FORM_TYPE}; charset=UTF-8"),
        TOKEN,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_token_endpoint_answers_as_noted(server: AuthorizationServer, case: str) -> None:
    ask, answers = CASES[case]
    assert outcome(ask(server.token_endpoint)) == answers.of(server)


SECRETS = {
    "colon": "se:cret",
    "percent": "se%cret",
    "percent 41": "se%41cret",
    "plus": "se+cret",
    "slash": "se/cret",
    "space": "se cret",
    "tilde": "se~cret",
}
# Where the secret is put into the header as it is: the server decodes it all the same.
UNENCODED = {
    "colon": TOKEN,
    "percent": Answers("400 invalid_request", "400 invalid_request", "200 api"),
    "percent 41": BAD_HEADER,
    "plus": BAD_HEADER,
    "slash": TOKEN,
    "space": TOKEN,
    "tilde": TOKEN,
}
ODD_PAIR = Client("sp:ec%41+ id", "client_secret_basic", "se:c%41+/ r")


@pytest.mark.parametrize("character", SECRETS)
def test_a_percent_encoded_header_carries_any_secret(
    server: AuthorizationServer, character: str
) -> None:
    client = Client("odd-secret", "client_secret_basic", SECRETS[character])
    register(server, client)
    assert outcome(by_header(client)(server.token_endpoint)) == TOKEN.of(server)


@pytest.mark.parametrize("character", SECRETS)
def test_a_header_that_is_not_encoded_breaks_some_secrets(
    server: AuthorizationServer, character: str
) -> None:
    client = Client("odd-secret", "client_secret_basic", SECRETS[character])
    register(server, client)
    response = HTTP.post(server.token_endpoint, data=FOR_API, headers=client.in_header(str.encode))
    assert outcome(response) == UNENCODED[character].of(server)


@pytest.mark.parametrize("character", SECRETS)
def test_the_form_carries_any_secret(server: AuthorizationServer, character: str) -> None:
    client = Client("odd-secret", "client_secret_post", SECRETS[character])
    register(server, client)
    assert outcome(by_form(client)(server.token_endpoint)) == TOKEN.of(server)


@pytest.mark.parametrize(
    "encode", [percent_encoded, plus_encoded], ids=["space as %20", "space as +"]
)
def test_an_encoded_header_carries_an_odd_client_id(
    server: AuthorizationServer, encode: Callable[[str], bytes]
) -> None:
    register(server, ODD_PAIR)
    response = HTTP.post(server.token_endpoint, data=FOR_API, headers=ODD_PAIR.in_header(encode))
    assert outcome(response) == TOKEN.of(server)


def test_an_odd_client_id_needs_the_encoding(server: AuthorizationServer) -> None:
    register(server, ODD_PAIR)
    response = HTTP.post(
        server.token_endpoint, data=FOR_API, headers=ODD_PAIR.in_header(str.encode)
    )
    assert outcome(response) == BAD_HEADER.of(server)


def test_a_secret_beyond_ascii_is_utf_8(server: AuthorizationServer) -> None:
    client = Client("odd-secret", "client_secret_basic", "se\u00fccret")
    register(server, client)
    noted = Answers("200 api", "400 invalid_request", "200 api")
    assert outcome(by_header(client)(server.token_endpoint)) == noted.of(server)


def test_a_token_says_its_type_and_lifetime(server: AuthorizationServer) -> None:
    answer = by_form(POST)(server.token_endpoint).json()
    noted = Answers("bearer 3599", "Bearer 3600", "Bearer 3600")
    assert f"{answer['token_type']} {answer['expires_in']}" == noted.of(server)


def test_hydra_names_the_style_that_a_client_must_use(server: AuthorizationServer) -> None:
    if not server.name.startswith("hydra"):
        pytest.skip("it takes either style")
    response = by_header(POST)(server.token_endpoint)
    assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert response.json() == {
        "error": "invalid_client",
        "error_description": (
            "Client authentication failed (e.g., unknown client, no client authentication "
            "included, or unsupported "
            "authentication method). The OAuth 2.0 Client supports client authentication method "
            "'client_secret_post', "
            "but method 'client_secret_basic' was requested. You must configure the OAuth 2.0 "
            "client's "
            "'token_endpoint_auth_method' value to accept 'client_secret_basic'."
        ),
    }


def token(server: AuthorizationServer, client: Client = POST) -> str:
    return str(by_form(client)(server.token_endpoint).json()["access_token"])


def ask_api(server: AuthorizationServer, authorization: str | None) -> requests.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    return HTTP.post(server.api_url, json={"query": "{ ok }"}, headers=headers)


@pytest.mark.parametrize("prefix", ["Bearer ", ""], ids=["Bearer", "bare"])
def test_the_api_answers_to_a_token(server: AuthorizationServer, prefix: str) -> None:
    response = ask_api(server, prefix + token(server))
    assert (response.status_code, response.text) == (200, '{"data":{"ok":true}}')


@pytest.mark.parametrize("authorization", [None, "Bearer nonsense", "nonsense"])
def test_the_api_refuses_whatever_is_no_token(
    server: AuthorizationServer, authorization: str | None
) -> None:
    response = ask_api(server, authorization)
    assert (response.status_code, response.headers["Content-Type"], response.text) == (
        401,
        "text/plain",
        "Unauthorized",
    )


def test_the_api_reads_a_body_sent_in_chunks(server: AuthorizationServer) -> None:
    headers = {"Authorization": token(server)}
    with requests.Session() as session:
        session.trust_env = False
        for _ in range(2):
            body = (piece for piece in (b"a" * 100_000, b"b"))
            assert session.post(server.api_url, data=body, headers=headers).status_code == 200


def test_a_token_expires_at_its_end(server: AuthorizationServer) -> None:
    client = Client("short-lived", "client_secret_post")
    register(server, client, lifetime=2)
    asked = time.monotonic()
    answer = by_form(client)(server.token_endpoint).json()
    assert answer["expires_in"] == int(Answers("1", "2", "2").of(server))
    while ask_api(server, answer["access_token"]).status_code == 200:
        assert time.monotonic() < asked + 10, "the token outlives its lifetime"
        time.sleep(0.05)
    # Servers count in whole seconds, so a token may lose one of them.
    assert time.monotonic() - asked > 0.9


def test_another_registration_with_the_same_id_replaces_the_first(
    server: AuthorizationServer,
) -> None:
    client = Client("changing", "client_secret_post")
    register(server, client)
    register(server, replace(client, secret="another-fine-secret"))
    assert outcome(by_form(client)(server.token_endpoint)) == BAD_FORM.of(server)


def revoke(server: AuthorizationServer, access_token: str, client: Client) -> requests.Response:
    return by_form(client, {"token": access_token})(server.revocation_endpoint)


def test_a_client_can_revoke_its_token(server: AuthorizationServer) -> None:
    revoked, other = token(server), token(server)
    response = revoke(server, revoked, POST)
    assert (response.status_code, response.text) == (200, "")
    assert ask_api(server, revoked).status_code == 401
    assert ask_api(server, other).status_code == 200


def test_a_client_cannot_revoke_the_token_of_another(server: AuthorizationServer) -> None:
    access_token = token(server)
    response = revoke(server, access_token, READER)
    assert response.status_code == int(Answers("200", "400", "200").of(server))
    assert ask_api(server, access_token).status_code == 200


def test_revoking_takes_the_style_of_the_client(server: AuthorizationServer) -> None:
    response = by_header(POST, {"token": token(server)})(server.revocation_endpoint)
    assert response.status_code == int(Answers("401", "200", "200").of(server))


def test_all_tokens_can_be_revoked_at_once(server: AuthorizationServer) -> None:
    another = Client("another", "client_secret_post")
    register(server, another)
    tokens = [token(server), token(server, another)]
    server.revoke_all()
    assert [ask_api(server, each).status_code for each in tokens] == [401, 401]
    assert ask_api(server, token(server)).status_code == 200


def test_every_request_is_counted_once(server: AuthorizationServer) -> None:
    server.reset_counts()
    assert (server.token_requests, server.api_requests) == (0, 0)
    access_token = token(server)
    by_form(POST.mistaken)(server.token_endpoint)
    ask_api(server, access_token)
    ask_api(server, "nonsense")
    revoke(server, access_token, POST)
    assert ask_api(server, access_token).status_code == 401
    assert (server.token_requests, server.api_requests) == (2, 3)
