"""What is checked for every fault: what the caller gets, and when."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from bitquery_auth import BitqueryAuthError
from tests.kit.clients import Client
from tests.faults.conftest import TIMEOUT
from tests.faults.faults import Case

MARGIN = 2.0
"""Seconds beyond the timeout that a busy machine may take; what drips or is silent would never end."""
RENEWAL = 3600 - 300
"""Seconds after which a token of an hour is renewed ahead, and long before it is replaced."""


def fails(call: Callable[[], Any], case: Case, client: Client) -> BitqueryAuthError:
    """Check what the caller gets, and when."""
    began = time.monotonic()
    with pytest.raises(BitqueryAuthError) as caught:
        call()
    took = time.monotonic() - began
    assert isinstance(caught.value, case.error)
    assert isinstance(caught.value, client.base_error)
    assert caught.value.retryable is case.retryable
    assert took < TIMEOUT + MARGIN
    if case.timed:
        assert took >= TIMEOUT * 0.9
    return caught.value


def wait_for_background_fetch() -> None:
    for thread in threading.enumerate():
        if thread.name == "bitquery_auth":
            thread.join(TIMEOUT + MARGIN)
            assert not thread.is_alive()
