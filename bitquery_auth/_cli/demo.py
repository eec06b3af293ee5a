"""``bitquery-auth demo``: the whole story on one machine, told by what the stand-in counted."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bitquery_auth._cli.demo_clients import DemoClient, demo_clients
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
SHORT_LIFETIME = 3.0
FETCH_TIME = 0.5
STEADY_SECONDS = 2.2
STEADY_PAUSE = 0.02

_COLUMNS = "{:<15} {:<44} {:>5} {:>5} {:>5} {:>7}  {}"


@dataclass
class Chapter:
    """One part of the story, and whether it went as promised. The numbers are what the stand-in counted."""

    title: str
    sent: int = 0
    answered: int = 0
    refused: int = 0
    tokens: int = 0
    kept: bool = False


def demo() -> int:
    """Tell the story with every client that is installed.

    Returns:
        0 if all of it went as promised, else 1.
    """
    print("A stand-in for Bitquery on loopback counts what reaches it; nothing leaves this machine.\n")
    print(_COLUMNS.format("client", "what happens", "sent", "200", "401", "tokens", "as promised"))
    total = Chapter("all")
    total.kept = True
    began = time.monotonic()
    for client in demo_clients():
        for chapter in _story(client):
            print(_row(client.name, chapter), flush=True)
            total.sent += chapter.sent
            total.answered += chapter.answered
            total.refused += chapter.refused
            total.tokens += chapter.tokens
            total.kept &= chapter.kept
    print(_row("", total))
    seconds = time.monotonic() - began
    print(
        f"\nIn {seconds:.0f} s the stand-in answered {total.answered} API requests with 200 and {total.refused} with "
        f"401, each of those within the request that met it, and issued {total.tokens} tokens."
    )
    if not total.kept:
        print("Something promised did not happen: see the rows marked NO.", file=sys.stderr)
        return 1
    return 0


def _row(name: str, part: Chapter) -> str:
    return _COLUMNS.format(
        name, part.title, part.sent, part.answered, part.refused, part.tokens, "yes" if part.kept else "NO"
    )


def _story(client: DemoClient) -> Iterator[Chapter]:
    with Sandbox() as sandbox, client.opened(sandbox) as post:
        with _chapter(sandbox, "the first request fetches a token") as part:
            trades = len(post(QUERY)["data"]["EVM"]["DEXTrades"])
        part.kept = (part.sent, part.answered, part.tokens, trades) == (1, 1, 1, TRADES)
        yield part

        with _chapter(sandbox, f"{REUSES} more use it") as part:
            for _ in range(REUSES):
                post(QUERY)
        part.kept = (part.answered, part.tokens) == (REUSES, 0)
        yield part

        with _chapter(sandbox, "it is revoked: a new one, in the request") as part:
            sandbox.revoke_all()
            post(QUERY)
        part.kept = (part.answered, part.refused, part.tokens) == (1, 1, 1)
        yield part

        with _chapter(sandbox, f"{HERD} at once with no token") as part:
            client.herd(sandbox, QUERY, HERD)
        part.kept = (part.answered, part.tokens) == (HERD, 1)
        yield part

    with Sandbox(lifetime=SHORT_LIFETIME) as sandbox, client.opened(sandbox) as post:
        post(QUERY)
        sandbox.delay = FETCH_TIME
        with _chapter(sandbox, "it nears its end: renewed, nobody waits") as part:
            slowest = _steady(post)
        part.kept = part.tokens >= 1 and part.refused == 0 and part.answered > 1 and slowest < FETCH_TIME
        yield part

        with _chapter(sandbox, "it has ended unused: replaced before use") as part:
            time.sleep(SHORT_LIFETIME)
            post(QUERY)
        part.kept = (part.answered, part.refused, part.tokens) == (1, 0, 1)
        yield part


def _steady(post: Callable[[str], object]) -> float:
    """Send one request after the other for a while; give the longest time that one took."""
    slowest = 0.0
    end = time.monotonic() + STEADY_SECONDS
    while (began := time.monotonic()) < end:
        post(QUERY)
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(STEADY_PAUSE)
    return slowest


@contextmanager
def _chapter(sandbox: Sandbox, title: str) -> Iterator[Chapter]:
    """Count what reaches the stand-in meanwhile."""
    chapter = Chapter(title)
    sandbox.reset_counts()
    yield chapter
    chapter.sent = sandbox.api_requests
    chapter.refused = sandbox.api_refusals
    chapter.answered = sandbox.api_requests - sandbox.api_refusals
    chapter.tokens = sandbox.token_requests
