"""The README's table of what it survives: each of its rows has tests, which are listed here."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import rows_of

TESTS_OF_ROWS = {
    "64 threads, 1000 tasks, or 3 event loops and 20 threads at once, without a token": {
        "concurrency/test_cold_start.py": {
            "test_64_threads_share_one_fetch",
            "test_1000_tasks_share_one_fetch",
            "test_three_event_loops_and_20_threads_share_one_fetch",
        },
    },
    "50 processes that share a store": {
        "stores/test_processes.py": {"test_fifty_processes_that_start_cold_make_one_token_request"},
    },
    "16 requests rejected at once after a revocation": {
        "concurrency/test_recovery_herd.py": {
            "test_16_threads_with_requests_that_are_rejected_together_need_one_more_token",
            "test_16_tasks_that_are_rejected_need_one_more_token",
        },
    },
    "a token that is about to expire": {
        "concurrency/test_valid_token.py": {
            "test_nobody_waits_for_a_refresh_in_the_background",
            "test_during_100_renewals_every_request_carries_a_complete_known_token",
        },
    },
    "an outage of the token endpoint while a token is valid": {
        "token_endpoint/test_outages.py": {
            "test_an_outage_within_the_leeway_is_not_noticed_by_requests",
            "test_an_outage_during_refreshes_is_not_noticed_by_requests",
        },
    },
    "an outage without a valid token": {
        "token_endpoint/test_outages.py": {
            "test_calls_during_the_backoff_fail_at_once_without_a_token_request",
            "test_the_pauses_double_from_a_quarter_of_a_second_to_a_minute",
            "test_retry_after_is_obeyed",
        },
    },
    "1000 calls to an API that always responds 401": {
        "auth/test_recovery_backoff.py": {
            "test_a_thousand_401s_cost_at_most_12_tokens_and_the_first_200_is_returned"
        },
    },
    "a process that is frozen, a machine that sleeps, a clock that is set back": {
        "processes/test_frozen_processes.py": {
            "test_a_process_frozen_during_a_renewal_fails_no_call"
        },
        "token_endpoint/test_lifetimes.py": {
            "test_after_a_suspend_the_token_from_before_it_is_not_used",
            "test_a_wall_clock_that_is_set_back_does_not_prolong_a_token",
        },
    },
    "Ctrl-C or a soft time limit in the middle of a fetch": {
        "concurrency/test_interrupts.py": {
            "test_an_exception_of_a_signal_handler_during_a_token_request_is_raised_as_it_is",
            "test_waiters_take_over_from_a_thread_that_was_interrupted",
        },
    },
    "a fork, copies, pickles": {
        "processes/test_fork.py": {
            "test_children_forked_at_any_moment_of_busy_threads_finish_their_requests"
        },
        "processes/test_pickles.py": {
            "test_a_copy_of_a_source_is_that_source",
            "test_unpickled_sources_of_equal_settings_are_one",
        },
    },
}
"""The files of each row, below the folder of tests, and the tests in them."""


def test_every_row_of_the_table_has_tests() -> None:
    assert [cell for cell, _ in rows_of("What it survives and costs")] == list(TESTS_OF_ROWS)


@pytest.fixture(scope="module")
def collected() -> str:
    """What pytest collects of these files, also the tests that do not run by default."""
    files = sorted(set().union(*TESTS_OF_ROWS.values()))
    options = ["--collect-only", "--quiet", "--numprocesses=0", "-m", ""]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *(f"tests/{file}" for file in files)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=120,
        check=True,
    ).stdout


@pytest.mark.parametrize("row", TESTS_OF_ROWS)
def test_the_tests_of_a_row_exist(row: str, collected: str) -> None:
    for file, tests in TESTS_OF_ROWS[row].items():
        assert tests <= set(re.findall(rf"^tests/{file}::(\w+)", collected, re.MULTILINE))
