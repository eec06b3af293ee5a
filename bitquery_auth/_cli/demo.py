"""``bitquery-auth demo``: the whole story on one machine, told by what the stand-in counted."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future

from bitquery_auth._cli.demo_clients import DemoClient, demo_clients
from bitquery_auth._cli.demo_stories import Chapter, endings, story
from bitquery_auth._cli.exits import FAILED, OK
from bitquery_auth._cli.terminal import waiting

_COLUMNS = "{:<15} {:<44} {:>5} {:>5} {:>5} {:>7}  {}"


def demo() -> int:
    """Tell the story with every client that is installed.

    Returns:
        0 if all of it went as promised, else 1.
    """
    print("A stand-in for Bitquery on loopback counts what reaches it; nothing leaves this machine.\n")
    print(_COLUMNS.format("client", "what happens", "sent", "200", "401", "tokens", "as promised"))
    total = Chapter("all")
    total.kept = True
    for name, chapter in _told(list(demo_clients())):
        print(_row(name, chapter), flush=True)
        total.add(chapter)
    print(_row("", total))
    print(
        f"\nThe stand-in answered {total.answered} API requests with 200 and {total.refused} with 401, each of those "
        f"within the request that met it, and issued {total.tokens} tokens."
    )
    if not total.kept:
        print("Something promised did not happen: see the rows marked NO.", file=sys.stderr)
        return FAILED
    return OK


def _told(clients: list[DemoClient]) -> Iterator[tuple[str, Chapter]]:
    """Tell both stories of every client: the one full of work in turn, the one full of waiting at once."""
    for client in clients:
        yield from ((client.name, chapter) for chapter in story(client))
    told = [(client.name, _started(client)) for client in clients]
    for name, chapters in told:
        with waiting("some tokens live for seconds, and come to their ends"):
            ended = chapters.result()
        yield from ((name, chapter) for chapter in ended)


def _started(client: DemoClient) -> Future[list[Chapter]]:
    """Tell the story full of waiting on a thread that Ctrl+C does not wait for."""
    told: Future[list[Chapter]] = Future()

    def tell() -> None:
        try:
            told.set_result(list(endings(client)))
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            told.set_exception(error)

    threading.Thread(target=tell, daemon=True).start()
    return told


def _row(name: str, part: Chapter) -> str:
    outcome = "yes" if part.kept else f"NO {part.error}".rstrip()
    return _COLUMNS.format(name, part.title, part.sent, part.answered, part.refused, part.tokens, outcome)
