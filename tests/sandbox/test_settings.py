"""Outages, counts, records, further applications, and how programs are pointed at the sandbox."""

import logging
import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

import bitquery_auth
from bitquery_auth import ClientCredentials, RequestsAuth
from bitquery_auth.sandbox import Recorded, Sandbox
from tests.sandbox.calls import call_api, new_token, request_token, token_form


@pytest.mark.parametrize("status", [503, 302, 499])
@pytest.mark.parametrize("retry_after", [None, 7, "Fri, 31 Dec 1999 23:59:59 GMT"])
def test_an_outage_sends_its_status_with_html(
    sandbox: Sandbox, status: int, retry_after: str | int | None
) -> None:
    sandbox.outage = sandbox.api_outage = status
    sandbox.retry_after = retry_after
    for response in (request_token(sandbox), call_api(sandbox, None)):
        assert response.status_code == status
        assert response.headers["Content-Type"] == "text/html"
        assert response.text.startswith(f"<html><body><h1>{status}")
        assert response.headers.get("Retry-After") == (retry_after and str(retry_after))
    assert (sandbox.token_requests, sandbox.tokens_issued) == (1, 0)
    assert (sandbox.api_requests, sandbox.api_refusals) == (1, 0)


@pytest.mark.parametrize("status", [204, 304])
def test_an_outage_with_a_status_without_a_body_has_none(sandbox: Sandbox, status: int) -> None:
    sandbox.outage = status
    with requests.Session() as session:
        for _ in range(2):
            response = session.post(sandbox.token_endpoint, timeout=10)
            assert (response.status_code, response.content) == (status, b"")
            assert "Content-Length" not in response.headers


def test_a_dropped_request_is_counted_and_recorded_without_a_status(sandbox: Sandbox) -> None:
    sandbox.outage = sandbox.api_outage = "drop"
    with pytest.raises(requests.ConnectionError):
        request_token(sandbox)
    with pytest.raises(requests.ConnectionError):
        call_api(sandbox, None)
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 1)
    assert [record.status for record in sandbox.requests] == [None, None]


def test_a_function_of_the_user_that_fails_is_logged_and_gets_a_500(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> float:
        raise OSError

    sandbox.clock = fail
    with caplog.at_level(logging.ERROR, "bitquery_auth.sandbox"):
        assert request_token(sandbox).status_code == 500
    assert "The sandbox failed at POST /oauth2/token" in caplog.text
    assert sandbox.requests[-1].status == 500


def test_counts_are_exact_under_many_threads(sandbox: Sandbox) -> None:
    token = new_token(sandbox)
    sandbox.reset_counts()

    def work(number: int) -> None:
        request_token(sandbox)
        call_api(sandbox, token if number % 2 else None)
        call_api(sandbox, token, "POST", json={"expires_in": 9})
        requests.post(sandbox.revocation_endpoint, token_form(sandbox), timeout=10)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(64)))
    assert (sandbox.token_requests, sandbox.tokens_issued) == (64, 128)
    assert (sandbox.api_requests, sandbox.api_refusals) == (128, 32)
    assert (sandbox.short_term_requests, sandbox.revocation_requests) == (64, 64)
    assert len(sandbox.requests) == 256
    sandbox.reset_counts()
    assert (sandbox.token_requests, sandbox.tokens_issued, sandbox.requests) == (0, 0, ())
    assert call_api(sandbox, token).status_code == 200


def test_a_record_holds_the_request_as_it_was_sent(sandbox: Sandbox) -> None:
    call_api(sandbox, "ory_at_unknown", "POST", params={"a": "b"}, data=b"\x00body")
    record = sandbox.requests[-1]
    assert (record.method, record.path) == ("POST", "/graphql?a=b")
    assert (record.body, record.status) == (b"\x00body", 401)
    assert record.headers["authorization"] == record.headers["AUTHORIZATION"]
    assert record.headers.get("x-other") is None
    assert {"host", "authorization"} <= set(record.headers)
    assert len(record.headers) == len(list(record.headers))


def test_on_request_is_called_with_every_record(
    sandbox: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    records: list[Recorded] = []
    sandbox.on_request = records.append
    request_token(sandbox)
    sandbox.outage = "drop"
    with pytest.raises(requests.ConnectionError):
        request_token(sandbox)
    assert [str(record) for record in records] == [
        "POST /oauth2/token: 200",
        "POST /oauth2/token: no response",
    ]
    sandbox.on_request = lambda record: {}[record.path]
    with pytest.raises(requests.ConnectionError):
        call_api(sandbox, None)
    assert "KeyError: '/graphql'" in capfd.readouterr().err


def test_reprs_and_texts_show_no_secret_and_no_token(sandbox: Sandbox) -> None:
    token = new_token(sandbox)
    call_api(sandbox, token, "POST", params={"token": token}, json={"query": token})
    record = sandbox.requests[-1]
    shown = f"{sandbox!r} {sandbox.requests} {record} {record.headers!r}"
    assert token not in shown
    assert sandbox.client_secret not in shown
    assert "<Recorded POST /graphql: 200>" in shown


def test_generated_credentials_have_bitquerys_format() -> None:
    for _ in range(100):
        sandbox = Sandbox()
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", sandbox.client_id)
        assert re.fullmatch(r"[A-Za-z0-9_.~][A-Za-z0-9_.~-]{25}", sandbox.client_secret)


def test_further_clients_have_their_own_secret_method_scopes_and_audiences(
    sandbox: Sandbox,
) -> None:
    sandbox.add_client(
        "other",
        "other-secret",
        token_endpoint_auth_method="client_secret_basic",
        scopes=("read",),
        audiences=("https://api.example",),
        lifetime=5,
    )
    form = {"grant_type": "client_credentials", "scope": "read", "audience": "https://api.example"}
    auth = ("other", "other-secret")
    response = requests.post(sandbox.token_endpoint, form, auth=auth, timeout=10).json()
    assert (response["scope"], response["expires_in"]) == ("read", 4)
    by_form = request_token(sandbox, client_id="other", client_secret="other-secret")
    assert by_form.status_code == 401
    assert request_token(sandbox).json()["expires_in"] == 3599
    assert request_token(sandbox, audience="https://api.example").status_code == 400


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_credentials_have_the_sandboxs_settings(sandbox: Sandbox, method: Any) -> None:
    sandbox.token_endpoint_auth_method = method
    assert sandbox.credentials().token().scope == "api"
    source = sandbox.credentials(scope=None)
    assert not source.token().scope
    source.revoke()
    assert sandbox.revocation_requests == 1


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_a_program_made_for_bitquery_runs_by_the_environment_alone(
    sandbox: Sandbox, method: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.token_endpoint_auth_method = method
    sandbox.required_scope = "api"
    variables = sandbox.environment()
    assert ("BITQUERY_TOKEN_ENDPOINT_AUTH_METHOD" in variables) == (method != "client_secret_post")
    assert variables["BITQUERY_WEBSOCKET_ENDPOINT"] == sandbox.websocket_endpoint
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    source = bitquery_auth.from_env()
    assert isinstance(source, ClientCredentials)
    auth = RequestsAuth(source)
    url = os.environ["BITQUERY_ENDPOINT"]
    for count in (1, 2):
        assert requests.get(url, auth=auth, timeout=10).status_code == 200
        assert sandbox.token_requests == count
        source.revoke()
        assert sandbox.revocation_requests == count
