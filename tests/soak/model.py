"""Which calls of a soak may fail, and how often the token endpoint may be asked.

Every time is the server's. `SLACK` is what may lie between it and the callers on a busy machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tests.soak.load import Bad
from tests.soak.weather import Asked, RecordingSandbox

SLACK = 0.5
FIRST_BACKOFF = 0.25
LONGEST_BACKOFF = 60.0
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
        self._asked = sorted(sandbox.asked, key=lambda asked: asked.at)
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
        """When a token became useless: expired, rejected by the API, or lost by an interrupt."""
        if token is None or token.life is None:
            return float("-inf")
        ends = token.at + token.life - SLACK
        upsets = [upset for upset in self._upsets if upset >= token.at - SLACK]
        if self._was_frozen_on_its_way(token):
            ends = token.at
        return min([ends, *upsets, *self._interrupts_of(token)])

    def _was_frozen_on_its_way(self, asked: Asked) -> bool:
        """Whether the caller may have begun this request, and its token's lifetime, long before."""
        return any(began <= asked.at <= ended + SLACK for began, ended in self._sandbox.freezes)

    def _interrupts_of(self, asked: Asked) -> list[float]:
        """When the caller may have been interrupted who made this request."""
        return [
            at
            for at in self._sandbox.interrupts
            if asked.at - SLACK <= at <= asked.answered + SLACK
        ]

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
            and not self._interrupts_of(before)
            and not self._is_for_others(before, after)
        ]

    def _is_for_others(self, before: Asked, after: Asked) -> bool:
        """Whether a refresh in the background failed, and callers needed a token since then."""
        last = max(
            (asked for asked in self._asked if asked.life is not None and asked.at < before.at),
            key=lambda asked: asked.at,
            default=None,
        )
        return before.at <= self._death(last) + 2 * SLACK and self._death(last) <= after.at

    def slow_recoveries(self) -> list[Asked]:
        """Failures after which the endpoint was left alone for longer than the backoff."""
        return [
            before
            for pause, before, after in self._retries()
            if after.at - before.answered > pause + SLACK and not self._is_idle(before, after)
        ]

    def _is_idle(self, before: Asked, after: Asked) -> bool:
        """Whether nobody called for some of the time between two token requests."""
        return any(
            before.at <= ended and began <= after.at
            for began, ended in (self._quiet, *self._sandbox.freezes)
        )

    def _retries(self) -> Iterator[tuple[float, Asked, Asked]]:
        """Failed requests, each with the longest backoff after it and the request that followed."""
        failures = 0
        for before, after in pairwise(self._asked):
            failures = 0 if before.life is not None else failures + 1
            if failures:
                yield min(FIRST_BACKOFF * 2 ** (failures - 1), LONGEST_BACKOFF), before, after

    def early_requests(self) -> int:
        """How many tokens were replaced before their time."""
        good = [asked for asked in self._asked if asked.life is not None]
        return sum(
            after.at - before.at < (before.life or 0) * EARLIEST_RENEWAL - SLACK / 2
            and not self._was_frozen_on_its_way(before)
            for before, after in pairwise(good)
        )

    @property
    def early_requests_explained(self) -> int:
        """How many of those revocations, spells of 401 and interrupts account for.

        A revocation takes the cached token, and one that is being requested. A spell of 401s takes
        one; a second, if a 200 from before the spell ended the backoff; and a third, if a 401 from
        within the spell arrives after a 200 from after it. An interrupt loses one that was
        requested.
        """
        lost = sum(bool(self._interrupts_of(asked)) for asked in self._asked if asked.life)
        return 2 * len(self._sandbox.revocations) + 3 * len(self._sandbox.refusing) + lost

    def late_requests(self) -> list[Asked]:
        """Tokens that were not replaced by their end, though somebody calls all the time."""
        return [
            before
            for before, after in pairwise(self._asked)
            if before.life is not None
            and after.at - before.at > before.life + SLACK
            and not self._is_idle(before, after)
        ]
