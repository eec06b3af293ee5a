"""``Retry-After`` of the token endpoint is obeyed, in both of its forms, up to an hour."""

from email.utils import formatdate

import pytest

from bitquery_auth import ClientCredentials, TokenEndpointError
from tests.kit.clock import Clock
from tests.faults.conftest import Open
from tests.faults.faults import PAGE, answering
from tests.faults.proxy import FaultProxy, forward


def _asked(source: ClientCredentials, proxy: FaultProxy) -> int:
    """How often the endpoint is asked for one call that fails."""
    before = len(proxy.requests)
    with pytest.raises(TokenEndpointError):
        source.token()
    return len(proxy.requests) - before


@pytest.fixture(params=["seconds", "date"])
def in_two_minutes(request: pytest.FixtureRequest, clock: Clock) -> str:
    return "120" if request.param == "seconds" else formatdate(clock.time() + 120, usegmt=True)


@pytest.mark.parametrize("status", [429, 503, 502])
def test_the_endpoint_is_left_alone_for_as_long_as_it_asks(
    status: int, in_two_minutes: str, source: ClientCredentials, token_proxy: FaultProxy, clock: Clock
) -> None:
    """Hazard F3."""
    token_proxy.mode = answering(status, PAGE, Retry_After=in_two_minutes)
    assert _asked(source, token_proxy) == 1
    clock.advance(119)
    assert _asked(source, token_proxy) == 0
    clock.advance(2)
    token_proxy.mode = forward
    source.token()


def test_the_callers_meanwhile_are_told_until_when(
    in_two_minutes: str, open_client: Open, source: ClientCredentials, token_proxy: FaultProxy, api: str
) -> None:
    token_proxy.mode = answering(429, PAGE, Retry_After=in_two_minutes)
    client = open_client(source)
    with pytest.raises(TokenEndpointError):
        client.get(api)
    with pytest.raises(TokenEndpointError) as caught:
        client.get(api)
    assert isinstance(caught.value, client.base_error)
    assert caught.value.retry_after == 120
    assert "not asked again before 2027-01-15 08:02:00 UTC (in 120.0 s)" in str(caught.value)
    assert len(token_proxy.requests) == 1


@pytest.mark.parametrize("value", ["86400", "9" * 30, "9" * 5000, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_no_longer_than_an_hour(value: str, source: ClientCredentials, token_proxy: FaultProxy, clock: Clock) -> None:
    token_proxy.mode = answering(503, PAGE, Retry_After=value)
    assert _asked(source, token_proxy) == 1
    clock.advance(3599)
    assert _asked(source, token_proxy) == 0
    clock.advance(1)
    assert _asked(source, token_proxy) == 1


@pytest.mark.parametrize(
    "value",
    [
        "0",
        "-5",
        "soon",
        "",
        "1.5",
        "1e9",
        "NaN",
        "Fri, 01 Jan 1999 00:00:00 GMT",
        "Fri, 99 Jan 1999",
        "\xb2",
        ",",
        "1, 2",
    ],
)
def test_what_is_none_changes_nothing(
    value: str, source: ClientCredentials, token_proxy: FaultProxy, clock: Clock
) -> None:
    token_proxy.mode = answering(503, PAGE, Retry_After=value)
    assert _asked(source, token_proxy) == 1
    assert _asked(source, token_proxy) == 0
    clock.advance(1)
    assert _asked(source, token_proxy) == 1


def test_the_pauses_double_up_to_a_minute(source: ClientCredentials, token_proxy: FaultProxy, clock: Clock) -> None:
    token_proxy.mode = answering(500)
    for pause in [1, 2, 4, 8, 16, 32, 60, 60]:
        assert _asked(source, token_proxy) == 1
        clock.advance(pause * 0.79)  # jitter takes off up to a fifth
        assert _asked(source, token_proxy) == 0
        clock.advance(pause * 0.21)


def test_renew_asks_whatever_the_backoff_says(source: ClientCredentials, token_proxy: FaultProxy) -> None:
    token_proxy.mode = answering(429, PAGE, Retry_After="3600")
    assert _asked(source, token_proxy) == 1
    token_proxy.mode = forward
    assert source.renew() == source.token()
