"""The sandbox's GraphQL endpoint: whom it lets in, what it answers, and the short-term exchange."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from bitquery_auth.sandbox import Sandbox

DOCUMENTED_QUERY = """
{
  EVM(mempool: true, network: eth) {
    DEXTrades(limit: {count: %d}) {
      Transaction { Hash }
      Trade {
        Buy { Amount Currency { Name } Buyer }
        Sell { Amount Currency { Name } Buyer }
      }
    }
  }
}
"""


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as running:
        yield running


def token(sandbox: Sandbox, scope: str = "api") -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "scope": scope,
    }
    return str(requests.post(sandbox.token_endpoint, data=form, timeout=10).json()["access_token"])


def call(sandbox: Sandbox, authorization: str, method: str = "GET", **options: Any) -> requests.Response:
    headers = {"Authorization": authorization}
    return requests.request(method, sandbox.graphql_endpoint, headers=headers, timeout=10, **options)


def query(sandbox: Sandbox, body: Any) -> requests.Response:
    return call(sandbox, f"Bearer {token(sandbox)}", "POST", json=body)


def assert_unauthorized(answer: requests.Response) -> None:
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.text == "Unauthorized"
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER  {}", "{}"])
def test_a_good_token_is_taken_from_the_header(sandbox: Sandbox, form: str) -> None:
    answer = call(sandbox, form.format(token(sandbox)))
    assert answer.status_code == 200
    assert answer.json() == {"data": {"ok": True}}


def test_a_good_token_is_taken_from_the_url(sandbox: Sandbox) -> None:
    url = f"{sandbox.graphql_endpoint}?a=b&token={token(sandbox)}"
    assert requests.get(url, timeout=10).status_code == 200


def test_a_header_wins_over_the_url(sandbox: Sandbox) -> None:
    answer = call(sandbox, "Bearer ory_at_bad", params={"token": token(sandbox)})
    assert_unauthorized(answer)


@pytest.mark.parametrize("form", ["Bearer ory_at_unknown", "Basic {}", "Token {}", "Bearer", "Bearer {} x", "", "é"])
def test_anything_else_is_unauthorized(sandbox: Sandbox, form: str) -> None:
    assert_unauthorized(call(sandbox, form.format(token(sandbox))))


def test_no_token_is_unauthorized_whatever_the_method_and_body(sandbox: Sandbox) -> None:
    assert_unauthorized(requests.get(sandbox.graphql_endpoint, timeout=10))
    assert_unauthorized(requests.post(sandbox.graphql_endpoint, data=b"{not json", timeout=10))
    assert sandbox.api_refusals == sandbox.api_requests == 2


def test_a_token_works_up_to_its_end_and_not_at_it(sandbox: Sandbox, clock: Clock) -> None:
    sandbox.lifetime = 3
    carried = f"Bearer {token(sandbox)}"
    clock.now += 2.999
    assert call(sandbox, carried).status_code == 200
    clock.now += 0.001
    assert_unauthorized(call(sandbox, carried))


def test_the_lifetime_is_that_at_issue(sandbox: Sandbox, clock: Clock) -> None:
    carried = f"Bearer {token(sandbox)}"
    sandbox.lifetime = 1
    clock.now += 3599
    assert call(sandbox, carried).status_code == 200


def test_the_documented_query_gets_trades_of_the_documented_shape(sandbox: Sandbox) -> None:
    answer = query(sandbox, {"query": DOCUMENTED_QUERY % 3})
    assert answer.headers["Content-Type"] == "application/json"
    trades = answer.json()["data"]["EVM"]["DEXTrades"]
    assert len(trades) == 3
    for trade in trades:
        assert set(trade) == {"Transaction", "Trade"}
        assert len(bytes.fromhex(trade["Transaction"]["Hash"].removeprefix("0x"))) == 32
        for side in (trade["Trade"]["Buy"], trade["Trade"]["Sell"]):
            assert float(side["Amount"]) > 0
            assert side["Currency"]["Name"]
            assert len(bytes.fromhex(side["Buyer"].removeprefix("0x"))) == 20
        assert trade["Trade"]["Buy"]["Currency"] != trade["Trade"]["Sell"]["Currency"]


def test_trades_are_the_same_on_every_run(sandbox: Sandbox) -> None:
    few = query(sandbox, {"query": DOCUMENTED_QUERY % 5}).json()["data"]["EVM"]["DEXTrades"]
    more = query(sandbox, {"query": DOCUMENTED_QUERY % 50}).json()["data"]["EVM"]["DEXTrades"]
    assert more[:5] == few
    assert len({trade["Transaction"]["Hash"] for trade in more}) == 50


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ("", 10),
        ("(where: {Block: {Time: {}}})", 10),
        ("( where: {x: 1}, limit:{offset: 5, count:7} )", 7),
        ("(limit: {count: 0})", 0),
        ("(limit: {count: 999999})", 10_000),
    ],
)
def test_as_many_trades_come_as_the_limit_asks_for(sandbox: Sandbox, arguments: str, count: int) -> None:
    text = f"query {{ Other(limit: {{count: 2}}) {{ x }} EVM {{ DEXTrades{arguments} {{ Transaction {{ Hash }} }} }} }}"
    assert len(query(sandbox, {"query": text}).json()["data"]["EVM"]["DEXTrades"]) == count


def test_any_other_query_gets_empty_data(sandbox: Sandbox) -> None:
    answer = query(sandbox, {"query": "{ EVM { Blocks { Number } } }", "variables": {}})
    assert (answer.status_code, answer.json()) == (200, {"data": {}})


@pytest.mark.parametrize("body", [{}, {"query": ""}, {"query": 5}, [], "text", None, {"variables": {}}])
def test_a_body_without_a_query_is_a_graphql_error(sandbox: Sandbox, body: object) -> None:
    answer = query(sandbox, body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_is_a_graphql_error(sandbox: Sandbox, body: bytes) -> None:
    answer = call(sandbox, f"Bearer {token(sandbox)}", "POST", data=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"]


def test_eap_answers_alike_and_other_paths_are_not_found(sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {token(sandbox)}"}
    assert requests.get(f"{sandbox.url}/eap", headers=headers, timeout=10).status_code == 200
    assert requests.get(f"{sandbox.url}/other", headers=headers, timeout=10).status_code == 404
    assert sandbox.api_requests == 1


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods_answer_as_get_does(sandbox: Sandbox, method: str) -> None:
    answer = call(sandbox, f"Bearer {token(sandbox)}", method)
    assert answer.status_code == 200
    assert answer.text == ("" if method == "HEAD" else '{"data":{"ok":true}}')


def test_a_token_without_the_required_scope_is_forbidden(sandbox: Sandbox) -> None:
    sandbox.required_scope = "api"
    with_scope, without = token(sandbox, "api"), token(sandbox, "")
    answer = call(sandbox, f"Bearer {without}")
    assert (answer.status_code, answer.text, answer.headers["Content-Type"]) == (403, "Forbidden", "text/plain")
    assert call(sandbox, f"Bearer {with_scope}").status_code == 200
    assert sandbox.api_refusals == 0


def test_accept_nothing_refuses_good_tokens_while_it_is_set(sandbox: Sandbox) -> None:
    carried = f"Bearer {token(sandbox)}"
    sandbox.accept_nothing = True
    assert_unauthorized(call(sandbox, carried))
    sandbox.accept_nothing = False
    assert call(sandbox, carried).status_code == 200


def test_a_short_term_token_lives_as_long_as_asked(sandbox: Sandbox, clock: Clock) -> None:
    answer = query(sandbox, {"expires_in": 60})
    assert answer.status_code == 200
    assert list(answer.json()) == ["token"]
    carried = f"Bearer {answer.json()['token']}"
    clock.now += 59.9
    assert call(sandbox, carried).status_code == 200
    clock.now += 0.1
    assert_unauthorized(call(sandbox, carried))


def test_a_short_term_token_has_the_scope_and_the_owner_of_the_long_one(sandbox: Sandbox) -> None:
    sandbox.required_scope = "api"
    carried = f"Bearer {query(sandbox, {'expires_in': 60}).json()['token']}"
    assert call(sandbox, carried).status_code == 200
    sandbox.delete_application()
    assert_unauthorized(call(sandbox, carried))


def test_a_short_term_token_without_a_long_one_is_unauthorized_and_counted(sandbox: Sandbox) -> None:
    assert_unauthorized(call(sandbox, "Bearer ory_at_bad", "POST", json={"expires_in": 60}))
    assert (sandbox.short_term_requests, sandbox.api_refusals, sandbox.tokens_issued) == (1, 1, 0)


@pytest.mark.parametrize("lifetime", ["60", 0, -1, None, True, float("inf"), float("nan")])
def test_a_short_term_lifetime_that_is_none_is_an_error(sandbox: Sandbox, lifetime: object) -> None:
    # requests refuses to write the last two as JSON; a server may still be sent them.
    text = str(lifetime).replace("inf", "Infinity").replace("nan", "NaN")
    body = f'{{"expires_in": {text}}}' if isinstance(lifetime, float) else None
    options: dict[str, Any] = {"data": body} if body else {"json": {"expires_in": lifetime}}
    answer = call(sandbox, f"Bearer {token(sandbox)}", "POST", **options)
    assert answer.status_code == 400
    assert "expires_in" in answer.json()["errors"][0]["message"]


def test_without_the_exchange_the_request_is_a_query_that_lacks_one(sandbox: Sandbox) -> None:
    sandbox.short_term = False
    answer = query(sandbox, {"expires_in": 60})
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["message"]
    assert (sandbox.short_term_requests, sandbox.tokens_issued) == (1, 1)


def test_a_query_that_mentions_expires_in_is_a_query(sandbox: Sandbox) -> None:
    answer = query(sandbox, {"query": "{ x }", "variables": {"expires_in": 5}, "expires_in": 5})
    assert answer.json() == {"data": {}}
    assert sandbox.short_term_requests == 0
