"""The README's table "What it survives": each of its rows has tests, which are listed here."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import README

TESTS_OF_ROWS = {
    "4 real authorization servers, each with 7 clients": ("contract/test_contract.py",),
    "64 threads at once, without a token": (
        "concurrency/test_cold_start.py",
        "test_64_threads_share_one_fetch",
        "test_64_threads_with_requests_need_one_token",
    ),
    "1000 tasks at once, on asyncio and on trio": (
        "concurrency/test_cold_start.py",
        "test_1000_tasks_share_one_fetch",
    ),
    "3 event loops and 20 threads on one source": (
        "concurrency/test_cold_start.py",
        "test_three_loops_and_20_threads_share_one_fetch",
    ),
    "50 processes that share a store": (
        "stores/test_processes.py",
        "test_fifty_processes_that_start_cold_make_one_token_request",
    ),
    "16 requests refused at once after a revocation": ("concurrency/test_revocation_herd.py",),
    "100 renewals under load": (
        "concurrency/test_living_token.py",
        "test_during_100_renewals_every_request_carries_a_complete_known_token",
    ),
    "an outage of the token endpoint while the token lives": (
        "behaviour/test_outage.py",
        "test_an_outage_inside_the_leeway_is_not_noticed_by_requests",
        "test_an_outage_while_renewing_ahead_is_not_noticed_by_requests",
    ),
    "22 faults of the token endpoint, each in 4 situations": ("faults/test_token_endpoint.py",),
    "6 ways to break the second try": (
        "auth/test_second_try.py",
        "test_a_second_try_that_breaks_is_the_clients_own_error_and_is_not_repeated",
    ),
    "1000 calls to an API that always says 401": (
        "auth/test_recovery_backoff.py",
        "test_a_thousand_401s_cost_at_most_12_tokens_and_the_first_200_is_returned",
    ),
    "34 malformed token answers": (
        "unit/test_answer.py",
        "test_a_success_without_a_usable_token_is_one_typed_error",
    ),
    "69 hostile URLs": ("hosts/test_urls.py",),
    "294 bad settings": ("settings/test_settings.py",),
    "a machine that slept, a clock set back": (
        "behaviour/test_leeway.py",
        "test_a_machine_that_slept_does_not_use_the_token_it_went_to_sleep_with",
        "test_a_wall_clock_set_back_does_not_make_a_token_live_longer",
    ),
    "a fork at any moment": (
        "processes/test_fork.py",
        "test_children_forked_at_any_moment_of_busy_threads_finish_their_requests",
    ),
    "10,000 sources and auths": (
        "processes/test_garbage.py",
        "test_10000_auths_are_collected",
        "test_10000_sources_are_collected_and_so_are_used_ones",
    ),
    "5 minutes of revocations, refusals and outages at random": ("soak/test_soak.py",),
}
"""The file of each row, below the folder of tests, and the tests in it; none named: all of them."""


def rows_of_the_table() -> list[str]:
    """Return the first cell of each row."""
    section = README.partition("\n## What it survives\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return [row.split(" | ")[0].removeprefix("| ") for row in rows[1:]]


def test_every_row_of_the_table_has_tests() -> None:
    assert rows_of_the_table() == list(TESTS_OF_ROWS)


@pytest.fixture(scope="module")
def collected() -> str:
    """What pytest collects of these files, also the tests that do not run by default."""
    folder = Path(__file__).parents[1]
    files = sorted({file for file, *_ in TESTS_OF_ROWS.values() if (folder / file).exists()})
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--collect-only",
            "-q",
            "-m",
            "",
            "--continue-on-collection-errors",
            *files,
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=120,
        check=False,
    ).stdout


@pytest.mark.parametrize("row", TESTS_OF_ROWS)
def test_the_tests_of_a_row_exist(row: str, collected: str) -> None:
    file, *tests = TESTS_OF_ROWS[row]
    names = set(re.findall(rf"^tests/{file}::(\w+)", collected, re.MULTILINE))
    assert names
    assert set(tests) <= names
