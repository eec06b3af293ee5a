"""Redirects within an origin: they work as ever, and only the hop that was refused is sent again."""

from pathlib import Path

import pytest

from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._api import bearer_token
from bitquery_auth.sandbox._messages import Request, Response
from tests.behaviour.conftest import REQUESTS, Open, only
from tests.kit.origin import Origin, by_path, echo, redirecting, refusing_the_first_token


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_that_keeps_method_and_body_keeps_the_token(
    open_client: Open, sandbox: Sandbox, origin: Origin, status: int
) -> None:
    origin.handler = by_path({"/old": redirecting(status, "/new"), "/new": echo})
    source = sandbox.credentials()
    outcome = open_client(source, allowed_hosts=[origin.allowed_host]).post(origin.at("/old"), content=b"query")
    assert (outcome.status, outcome.text) == (200, "query")
    assert origin.visits == ["POST /old", "POST /new"]
    assert origin.tokens == [source.token().access_token] * 2


@pytest.mark.parametrize("status", [307, 308])
def test_a_refusal_after_a_redirect_repeats_the_last_hop_alone(
    open_client: Open, sandbox: Sandbox, origin: Origin, status: int
) -> None:
    origin.handler = by_path({"/old": redirecting(status, "/new"), "/new": refusing_the_first_token()})
    client = open_client(sandbox.credentials(), allowed_hosts=[origin.allowed_host])
    outcome = client.post(origin.at("/old"), content=b"query")
    assert (outcome.status, outcome.text) == (200, "query")
    assert origin.visits == ["POST /old", "POST /new", "POST /new"]
    assert [request.body for request in origin.requests] == [b"query"] * 3
    assert sandbox.token_requests == 2


def test_after_a_post_that_leads_to_a_get_only_the_get_is_repeated(
    open_client: Open, sandbox: Sandbox, origin: Origin
) -> None:
    """Hazard R5: what the POST did is not done twice."""
    origin.handler = by_path({"/submit": redirecting(303, "/result"), "/result": refusing_the_first_token()})
    client = open_client(sandbox.credentials(), allowed_hosts=[origin.allowed_host])
    assert client.post(origin.at("/submit"), content=b"order").status == 200
    assert origin.visits == ["POST /submit", "GET /result", "GET /result"]
    assert [request.body for request in origin.requests] == [b"order", b"", b""]


def test_a_repeated_request_follows_its_redirect(open_client: Open, sandbox: Sandbox, origin: Origin) -> None:
    """The old token, which requests takes along on that redirect, costs a second try and no further token."""
    guard = refusing_the_first_token(by_path({"/old": redirecting(307, "/new"), "/new": echo}))
    origin.handler = guard
    outcome = open_client(sandbox.credentials(), allowed_hosts=[origin.allowed_host]).post(
        origin.at("/old"), content=b"query"
    )
    assert (outcome.status, outcome.text) == (200, "query")
    assert origin.visits[:3] == ["POST /old", "POST /old", "POST /new"]
    assert origin.visits[3:] in ([], ["POST /new"])
    assert sandbox.token_requests == 2


def test_replay_safe_goes_by_the_method_of_the_hop(open_client: Open, sandbox: Sandbox, origin: Origin) -> None:
    """Hazard R5."""
    origin.handler = by_path({"/submit": redirecting(303, "/result"), "/result": refusing_the_first_token()})
    client = open_client(sandbox.credentials(), allowed_hosts=[origin.allowed_host], replay="safe")
    assert client.post(origin.at("/submit"), content=b"order").status == 200


def test_a_redirect_that_is_not_followed_is_handed_over(open_client: Open, sandbox: Sandbox, origin: Origin) -> None:
    origin.handler = redirecting(307, "/new")
    client = open_client(sandbox.credentials(), allowed_hosts=[origin.allowed_host])
    assert client.send("POST", origin.at("/old"), content=b"query", follow=False).status == 307
    assert origin.visits == ["POST /old"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_header_of_another_name_is_there_after_a_redirect_or_brought_after_a_refusal(
    open_client: Open, sandbox: Sandbox, origin: Origin, status: int
) -> None:
    """Hazard S8: httpx is kept from copying it, as it would copy it to other hosts too."""

    def guarded(request: Request) -> Response | None:
        return echo(request) if "x-token" in request.headers else refusing_the_first_token()(request)

    origin.handler = by_path({"/old": redirecting(status, "/new"), "/new": guarded})
    client = open_client(sandbox.credentials(), allowed_hosts=[origin.allowed_host], header_name="X-Token", scheme="")
    assert client.post(origin.at("/old"), content=b"query").status == 200
    assert sandbox.token_requests == 1


@only(REQUESTS)
def test_a_netrc_that_replaces_the_header_on_a_redirect_costs_no_token(
    open_client: Open, sandbox: Sandbox, origin: Origin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Hazard S7: what was refused is the netrc's password, so the token stays and is sent."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    def guarded(request: Request) -> Response | None:
        return echo(request) if bearer_token(request) else refusing_the_first_token()(request)

    origin.handler = by_path({"/old": redirecting(307, "/new"), "/new": guarded})
    source = sandbox.credentials()
    outcome = open_client(source, allowed_hosts=[origin.allowed_host]).post(origin.at("/old"), content=b"query")
    assert (outcome.status, outcome.text) == (200, "query")
    assert origin.requests[1].headers["authorization"].startswith("Basic ")
    assert origin.tokens == [source.token().access_token, None, source.token().access_token]
    assert sandbox.token_requests == 1


@only(REQUESTS)
def test_a_netrc_alone_never_replaces_the_token(
    open_client: Open, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Hazard S7: neither on the API call nor on the token request."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert open_client(sandbox.credentials()).get(sandbox.graphql_endpoint).status == 200
    assert "authorization" not in sandbox.requests[0].headers
