"""What every library has to show, counted at the server: one token, and recovery from a 401."""

from collections.abc import Callable

from bitquery_auth.sandbox import Sandbox

Call = Callable[[], object]
"""One call of the API by the library. It raises, unless the API accepts the token."""


def counts(sandbox: Sandbox) -> tuple[int, int, int]:
    """Return the numbers of token requests, of API requests, and of those that were rejected."""
    return sandbox.token_requests, sandbox.api_requests, sandbox.api_refusals


def check_story(call: Call, sandbox: Sandbox, *, requests_per_call: int | None = 1) -> None:
    """Check that a library uses one token, and another one after a revocation.

    Args:
        call: Calls the API.
        sandbox: Counts the requests.
        requests_per_call: How many requests the library makes for one call. None if that depends on
            its version.
    """

    def check(tokens: int, calls: int, rejected: int) -> None:
        expected = counts(sandbox)[1]
        if requests_per_call is not None:
            expected = calls * requests_per_call + rejected
        assert counts(sandbox) == (tokens, expected, rejected)

    call()
    check(1, 1, 0)
    for _ in range(3):
        call()
    check(1, 4, 0)
    sandbox.revoke_all()
    call()
    call()
    check(2, 6, 1)
