"""What every library has to show, counted where the requests arrive."""

from collections.abc import Callable

from bitquery_auth.sandbox import Sandbox

Call = Callable[[], object]
"""One call of the API by the library. It raises, unless the answer is the one to a good token."""

QUERY = "{ EVM(network: eth) { DEXTrades(limit: {count: 3}) { Transaction { Hash } } } }"


def counts(sandbox: Sandbox) -> tuple[int, int, int]:
    """Token requests, API requests, and how many of these were refused."""
    return sandbox.token_requests, sandbox.api_requests, sandbox.api_refusals


class Story:
    """A token is fetched, used again, and replaced: a subclass has the fixture ``call``."""

    def test_the_first_call_fetches_a_token(self, call: Call, sandbox: Sandbox) -> None:
        call()
        assert counts(sandbox) == (1, 1, 0)

    def test_several_calls_use_one_token(self, call: Call, sandbox: Sandbox) -> None:
        """Hazard F4."""
        for _ in range(4):
            call()
        assert counts(sandbox) == (1, 4, 0)

    def test_a_revoked_token_is_replaced_inside_the_call(
        self, call: Call, sandbox: Sandbox
    ) -> None:
        """Hazard R1."""
        call()
        sandbox.revoke_all()
        call()
        call()
        assert counts(sandbox) == (2, 4, 1)
