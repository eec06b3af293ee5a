"""The sandbox's settings, counts and records, and what its repr shows."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

import bitquery_auth
from bitquery_auth.sandbox import Recorded, Sandbox


def form(sandbox: Sandbox, **fields: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "scope": "api",
        **fields,
    }


def ask(sandbox: Sandbox, **fields: str) -> requests.Response:
    return requests.post(sandbox.token_endpoint, data=form(sandbox, **fields), timeout=10)


@pytest.mark.parametrize("status", [503, 500, 429, 404, 302, 499])
def test_an_outage_answers_its_status_with_html(bitquery_sandbox: Sandbox, status: int) -> None:
    bitquery_sandbox.outage = bitquery_sandbox.api_outage = status
    for answer in (ask(bitquery_sandbox), requests.get(bitquery_sandbox.graphql_endpoint, timeout=10)):
        assert answer.status_code == status
        assert answer.headers["Content-Type"] == "text/html"
        assert answer.text.startswith("<html>")
        assert "Retry-After" not in answer.headers
    assert (bitquery_sandbox.token_requests, bitquery_sandbox.tokens_issued) == (1, 0)
    assert (bitquery_sandbox.api_requests, bitquery_sandbox.api_refusals) == (1, 0)


@pytest.mark.parametrize("status", [204, 304])
def test_an_outage_of_a_status_without_a_body_has_none(bitquery_sandbox: Sandbox, status: int) -> None:
    bitquery_sandbox.outage = status
    with requests.Session() as session:
        for _ in range(2):
            answer = session.post(bitquery_sandbox.token_endpoint, timeout=10)
            assert (answer.status_code, answer.content) == (status, b"")
            assert "Content-Length" not in answer.headers


@pytest.mark.parametrize("retry_after", [7, "Fri, 31 Dec 1999 23:59:59 GMT"])
def test_an_outage_carries_retry_after(bitquery_sandbox: Sandbox, retry_after: str | int) -> None:
    bitquery_sandbox.outage = bitquery_sandbox.api_outage = 503
    bitquery_sandbox.retry_after = retry_after
    for answer in (ask(bitquery_sandbox), requests.get(bitquery_sandbox.graphql_endpoint, timeout=10)):
        assert answer.headers["Retry-After"] == str(retry_after)


def test_a_dropped_request_is_counted_and_recorded_without_a_status(bitquery_sandbox: Sandbox) -> None:
    bitquery_sandbox.outage = bitquery_sandbox.api_outage = "drop"
    with pytest.raises(requests.ConnectionError):
        ask(bitquery_sandbox)
    with pytest.raises(requests.ConnectionError):
        requests.get(bitquery_sandbox.graphql_endpoint, timeout=10)
    assert (bitquery_sandbox.token_requests, bitquery_sandbox.api_requests) == (1, 1)
    assert [record.status for record in bitquery_sandbox.requests] == [None, None]


def test_an_outage_ends_when_it_is_taken_back(bitquery_sandbox: Sandbox) -> None:
    bitquery_sandbox.outage = 503
    assert ask(bitquery_sandbox).status_code == 503
    bitquery_sandbox.outage = None
    assert ask(bitquery_sandbox).status_code == 200


@pytest.mark.parametrize("outage", [100, 999, "dorp"])
def test_a_setting_that_makes_no_sense_is_said_and_answered_500(
    bitquery_sandbox: Sandbox, outage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bitquery_sandbox.outage = outage
    with caplog.at_level(logging.ERROR, "bitquery_auth.sandbox"):
        assert ask(bitquery_sandbox).status_code == 500
    assert "could not answer POST /oauth2/token" in caplog.text
    assert bitquery_sandbox.requests[-1].status == 500


def test_a_delayed_request_counts_while_it_waits(bitquery_sandbox: Sandbox) -> None:
    bitquery_sandbox.delay = 0.2
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, [bitquery_sandbox] * 8))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert all(answer.elapsed.total_seconds() >= 0.2 for answer in answers)
    assert bitquery_sandbox.token_requests == 8


def test_counts_are_exact_under_many_threads(bitquery_sandbox: Sandbox) -> None:
    carried = {"Authorization": f"Bearer {ask(bitquery_sandbox).json()['access_token']}"}
    bitquery_sandbox.reset_counts()

    def work(number: int) -> None:
        with requests.Session() as session:
            session.post(bitquery_sandbox.token_endpoint, data=form(bitquery_sandbox), timeout=10)
            session.get(bitquery_sandbox.graphql_endpoint, headers=carried if number % 2 else {}, timeout=10)
            session.post(bitquery_sandbox.graphql_endpoint, headers=carried, json={"expires_in": 9}, timeout=10)
            session.post(bitquery_sandbox.revocation_endpoint, data=form(bitquery_sandbox), timeout=10)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(64)))
    assert bitquery_sandbox.token_requests == 64
    assert bitquery_sandbox.tokens_issued == 128
    assert bitquery_sandbox.api_requests == 128
    assert bitquery_sandbox.api_refusals == 32
    assert bitquery_sandbox.short_term_requests == 64
    assert bitquery_sandbox.revocation_requests == 64
    assert len(bitquery_sandbox.requests) == 256


def test_reset_counts_forgets_the_counts_and_the_records_but_no_token(bitquery_sandbox: Sandbox) -> None:
    carried = {"Authorization": f"Bearer {ask(bitquery_sandbox).json()['access_token']}"}
    bitquery_sandbox.reset_counts()
    assert (bitquery_sandbox.token_requests, bitquery_sandbox.tokens_issued, bitquery_sandbox.requests) == (0, 0, ())
    assert requests.get(bitquery_sandbox.graphql_endpoint, headers=carried, timeout=10).status_code == 200


def test_a_record_holds_the_request_as_it_was_sent(bitquery_sandbox: Sandbox) -> None:
    headers = {"X-Twice": "one", "Authorization": "Bearer ory_at_bad"}
    requests.post(f"{bitquery_sandbox.graphql_endpoint}?a=b", data=b"\x00body", headers=headers, timeout=10)
    record = bitquery_sandbox.requests[-1]
    assert (record.method, record.path, record.body, record.status) == ("POST", "/graphql?a=b", b"\x00body", 401)
    assert record.headers["x-twice"] == record.headers["X-TWICE"] == "one"
    assert "authorization" in record.headers
    assert "x-other" not in record.headers
    assert record.headers.get("x-other") is None
    assert {"host", "x-twice"} <= set(record.headers)
    assert len(record.headers) == len(list(record.headers))


def test_records_are_in_order_and_do_not_change(bitquery_sandbox: Sandbox) -> None:
    requests.get(f"{bitquery_sandbox.url}/first", timeout=10)
    seen = bitquery_sandbox.requests
    requests.get(f"{bitquery_sandbox.url}/second", timeout=10)
    assert [record.path for record in seen] == ["/first"]
    assert [record.path for record in bitquery_sandbox.requests] == ["/first", "/second"]
    with pytest.raises(AttributeError):
        seen[0].status = 200  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def test_no_repr_shows_a_secret_or_a_token(bitquery_sandbox: Sandbox) -> None:
    value = ask(bitquery_sandbox).json()["access_token"]
    url = f"{bitquery_sandbox.graphql_endpoint}?token={value}"
    headers = {"Authorization": f"Bearer {value}", "X-Key": value}
    requests.post(url, headers=headers, json={"query": value}, timeout=10)
    shown = repr(bitquery_sandbox) + repr(bitquery_sandbox.requests)
    shown += "".join(repr(record.headers) for record in bitquery_sandbox.requests)
    assert value not in shown
    assert bitquery_sandbox.client_secret not in shown
    assert bitquery_sandbox.url in repr(bitquery_sandbox)
    assert "POST /graphql: 200" in shown


def test_a_record_says_how_a_request_ended() -> None:
    record = Recorded("GET", "/graphql?token=secret", {}, b"abc", None)
    assert repr(record) == "<Recorded GET /graphql: no answer; 3 bytes of body>"


def test_further_clients_have_their_own_secret_method_and_scopes(bitquery_sandbox: Sandbox) -> None:
    bitquery_sandbox.add_client(
        "other", "other-secret", token_endpoint_auth_method="client_secret_basic", scopes=("read",)
    )
    answer = requests.post(
        bitquery_sandbox.token_endpoint,
        data={"grant_type": "client_credentials", "scope": "read"},
        auth=("other", "other-secret"),
        timeout=10,
    )
    assert answer.json()["scope"] == "read"
    assert ask(bitquery_sandbox, client_id="other", client_secret="other-secret").status_code == 401
    assert ask(bitquery_sandbox, client_id="other").status_code == 401
    assert ask(bitquery_sandbox).json()["scope"] == "api"


def test_a_further_client_may_have_a_lifetime_and_audiences_of_its_own(bitquery_sandbox: Sandbox) -> None:
    bitquery_sandbox.add_client("other", "other-secret", audiences=("https://api.example",), lifetime=5)
    theirs = ask(bitquery_sandbox, client_id="other", client_secret="other-secret", audience="https://api.example")
    assert theirs.json()["expires_in"] == 4
    assert ask(bitquery_sandbox).json()["expires_in"] == 3599
    assert ask(bitquery_sandbox, audience="https://api.example").status_code == 400


def test_new_credentials_take_effect_at_once(bitquery_sandbox: Sandbox) -> None:
    before = form(bitquery_sandbox)
    bitquery_sandbox.client_secret = "rotated"
    assert requests.post(bitquery_sandbox.token_endpoint, data=before, timeout=10).status_code == 401
    assert ask(bitquery_sandbox).status_code == 200


def test_credentials_are_made_with_the_sandboxs_settings_and_the_callers(
    bitquery_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[tuple[str, ...], dict[str, Any]]] = []

    def make(*args: str, **settings: object) -> None:
        made.append((args, settings))

    monkeypatch.setattr(bitquery_auth, "ClientCredentials", make, raising=False)
    bitquery_sandbox.credentials()
    bitquery_sandbox.token_endpoint_auth_method = "client_secret_basic"
    bitquery_sandbox.credentials(scope=None, leeway=5)
    ours: dict[str, Any] = {
        "token_endpoint": bitquery_sandbox.token_endpoint,
        "revocation_endpoint": bitquery_sandbox.revocation_endpoint,
        "token_endpoint_auth_method": "client_secret_post",
        "scope": "api",
    }
    changed = {"token_endpoint_auth_method": "client_secret_basic", "scope": None, "leeway": 5}
    args = (bitquery_sandbox.client_id, bitquery_sandbox.client_secret)
    assert made == [(args, ours), (args, ours | changed)]
