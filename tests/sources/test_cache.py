"""What a source keeps: its token, what was discarded, its failures; at the moments that matter."""

import pytest

from bitquery_auth import ConfigurationError, Token, TokenEndpointError, TokenRequestError
from bitquery_auth._errors import ProcessFrozenError
from tests.kit.clock import Clock
from tests.sources.conftest import ScriptedSource

HOUR = 3600.0
LEEWAY = HOUR - 60


# -- tokens ----------------------------------------------------------------------------------------


def test_a_token_that_expired_on_the_way_does_not_displace_a_valid_one(
    source: ScriptedSource, clock: Clock
) -> None:
    """Nor is one requested with every call until it expires."""
    first = source.token()
    clock.advance(LEEWAY)
    source.outcome = 0.0
    assert source.token() is source.issued[1].token
    for seconds in (0.0, 0.1, 0.1):
        clock.advance(seconds)
        assert source.token() is first
    assert len(source.fetches) == 2
    clock.advance(0.1)
    source.token()
    assert len(source.fetches) == 3


def test_what_was_discarded_stays_rejected_until_a_token_is_kept(source: ScriptedSource) -> None:
    """A shared store may still hold it (hazard R2)."""
    first = source.token()
    source.discard(first)
    source.outcome = 0.0
    source.token()
    source.outcome = TokenRequestError("no response")
    source.attempt()
    source.outcome = HOUR
    source.renew()
    rejected = frozenset({first.access_token})
    assert source.fetches == [frozenset(), rejected, rejected, rejected]
    source.discard(source.token())
    source.token()
    assert source.fetches[-1] == {source.issued[-2].token.access_token}


@pytest.mark.parametrize("as_text", [False, True])
def test_a_discard_forgets_that_token_and_no_other(
    source: ScriptedSource, *, as_text: bool
) -> None:
    """A late 401 leaves the successor alone (hazard C6)."""
    first = source.token()
    second = source.renew()
    source.discard(first.access_token if as_text else first)
    assert source.token() is second
    source.discard(second.access_token if as_text else second)
    assert source.token() is source.issued[2].token


def test_a_token_is_fresh_unless_another_was_discarded_during_its_request(
    source: ScriptedSource,
) -> None:
    """A 401 about such a token may be one about its predecessor."""
    first = source.token()
    assert source.is_fresh(first)
    source.on_fetch = lambda: source.discard(first)
    second = source.renew()
    assert not source.is_fresh(second)
    source.on_fetch = lambda: source.discard("another")
    assert source.is_fresh(source.renew())


# -- failures --------------------------------------------------------------------------------------


def test_a_failure_is_repeated_to_callers_until_the_pause_is_over(
    source: ScriptedSource, clock: Clock
) -> None:
    """Each gets a copy that says when the endpoint is asked again, and in how many seconds."""
    source.outcome = TokenEndpointError("no", status_code=503, retry_after=120.0)
    first = source.attempt()
    assert isinstance(first, TokenEndpointError)
    assert (str(first), first.retry_after) == ("no", 120.0)
    clock.advance(20.0)
    second, third = source.attempt(), source.attempt()
    assert second is not third
    assert str(second) == (
        "no No further token request is made until 2027-01-15 08:02:00 UTC (in 100.0 s)."
    )
    assert isinstance(second, TokenEndpointError)
    assert (second.status_code, second.retry_after) == (503, 100.0)
    assert len(source.fetches) == 1
    source.outcome = HOUR
    clock.advance(100.0)
    assert isinstance(source.token(), Token)


def test_a_wrong_setting_makes_no_pause_for_callers_without_a_token(source: ScriptedSource) -> None:
    """It may have been corrected, and the endpoint was not asked."""
    source.outcome = ConfigurationError("client_secret is blank")
    for _ in range(3):
        failure = source.attempt()
        assert isinstance(failure, ConfigurationError)
        assert failure.retry_after is None
    assert len(source.fetches) == 3
    source.outcome = TokenRequestError("no response")
    failure = source.attempt()
    assert isinstance(failure, TokenRequestError)
    assert (failure.retry_after or 0) <= 0.25


# -- frozen processes ------------------------------------------------------------------------------


def test_a_request_that_a_freeze_ended_is_made_again_at_once(source: ScriptedSource) -> None:
    """Each time, if there was a success in between: no error, no backoff."""
    outcomes = iter([ProcessFrozenError("timeout"), HOUR] * 2)
    source.on_fetch = lambda: setattr(source, "outcome", next(outcomes))
    source.token()
    source.renew()
    assert len(source.fetches) == 4


def test_a_second_request_in_a_row_that_looks_frozen_is_a_failure(
    source: ScriptedSource, clock: Clock
) -> None:
    """A very slow resolver of names looks like a freeze, and must not be asked for ever."""
    source.outcome = ProcessFrozenError("timeout")
    for _ in range(2):
        assert isinstance(source.attempt(), TokenRequestError)
        assert len(source.fetches) == 2
    clock.advance(0.25)
    source.attempt()
    assert len(source.fetches) == 4
