"""Redirects within an origin: the token goes along, and only a rejected request is sent again."""

import pytest

from tests.kit.clients import OpenClient
from tests.kit.origin import Origin, by_path, echo, redirecting, refusing_the_first_token
from tests.kit.tokens import CountingSource
from tests.redirects.conftest import (
    carried,
    each_header,
    each_redirect,
    rejecting_once,
    requiring_a_token,
)


@each_header
@each_redirect
def test_a_redirect_within_the_origin_ends_with_the_token_in_place(
    open_client: OpenClient, source: CountingSource, origin: Origin, status: int, header_name: str
) -> None:
    """A custom header is not copied by httpx; the 401 that follows brings it back."""
    origin.handler = by_path({"/old": redirecting(status, "/new"), "/new": requiring_a_token(echo)})
    outcome = open_client(source, header_name=header_name).post(origin.at("/old"), content=b"query")
    assert outcome.status == 200
    assert (carried(origin)[0], carried(origin)[-1]) == (True, True)
    assert source.discarded == []


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("rejections", [0, 1])
def test_after_a_redirect_that_keeps_the_body_only_a_rejected_request_is_sent_again(
    open_client: OpenClient, source: CountingSource, origin: Origin, status: int, rejections: int
) -> None:
    new = rejecting_once(echo) if rejections else echo
    origin.handler = by_path({"/old": redirecting(status, "/new"), "/new": new})
    outcome = open_client(source).post(origin.at("/old"), content=b"query")
    assert (outcome.status, outcome.text) == (200, "query")
    assert origin.visits == ["POST /old", "POST /new", *["POST /new"] * rejections]
    assert {request.body for request in origin.requests} == {b"query"}
    assert all(carried(origin))
    assert len(source.discarded) == rejections


@pytest.mark.parametrize("replay", ["all", "safe"])
def test_after_a_post_that_leads_to_a_get_only_the_get_is_repeated(
    open_client: OpenClient, source: CountingSource, origin: Origin, replay: str
) -> None:
    """What the POST did is not done twice; ``replay="safe"`` looks at the method of the GET."""
    origin.handler = by_path(
        {"/submit": redirecting(303, "/result"), "/result": rejecting_once(echo)}
    )
    client = open_client(source, replay=replay)
    assert client.post(origin.at("/submit"), content=b"order").status == 200
    assert origin.visits == ["POST /submit", "GET /result", "GET /result"]
    assert [request.body for request in origin.requests] == [b"order", b"", b""]


def test_a_repeated_request_follows_its_redirect(
    open_client: OpenClient, source: CountingSource, origin: Origin
) -> None:
    """requests takes the old token along on that redirect; its 401 costs no further token."""
    origin.handler = refusing_the_first_token(
        by_path({"/old": redirecting(307, "/new"), "/new": echo})
    )
    outcome = open_client(source).post(origin.at("/old"), content=b"query")
    assert (outcome.status, outcome.text) == (200, "query")
    assert origin.visits[:3] == ["POST /old", "POST /old", "POST /new"]
    assert origin.visits[3:] in ([], ["POST /new"])
    assert len(source.discarded) == 1


def test_a_redirect_that_is_not_followed_is_returned(
    open_client: OpenClient, source: CountingSource, origin: Origin
) -> None:
    origin.handler = redirecting(307, "/new")
    outcome = open_client(source).send("POST", origin.at("/old"), content=b"query", follow=False)
    assert outcome.status == 307
    assert origin.visits == ["POST /old"]
