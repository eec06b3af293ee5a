"""``bitquery-auth demo``: what it tells is what the stand-in counted, and a broken promise is told, too."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bitquery_auth._cli import demo as demo_module
from bitquery_auth._cli import demo_clients, demo_stories, main
from bitquery_auth.sandbox import Sandbox

CLIENTS = ["requests", "httpx", "httpx async", "httpx2", "httpx2 async"]
CHAPTERS = 7
_ROW = re.compile(r"(.{15}) (.{44}) +(\d+) +(\d+) +(\d+) +(\d+)  (yes|NO.*)")


def _rows(out: str) -> list[tuple[str, ...]]:
    return [tuple(word.strip() for word in found.groups()) for found in _ROW.finditer(out)]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One client, and no token that lives for seconds."""
    monkeypatch.setattr(demo_module, "demo_clients", lambda: iter([next(demo_clients.demo_clients())]))
    monkeypatch.setattr(demo_module, "endings", lambda _: iter([]))


def test_with_nothing_configured_it_tells_all_of_it_with_every_client(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    out, err = capsys.readouterr()
    *rows, total = _rows(out)
    assert err == ""
    assert sorted(row[0] for row in rows) == sorted(CLIENTS * CHAPTERS)
    assert {row[-1] for row in rows} == {"yes"}
    sums = [sum(int(row[column]) for row in rows) for column in (2, 3, 4, 5)]
    assert [int(number) for number in total[2:6]] == sums
    assert sums[3] == 6 * len(CLIENTS)
    assert f"answered {sums[1]} API requests with 200 and {sums[2]} with 401" in out
    assert f"issued {sums[3]} tokens" in out


def test_every_number_is_the_stand_ins(
    quick: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[tuple[int, int, int]] = []
    reset = Sandbox.reset_counts

    def noted(sandbox: Sandbox) -> None:
        counts.append((sandbox.api_requests, sandbox.api_refusals, sandbox.tokens_issued))
        reset(sandbox)

    monkeypatch.setattr(Sandbox, "reset_counts", noted)
    assert main(["demo"]) == 0
    *rows, _ = _rows(capsys.readouterr().out)
    assert [(int(row[2]), int(row[4]), int(row[5])) for row in rows[:-1]] == counts[1:]


def test_a_broken_promise_is_told_and_ends_with_1(
    quick: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sandbox, "revoke_all", lambda _: None)
    assert main(["demo"]) == 1
    out, err = capsys.readouterr()
    assert [row[-1] for row in _rows(out)] == ["yes", "yes", "NO", "yes", "NO"]
    assert err == "Something promised did not happen: see the rows marked NO.\n"


def test_a_client_that_fails_is_told_and_the_story_goes_on(
    quick: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise LookupError

    monkeypatch.setattr(demo_clients._Requests, "herd", broken)
    assert main(["demo"]) == 1
    assert [row[-1] for row in _rows(capsys.readouterr().out)] == ["yes", "yes", "yes", "NO LookupError", "NO"]


def test_a_client_that_cannot_be_opened_does_not_leave_the_demo_waiting(
    quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise LookupError

    monkeypatch.setattr(demo_module, "endings", broken)
    with pytest.raises(LookupError):
        main(["demo"])


class _NeverRenewed:
    """A client whose token does not end, as far as it knows."""

    name = "odd"

    @contextmanager
    def opened(self, sandbox: Sandbox) -> Iterator[demo_clients.Post]:
        source = sandbox.credentials(renew_ahead=0, leeway=0)
        source.token()
        yield lambda _: None


def test_a_renewal_that_does_not_come_is_a_broken_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_stories, "PATIENCE", 0.1)
    monkeypatch.setattr(demo_stories, "SHORT_LIFETIME", 0.1)
    assert [part.kept for part in demo_stories.endings(_NeverRenewed())] == [False] * 3  # type: ignore[arg-type]


def test_a_renewal_that_requests_wait_for_is_a_broken_promise() -> None:
    with Sandbox(lifetime=60) as sandbox:
        sandbox.delay = 0.05

        def post(_: str) -> None:
            sandbox.credentials().token()

        assert demo_stories._until_renewed(sandbox, post) == 0
        assert sandbox.tokens_issued == 1


def test_a_client_that_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    assert [client.name for client in demo_clients.demo_clients()] == ["requests", "httpx", "httpx async"]


def test_a_proxy_of_the_environment_takes_no_part(
    quick: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert main(["demo"]) == 0
