"""The README's table "What it survives": each of its rows has tests, which are listed here."""

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
            "test_three_loops_and_20_threads_share_one_fetch",
        },
    },
    "50 processes that share a store": {
        "stores/test_processes.py": {
            "test_fifty_processes_that_start_cold_make_one_token_request",
        },
    },
    "16 requests rejected at once after a revocation": {
        "concurrency/test_revocation_herd.py": {
            "test_16_threads_with_requests_refused_together_need_one_more_token",
            "test_16_tasks_refused_in_any_order_need_one_more_token",
        },
    },
    "a token that is about to expire": {
        "concurrency/test_living_token.py": {
            "test_in_the_renewal_window_no_thread_waits_for_the_fetch",
            "test_in_the_renewal_window_no_task_waits_for_the_fetch",
        },
    },
    "an outage of the token endpoint while a token is valid": {
        "behaviour/test_outage.py": {
            "test_an_outage_inside_the_leeway_is_not_noticed_by_requests",
            "test_an_outage_while_renewing_ahead_is_not_noticed_by_requests",
        },
    },
    "an outage without a valid token": {
        "behaviour/test_outage.py": {
            "test_calls_during_the_backoff_fail_at_once_and_ask_nobody",
            "test_the_backoff_doubles_up_to_a_minute",
            "test_retry_after_is_obeyed",
        },
    },
    "1000 calls to an API that always responds 401": {
        "auth/test_recovery_backoff.py": {
            "test_a_thousand_401s_cost_at_most_12_tokens_and_the_first_200_is_returned",
        },
    },
    "a process that is frozen, a machine that sleeps, a clock that is set back": {
        "processes/test_frozen_processes.py": {
            "test_a_process_frozen_during_a_renewal_fails_no_call",
        },
        "behaviour/test_leeway.py": {
            "test_a_machine_that_slept_does_not_use_the_token_it_went_to_sleep_with",
            "test_a_wall_clock_set_back_does_not_make_a_token_live_longer",
        },
    },
    "Ctrl-C or a soft time limit in the middle of a fetch": {
        "processes/test_exit.py": {
            "test_ctrl_c_ends_a_fetch_at_once_and_the_next_one_works",
        },
        "auth/test_time_limits.py": {
            "test_it_reaches_the_caller_as_it_is_and_the_next_request_works",
        },
    },
    "a fork, copies, pickles": {
        "processes/test_fork.py": {
            "test_children_forked_at_any_moment_of_busy_threads_finish_their_requests",
        },
        "processes/test_pickles.py": {
            "test_a_copy_of_a_source_is_that_source",
            "test_unpickled_sources_of_equal_settings_are_one",
        },
    },
}
"""The files of each row, below the folder of tests, and the tests in them."""


def test_every_row_of_the_table_has_tests() -> None:
    assert [cell for cell, _ in rows_of("What it survives")] == list(TESTS_OF_ROWS)


@pytest.fixture(scope="module")
def collected() -> str:
    """What pytest collects of these files, also the tests that do not run by default."""
    root = Path(__file__).parents[2]
    files = [f"tests/{file}" for file in set().union(*TESTS_OF_ROWS.values())]
    options = ["--collect-only", "-q", "-m", "", "--continue-on-collection-errors"]
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            *options,
            *files,
        ],
        cwd=root,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=120,
        check=False,
    ).stdout


@pytest.mark.parametrize("row", TESTS_OF_ROWS)
def test_the_tests_of_a_row_exist(row: str, collected: str) -> None:
    for file, tests in TESTS_OF_ROWS[row].items():
        assert tests <= set(re.findall(rf"^tests/{file}::(\w+)", collected, re.MULTILINE))
