"""The README's table "What it survives": each of its figures is the suite's, counted where the suite keeps it."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.test_urls import AMBIGUOUS, LOOK_ALIKES
from tests.behaviour import test_leeway, test_outage, test_refusals_without_end
from tests.kit.clients import CLIENTS
from tests.concurrency import test_cold_start, test_living_token, test_revocation_herd
from tests.faults import test_api, test_token_endpoint
from tests.faults.faults import CASES
from tests.processes import test_fork, test_garbage
from tests.servers import SERVERS
from tests.soak import test_soak
from tests.stores import test_processes
from tests.unit.test_answer import MALFORMED
from tests.unit.test_settings import BAD, cases

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
HEADING = "## What it survives"


def held(by: Callable[..., Any], *evidence: str) -> bool:
    """Whether a test is there, and asserts what the table says: these stand in its own text."""
    text = inspect.getsource(by)
    return all(each in text for each in evidence)


def situations() -> int:
    """The tests in which the token endpoint has every fault."""
    marks = [getattr(value, "pytestmark", []) for value in vars(test_token_endpoint).values() if callable(value)]
    return sum(list(mark.args[1]) == list(CASES.values()) for each in marks for mark in each)


FIGURES = {
    "servers": f"{len(SERVERS)} real authorization servers, each with {len(CLIENTS)} clients",
    "faults": f"{len(CASES)} faults of the token endpoint, each in {situations()} situations",
    "api faults": f"{len(test_api.BREAKS)} ways to break the second try",
    "answers": f"{len(MALFORMED)} malformed token answers",
    "urls": f"{len({*LOOK_ALIKES, *AMBIGUOUS})} hostile URLs",
    "settings": f"{len(cases(BAD))} bad settings",
    "threads": "64 threads at once, without a token",
    "tasks": "1000 tasks at once, on asyncio and on trio",
    "mixed": "3 event loops and 20 threads on one source",
    "processes": "50 processes that share a store",
    "herd": f"{test_revocation_herd.HERD} requests refused at once after a revocation",
    "renewals": "100 renewals under load",
    "endless": "1000 calls to an API that always says 401",
    "outage": "an outage of the token endpoint while the token lives",
    "clock": "a machine that slept, a clock set back",
    "fork": "a fork at any moment",
    "growth": "10,000 sources and auths",
    "soak": f"{test_soak.SECONDS_BY_DEFAULT // 60} minutes of revocations, refusals and outages at random",
}
"""The first cells of the table's rows."""


@pytest.fixture(scope="module")
def rows() -> list[str]:
    assert HEADING in README
    section = README.split(HEADING, 1)[1].split("\n## ", 1)[0]
    return [line for line in section.splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES.keys())
def test_a_figure_of_the_table_is_the_suites(figure: str, rows: list[str]) -> None:
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows].count(figure) == 1


def test_the_table_has_no_row_that_is_not_counted_here(rows: list[str]) -> None:
    assert len(rows) == len(FIGURES)
    assert not [row for row in rows if not any(figure in row for figure in FIGURES.values())]


def test_the_loads_that_the_table_names_are_those_of_the_tests() -> None:
    assert held(test_cold_start.test_64_threads_share_one_fetch, "* 64", "token_requests == 1")
    assert held(test_cold_start.test_64_threads_with_requests_need_one_token, "* 64", "token_requests == 1")
    assert held(test_cold_start.test_1000_tasks_share_one_fetch, "* 1000", "token_requests == 1")
    assert held(
        test_cold_start.test_three_loops_and_20_threads_share_one_fetch,
        '("asyncio", "asyncio", "trio")',
        "[source.token] * 20",
        "token_requests == 1",
    )
    assert held(test_processes.test_fifty_processes_that_start_cold_make_one_token_request, '"herd", 50', "(50, 1, 1)")
    assert held(
        test_revocation_herd.test_16_threads_with_requests_refused_together_need_one_more_token,
        "[200] * HERD",
        "token_requests == 2",
    )
    assert held(test_living_token.test_during_100_renewals_every_request_carries_a_complete_known_token, "100")


def test_the_patience_that_the_table_names_is_that_of_the_tests() -> None:
    assert held(
        test_refusals_without_end.test_an_api_that_always_says_401_costs_a_handful_of_tokens_and_the_first_good_answer_arrives,
        "range(1000)",
        "token_requests <= 12",
    )
    assert held(test_outage.test_an_outage_inside_the_leeway_is_not_noticed_by_requests, "== 200")
    assert held(test_outage.test_an_outage_while_renewing_ahead_is_not_noticed_by_requests, "api_refusals == 0")
    assert held(test_leeway.test_a_machine_that_slept_does_not_use_the_token_it_went_to_sleep_with, "suspend")
    assert held(test_leeway.test_a_wall_clock_set_back_does_not_make_a_token_live_longer, "set_wall_clock(-")
    assert held(test_fork.test_children_forked_at_any_moment_of_busy_threads_finish_their_requests)
    assert held(test_garbage.test_10000_auths_are_collected, "10000")
    assert held(test_garbage.test_10000_sources_that_were_used_are_collected, "10000")


def test_the_second_cells_name_figures_that_tests_hold(rows: list[str]) -> None:
    numbers = {number for row in rows for number in re.findall(r"\d+", row.split(" | ", 1)[1])}
    assert numbers <= {"1", "2", "12", "200", "401"}
