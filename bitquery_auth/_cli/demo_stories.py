"""What the demo tells of a client: chapters, each with what the stand-in counted meanwhile and what was promised."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from bitquery_auth._cli.demo_clients import DemoClient, Post
from bitquery_auth.sandbox import Sandbox

# The query of Bitquery's own example, "Managing Authorization Headers in Streaming API".
QUERY = """
{
  EVM(mempool: true, network: eth) {
    DEXTrades(limit: {count: 10}) {
      Transaction { Hash }
      Trade {
        Buy { Amount Currency { Name } Buyer }
        Sell { Amount Currency { Name } Buyer }
      }
    }
  }
}
"""
TRADES = 10
REUSES = 20
HERD = 64
SHORT_LIFETIME = 4.0
FETCH_TIME = 0.4
PAUSE = 0.05
PATIENCE = 30.0


@dataclass
class Chapter:
    """One part of the story, and whether it went as promised. The numbers are what the stand-in counted."""

    title: str
    sent: int = 0
    answered: int = 0
    refused: int = 0
    tokens: int = 0
    error: str = ""
    kept: bool = False

    def promise(self, sent: int, answered: int, refused: int, tokens: int, *, and_: bool = True) -> Chapter:
        """Say what was to happen, and note whether it did."""
        counted = (self.sent, self.answered, self.refused, self.tokens)
        self.kept = counted == (sent, answered, refused, tokens) and and_ and not self.error
        return self

    def add(self, other: Chapter) -> None:
        """Count another one in."""
        self.sent += other.sent
        self.answered += other.answered
        self.refused += other.refused
        self.tokens += other.tokens
        self.kept &= other.kept


def story(client: DemoClient) -> Iterator[Chapter]:
    """Tell of a long-lived token: fetched, reused, revoked, wanted by many."""
    with Sandbox() as sandbox, client.opened(sandbox) as post:
        trades = 0
        with _chapter(sandbox, "the first request fetches a token") as part:
            trades = len(post(QUERY)["data"]["EVM"]["DEXTrades"])
        yield part.promise(1, 1, 0, 1, and_=trades == TRADES)

        with _chapter(sandbox, f"{REUSES} more use it") as part:
            for _ in range(REUSES):
                post(QUERY)
        yield part.promise(REUSES, REUSES, 0, 0)

        with _chapter(sandbox, "it is revoked: a new one, in the request") as part:
            sandbox.revoke_all()
            post(QUERY)
        yield part.promise(2, 1, 1, 1)

        with _chapter(sandbox, f"{HERD} at once with no token") as part:
            client.herd(sandbox, QUERY, HERD)
        yield part.promise(HERD, HERD, 0, 1)


def endings(client: DemoClient) -> Iterator[Chapter]:
    """Tell of tokens that live for seconds: one that is used all the time, and one that is not."""
    with Sandbox(lifetime=SHORT_LIFETIME) as sandbox, client.opened(sandbox) as post:
        with _chapter(sandbox, f"a token that lives {SHORT_LIFETIME:.0f} s") as part:
            post(QUERY)
        yield part.promise(1, 1, 0, 1)

        sandbox.delay = FETCH_TIME
        meanwhile = 0
        with _chapter(sandbox, "it nears its end: renewed, nobody waits") as part:
            meanwhile = _until_renewed(sandbox, post)
        yield part.promise(part.sent, part.sent, 0, 1, and_=meanwhile > 0)

        with _chapter(sandbox, "it has ended unused: replaced before use") as part:
            time.sleep(SHORT_LIFETIME)
            post(QUERY)
        yield part.promise(1, 1, 0, 1)


def _until_renewed(sandbox: Sandbox, post: Post) -> int:
    """Send one request after the other until a new token was fetched; give how many were answered during the fetch."""
    meanwhile = 0
    end = time.monotonic() + PATIENCE
    while not sandbox.tokens_issued and time.monotonic() < end:
        post(QUERY)
        # A request that had waited for the fetch would be over only after it.
        meanwhile += sandbox.token_requests > sandbox.tokens_issued
        time.sleep(PAUSE)
    return meanwhile


@contextmanager
def _chapter(sandbox: Sandbox, title: str) -> Iterator[Chapter]:
    """Count what reaches the stand-in meanwhile. What goes wrong is noted: the story goes on."""
    chapter = Chapter(title)
    sandbox.reset_counts()
    try:
        yield chapter
    except Exception as error:  # noqa: BLE001 - whatever a client raises
        chapter.error = type(error).__name__
    statuses = [record.status for record in sandbox.requests if record.path == "/graphql"]
    chapter.sent = sandbox.api_requests
    chapter.answered = statuses.count(HTTPStatus.OK)
    chapter.refused = statuses.count(HTTPStatus.UNAUTHORIZED)
    chapter.tokens = sandbox.tokens_issued
