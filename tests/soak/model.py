"""Which calls of a soak may fail, and how often the token endpoint may be asked.

Every time is the server's. `SLACK` is what may lie between it and the callers on a busy machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from tests.soak.load import Bad
from tests.soak.weather import Asked, RecordingSandbox

SLACK = 0.5
BACKOFF_MOST = 60.0
EARLIEST_RENEWAL = 1 - (0.2 + 0.1 * 1.1)
"""The share of a lifetime after which a token is refreshed at the earliest, with its jitter."""


@dataclass(frozen=True)
class Drought:
    """A run of failed token requests from `begins` to `ends`; the last token expired at `dry`."""

    begins: float
    dry: float
    ends: float

    def excuses(self, bad: Bad) -> bool:
        """Whether a call could not but end in the token endpoint's failure."""
        return max(bad.began, self.begins, self.dry) <= min(bad.ended, self.ends)


class Model:
    """Judges a soak by the server's log.

    Args:
        sandbox: Whose log.
        quiet: From when until when nobody called.
    """

    def __init__(self, sandbox: RecordingSandbox, quiet: tuple[float, float]) -> None:
        self._sandbox = sandbox
        self._quiet = quiet
        self._asked = list(_attempts(sorted(sandbox.asked, key=lambda asked: asked.at)))
        self._upsets = sorted([*sandbox.revocations, *(began for began, _ in sandbox.refusing)])
        self.droughts = list(self._find_droughts())

    def _find_droughts(self) -> Iterator[Drought]:
        last: Asked | None = None
        failed: list[Asked] = []
        for asked in self._asked:
            if asked.life is None:
                failed.append(asked)
                continue
            if failed:
                yield Drought(failed[0].at, self._death(last), asked.answered + SLACK)
            last, failed = asked, []
        if failed:
            yield Drought(failed[0].at, self._death(last), float("inf"))

    def _death(self, token: Asked | None) -> float:
        """When a token became useless: when it expired, or when the API began to reject it."""
        if token is None or token.life is None:
            return float("-inf")
        ends = token.at + token.life - SLACK
        return min([ends, *(upset for upset in self._upsets if upset >= token.at - SLACK)])

    def excuses(self, bad: Bad) -> bool:
        """Whether a call may have ended as it did."""
        if bad.outcome != 401:
            is_endpoints = bad.outcome in {"TokenEndpointError", "TokenRequestError"}
            return is_endpoints and any(drought.excuses(bad) for drought in self.droughts)
        if any(
            began <= bad.ended and bad.began <= ended for began, ended in self._sandbox.refusing
        ):
            return True
        # Sent twice, with two tokens, and the second was revoked, too: it had been issued just
        # before.
        tokens = self._sandbox.refused.get(bad.call, [])
        return len(set(tokens)) == 2 and set(tokens) <= self._sandbox.revoked

    def hasty_requests(self) -> list[tuple[Asked, Asked]]:
        """Failures, each with the request that followed before the backoff was over."""
        return [
            (before, after)
            for pause, before, after in self._retries()
            if after.at - before.answered < pause * 0.8 - 0.1
        ]

    def slow_recoveries(self) -> list[Asked]:
        """Failures after which the endpoint was left alone for longer than the backoff."""
        return [
            before
            for pause, before, after in self._retries()
            if after.at - before.answered > pause + SLACK and not self._is_quiet(before, after)
        ]

    def _is_quiet(self, before: Asked, after: Asked) -> bool:
        """Whether nobody called for some of the time between two token requests."""
        began, ended = self._quiet
        return before.at <= ended and began <= after.at

    def _retries(self) -> Iterator[tuple[float, Asked, Asked]]:
        """Failed requests, each with the longest backoff after it and the request that followed."""
        failures = 0
        for before, after in pairwise(self._asked):
            failures = 0 if before.life is not None else failures + 1
            if failures:
                yield min(2.0 ** (failures - 1), BACKOFF_MOST), before, after

    def early_requests(self) -> int:
        """How many tokens were replaced before their time."""
        good = [asked for asked in self._asked if asked.life is not None]
        return sum(
            after.at - before.at < (before.life or 0) * EARLIEST_RENEWAL - SLACK / 2
            for before, after in pairwise(good)
        )

    @property
    def early_requests_explained(self) -> int:
        """How many of those the revocations and refusals account for.

        A revocation takes the cached token, and one under way; a spell of 401s takes one, then a
        late 401 to its replacement another.
        """
        return 2 * len(self._upsets)

    def late_requests(self) -> list[Asked]:
        """Tokens that were not replaced by their end, though somebody calls all the time."""
        return [
            before
            for before, after in pairwise(self._asked)
            if before.life is not None
            and after.at - before.at > before.life + SLACK
            and not self._is_quiet(before, after)
        ]


def _attempts(every: list[Asked]) -> Iterator[Asked]:
    """Count a dropped request and the one that follows it as one, however late that is."""
    attempt: Asked | None = None
    for asked in every:
        if attempt is not None and attempt.dropped:
            attempt = replace(asked, at=attempt.at, dropped=False)
            continue
        if attempt is not None:
            yield attempt
        attempt = asked
    if attempt is not None:
        yield attempt
