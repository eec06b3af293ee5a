"""``bitquery-auth demo``: what it prints is what the stand-in counted, and a fault is reported."""

import re
from pathlib import Path

import pytest

from bitquery_auth._cli import demo, demo_programs
from bitquery_auth.sandbox import Sandbox
from tests.cli.runner import Runner

CLIENTS = ["requests", "httpx", "httpx, async"]
LONG_LIVED, SHORT_LIVED = 4, 2
_ROW = re.compile(r"  (.{37}) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+(?:, fails)?)\n")
_TOTALS = re.compile(r"  token requests +(\d+) +(\d+) +(\d+)\n")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, authority: tuple[object, Path]) -> None:
    """Tokens expire sooner, and fewer calls are made at once, by clients that open quickly."""
    monkeypatch.setattr("certifi.where", lambda: str(authority[1]))
    monkeypatch.setattr(demo, "MAX_CALLS_AT_ONCE", 8)
    monkeypatch.setattr(demo, "_LIFETIME", 2.0)
    monkeypatch.setattr(demo, "_STEADY_SECONDS", 0.9)
    monkeypatch.setattr(demo, "_TOKEN_REQUEST_SECONDS", 0.1)


GOOD = {
    "_run_long_lived": [
        demo.Counts(1, 0, 1, 0, 0.1),
        demo.Counts(20, 0, 0, 0, 0.1),
        demo.Counts(2, 1, 1, 0, 0.1),
        demo.Counts(64, 0, 1, 0, 0.5),
    ],
    "_run_short_lived": [demo.Counts(80, 0, 1, 0, 0.1), demo.Counts(1, 0, 1, 0, 1.0)],
}
"""What this library does in each scenario."""


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call is made: every program has done what this library does."""
    for name, counts in GOOD.items():
        monkeypatch.setattr(demo, name, lambda *_, counts=counts: counts)


@pytest.fixture
def one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """One client, and only the scenarios that take no time."""
    monkeypatch.setattr(demo, "MAX_CALLS_AT_ONCE", 8)
    monkeypatch.setattr(demo, "CLIENTS", {"requests": demo_programs.CLIENTS["requests"]})
    monkeypatch.setattr(demo, "_run_short_lived", lambda *_: GOOD["_run_short_lived"])


def _check_table(out: str, calls_at_once: int) -> None:
    rows = [tuple(map(str.strip, row)) for row in _ROW.findall(out)]
    assert len(rows) == len(CLIENTS) * (LONG_LIVED + SHORT_LIVED)
    long_lived, short_lived = rows[: len(CLIENTS) * LONG_LIVED], rows[-6:]
    assert [row[1:5] for row in long_lived] == 3 * [
        ("1", "0", "1", "1"),
        ("20", "0", "0", "20"),
        ("2", "1", "1", "1"),
        (str(calls_at_once), "0", "1", str(calls_at_once)),
    ]
    assert [row[5] for row in long_lived[:3]] == ["1", "0", "0, fails"]
    assert int(long_lived[3][5]) > 1
    assert [row[2:4] for row in short_lived] == [("0", "1")] * len(short_lived)
    assert all(int(row[4]) > 1 for row in short_lived[::2])
    totals = [sum(int(row[column].partition(",")[0]) for row in rows) for column in (3, 4, 5)]
    assert [int(total) for total in _TOTALS.findall(out)[0]] == totals


@pytest.mark.usefixtures("short")
def test_every_client_passes_every_scenario(command: Runner) -> None:
    code, out, err = command("demo")
    assert (code, err) == (0, "")
    _check_table(out, 8)
    assert [line for line in out.splitlines() if "sent" in line] == [
        f"{name:<39} sent  401 tokens  each call     no lock" for name in 2 * CLIENTS
    ]


@pytest.mark.matrix
def test_the_demo_as_people_run_it(process: Runner) -> None:
    code, out, err = process("demo", BITQUERY_CLIENT_ID="other", HTTP_PROXY="http://127.0.0.1:1")
    assert (code, err) == (0, "")
    _check_table(out, 64)


@pytest.mark.usefixtures("instant")
def test_it_says_that_it_waits_and_what_to_do_next_in_79_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed: list[str] = []

    def run(*_: object) -> list[demo.Counts]:
        printed.append(capsys.readouterr().out)
        return GOOD["_run_short_lived"]

    monkeypatch.setattr(demo, "_run_short_lived", run)
    assert demo.demo() == 0
    assert "This takes about 10 s" in printed[0]
    out = "".join(printed) + capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 79
    assert "bitquery-auth check" in out[-300:]
    assert "bitquery-auth sandbox" in out[-100:]


@pytest.mark.usefixtures("one_client")
def test_a_scenario_that_fails_is_marked_and_ends_with_1(
    command: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sandbox, "revoke_all", lambda _: None)
    code, out, _ = command("demo")
    assert code == 1
    assert out.count("FAILED") == 1
    failed = out.splitlines()[out[: out.index("FAILED")].count("\n") - 1]
    assert failed.startswith("  it is revoked")


@pytest.mark.usefixtures("instant")
@pytest.mark.parametrize(
    "counts",
    [demo.Counts(9, 0, 1, 0, 1.0), demo.Counts(9, 0, 1, 1, 0.1), demo.Counts(9, 1, 1, 0, 0.1)],
)
def test_a_call_that_waits_or_fails_or_is_rejected_fails_a_scenario(
    counts: demo.Counts, command: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, expired = GOOD["_run_short_lived"]
    monkeypatch.setattr(demo, "_run_short_lived", lambda *_: [counts, expired])
    code, out, _ = command("demo")
    assert (code, out.count("FAILED")) == (1, len(CLIENTS))
    assert max(map(len, out.splitlines())) <= 79


@pytest.mark.parametrize("name", CLIENTS)
def test_calls_that_raise_are_counted_as_failed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sandbox, "graphql_endpoint", "http://127.0.0.1:1/graphql")
    with Sandbox() as sandbox:
        client = demo_programs.CLIENTS[name]
        with client(sandbox, demo_programs.PROGRAMS[0]) as calls:
            assert demo._measure(sandbox, calls, [2]).failed == 2


@pytest.mark.usefixtures("instant")
def test_an_unexpected_error_is_raised_instead_of_waiting_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise LookupError

    monkeypatch.setattr(demo, "_run_short_lived", fail)
    with pytest.raises(LookupError):
        demo.demo()
