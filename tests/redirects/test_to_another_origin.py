"""Redirects to another origin: no token goes there, and a 401 from there starts nothing.

requests copies response hooks to the redirected request, so that a naive hook sends a fresh token
to any host that a ``Location`` names (hazard S1); and clients take off ``Authorization`` alone, not
a header of another name (hazard S8).
"""

import logging
from contextlib import suppress
from typing import Any

import httpx
import httpx2
import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from bitquery_auth import RequestsAuth
from tests.kit.clients import Client, OpenClient
from tests.kit.examples import same_examples_in_every_run
from tests.kit.origin import Origin, by_path, redirecting
from tests.kit.tokens import CountingSource
from tests.redirects.conftest import (
    carried,
    each_header,
    each_redirect,
    once,
    rejecting_once,
    unauthorized,
)

EVERYWHERE = ("127.0.0.1", "localhost")
"""Both origins are allowed, so that the redirect alone keeps the token back."""


@each_header
@each_redirect
@pytest.mark.parametrize("tries", [1, 2])
def test_another_origin_sees_no_token_and_its_401_starts_nothing(
    open_client: OpenClient,
    source: CountingSource,
    origin: Origin,
    elsewhere: Origin,
    status: int,
    header_name: str,
    tries: int,
) -> None:
    """The first try is redirected there, or the second one."""
    redirect = redirecting(status, elsewhere.at())
    origin.handler = redirect if tries == 1 else rejecting_once(redirect)
    elsewhere.handler = unauthorized
    client = open_client(source, allowed_hosts=EVERYWHERE, header_name=header_name)
    outcome = client.post(origin.at(), content=b"query")
    assert (outcome.status, outcome.text) == (401, "Unauthorized")
    assert (carried(origin), carried(elsewhere)) == ([True] * tries, [False])
    assert len(source.discarded) == tries - 1


@pytest.mark.parametrize("header_name", ["Authorization", "X-Token", "Proxy-Authorization"])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ({}, {"host": "localhost"}),
        ({}, {"scheme": "https"}),
        ({"scheme": "https"}, {}),
    ],
    ids=["another host", "http to https", "https to http"],
)
def test_another_host_or_scheme_is_another_origin(
    open_client: OpenClient,
    source: CountingSource,
    secure_origin: Origin,
    trusting: dict[str, Any],
    start: dict[str, Any],
    end: dict[str, Any],
    header_name: str,
) -> None:
    """CVE-2018-18074 in requests was a token that went from https to http."""
    secure_origin.handler = by_path(
        {"/start": redirecting(307, secure_origin.at("/end", **end)), "/end": unauthorized}
    )
    client = open_client(
        source, allowed_hosts=EVERYWHERE, header_name=header_name, client_options=trusting
    )
    assert client.post(secure_origin.at("/start", **start), content=b"query").status == 401
    assert secure_origin.visits == ["POST /start", "POST /end"]
    assert carried(secure_origin) == [True, False]
    assert (source.calls, source.discarded) == (1, [])


@each_header
def test_a_request_that_another_origin_sends_back_carries_no_token(
    open_client: OpenClient,
    source: CountingSource,
    origin: Origin,
    elsewhere: Origin,
    header_name: str,
) -> None:
    """Another host must not choose what is asked of the API in the caller's name."""
    origin.handler = by_path(
        {
            "/start": redirecting(307, "/on"),
            "/on": redirecting(307, elsewhere.at()),
            "/chosen": unauthorized,
        }
    )
    elsewhere.handler = redirecting(307, origin.at("/chosen"))
    client = open_client(source, header_name=header_name)
    assert client.post(origin.at("/start"), content=b"query").status == 401
    assert origin.visits == ["POST /start", "POST /on", "POST /chosen"]
    assert (carried(origin)[0], carried(origin)[-1], carried(elsewhere)) == (True, False, [False])
    assert (source.calls, source.discarded) == (1, [])


@pytest.mark.usefixtures("clock")  # a busy machine takes longer than the backoff
def test_a_response_of_another_origin_does_not_count_as_a_response_of_the_api(
    open_client: OpenClient, source: CountingSource, origin: Origin, elsewhere: Origin
) -> None:
    """The 200 from elsewhere must not end the backoff that the 401s of the API have begun."""
    origin.handler = by_path({"/away": redirecting(307, elsewhere.at()), "/api": unauthorized})
    client = open_client(source)
    for _ in range(5):
        assert client.get(origin.at("/api")).status == 401
        assert client.get(origin.at("/away")).status == 200
    assert len(source.discarded) == 1
    assert not any(carried(elsewhere))


def test_a_prepared_request_that_is_redirected_elsewhere_carries_its_token_when_sent_again(
    source: CountingSource, origin: Origin, elsewhere: Origin
) -> None:
    """requests takes ``Authorization`` off the redirected request, not off the first one."""
    origin.handler = redirecting(307, elsewhere.at())
    auth = RequestsAuth(source, allowed_hosts=[origin.allowed_host])
    with requests.Session() as session:
        prepared = session.prepare_request(requests.Request("GET", origin.at(), auth=auth))
        for _ in range(2):
            assert session.send(prepared, timeout=20).status_code == 200
    assert (carried(origin), carried(elsewhere)) == ([True, True], [False, False])


@pytest.mark.parametrize("is_allowed", [True, False])
def test_a_redirect_between_two_allowed_hosts_is_one_warning_that_asks_for_the_final_url(
    open_client: OpenClient,
    source: CountingSource,
    origin: Origin,
    elsewhere: Origin,
    caplog: pytest.LogCaptureFixture,
    is_allowed: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    """Without it, a 401 from an API that has moved looks like a fault of the token.

    Downloads are often redirected to a storage service, which wants no token: that is no warning.
    """
    origin.handler = redirecting(307, elsewhere.at("/moved"))
    hosts = [origin.allowed_host, elsewhere.allowed_host]
    client = open_client(source, allowed_hosts=hosts if is_allowed else hosts[:1])
    for _ in range(3):
        assert client.post(origin.at(), content=b"query").status == 200
    warnings = [
        record.getMessage() for record in caplog.records if record.levelno == logging.WARNING
    ]
    assert len(warnings) == is_allowed
    for warning in warnings:
        assert "final URL" in warning
        assert elsewhere.allowed_host in warning


# -- how a Location is written ---------------------------------------------------------------------

PIECES = [
    *["http:", "HTTP:", "http://", "//", "/", "/end", "\\", "\\\\", "@", "?", "#", "%5C", "."],
    *["{there}", "{there}", "{there}/end", "{here}", "{here}@{there}", "user:password@"],
    *["\t", " ", "\x01", "\x0b", "\x1f", "\xa0"],
]
locations = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)


@pytest.fixture
def client(open_client: OpenClient, source: CountingSource) -> Client:
    """One whose token travels in a header that only this package keeps from other origins."""
    return open_client(source, header_name="X-Token", scheme="")


@same_examples_in_every_run
@given(location=locations)
@example("//{there}/end")
@example("hTTp://{there}/end")
@example("ht\ttp://{there}/end")
@example("http:/\t/{there}/end")
@example("/\t/{there}/end")
@example("\x0bhttp://{there}/end")
@example("  //{there}/end")
@example("http:{there}")
@example("////{there}/end")
@example("http:////{there}/end")
@example("http:///{there}/end")
@example("\\\\{there}/end")
@example("http://{here}\\@{there}/end")
@example("http://{there}\\@{here}/end")
@example("http://{here}%2F@{there}/end")
@example("http://{here}\t@{there}/end")
@example("http://{here}\xa0@{there}/end")
@example("http://{there}#@{here}/end")
@example("http://{there} /end")
def test_no_spelling_of_a_location_takes_the_token_to_another_origin(
    client: Client,
    source: CountingSource,
    origin: Origin,
    elsewhere: Origin,
    only_loopback_resolves: None,
    location: str,
) -> None:
    origin.requests.clear()
    elsewhere.requests.clear()
    target = location.format(here=origin.allowed_host, there=elsewhere.allowed_host)
    origin.handler = once(redirecting(302, target))
    with suppress(client.base_error, httpx.InvalidURL, httpx2.InvalidURL, ValueError):
        client.get(origin.at("/start"))
    assert carried(origin)[0]
    assert not any(carried(elsewhere))
    assert source.discarded == []
