"""How the sandbox decodes Basic credentials: as Hydra does, with Go's ``url.QueryUnescape`` on both halves."""

from __future__ import annotations

import base64
from urllib.parse import quote_plus

import pytest
import requests

from bitquery_auth.sandbox import Sandbox

SPECIAL_SECRETS = [
    # secret, status when sent raw
    ("se:cret", 200),
    ("se%cret", 400),
    ("se%41cret", 401),
    ("se+cret", 401),
    ("se/cret", 200),
    ("se cret", 200),
    ("se~cret", 200),
    ("sücret", 200),
]


def ask(sandbox: Sandbox, credentials: bytes, scheme: str = "Basic") -> requests.Response:
    return requests.post(
        sandbox.token_endpoint,
        data={"grant_type": "client_credentials", "scope": "api"},
        headers={"Authorization": f"{scheme} {base64.b64encode(credentials).decode()}"},
        timeout=10,
    )


@pytest.fixture
def sandbox(bitquery_sandbox: Sandbox) -> Sandbox:
    bitquery_sandbox.token_endpoint_auth_method = "client_secret_basic"
    return bitquery_sandbox


@pytest.mark.parametrize(("secret", "status"), SPECIAL_SECRETS)
def test_a_raw_secret_fails_where_decoding_changes_it(sandbox: Sandbox, secret: str, status: int) -> None:
    sandbox.client_secret = secret
    assert ask(sandbox, f"{sandbox.client_id}:{secret}".encode()).status_code == status


@pytest.mark.parametrize("space", ["+", "%20"])
@pytest.mark.parametrize("secret", [secret for secret, _ in SPECIAL_SECRETS])
@pytest.mark.parametrize("client_id", ["plain", "id:colon", "sp:ec%41+/ id", "sp-utf8 ü"])
def test_form_encoded_halves_always_pass(sandbox: Sandbox, client_id: str, secret: str, space: str) -> None:
    sandbox.client_id, sandbox.client_secret = client_id, secret
    encoded = f"{quote_plus(client_id)}:{quote_plus(secret)}".replace("+", space)
    assert ask(sandbox, encoded.encode()).status_code == 200


@pytest.mark.parametrize("client_id", ["id:colon", "sp:ec%41+/ id"])
def test_a_raw_id_with_special_characters_is_unknown(sandbox: Sandbox, client_id: str) -> None:
    sandbox.client_id = client_id
    assert ask(sandbox, f"{client_id}:{sandbox.client_secret}".encode()).status_code == 401


def test_latin_1_is_not_utf_8(sandbox: Sandbox) -> None:
    sandbox.client_secret = "sücret"
    assert ask(sandbox, f"{sandbox.client_id}:sücret".encode("latin-1")).status_code == 401


@pytest.mark.parametrize(("credentials", "part"), [(b"id:se%cret", "secret"), (b"i%d:secret", "id")])
def test_a_half_that_cannot_be_decoded_is_named(sandbox: Sandbox, credentials: bytes, part: str) -> None:
    answer = ask(sandbox, credentials)
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "invalid_request",
        "error_description": (
            "The request is missing a required parameter, includes an invalid parameter value, includes a parameter "
            f"more than once, or is otherwise malformed. The client {part} in the HTTP authorization header could "
            "not be decoded from 'application/x-www-form-urlencoded'."
        ),
    }


@pytest.mark.parametrize("scheme", ["basic", "BASIC"])
def test_the_scheme_is_taken_in_any_case(sandbox: Sandbox, scheme: str) -> None:
    assert ask(sandbox, f"{sandbox.client_id}:{sandbox.client_secret}".encode(), scheme).status_code == 200


@pytest.mark.parametrize("secret", [secret for secret, _ in SPECIAL_SECRETS])
def test_the_form_body_carries_every_character(bitquery_sandbox: Sandbox, secret: str) -> None:
    bitquery_sandbox.client_id, bitquery_sandbox.client_secret = "sp:ec%41+/ id ü", secret
    form = {"grant_type": "client_credentials", "client_id": "sp:ec%41+/ id ü", "client_secret": secret}
    assert requests.post(bitquery_sandbox.token_endpoint, data=form, timeout=10).status_code == 200
