"""How the tests of settings read an error."""

from collections.abc import Callable

import pytest

from bitquery_auth import ConfigurationError

SENTINEL = "S3NTINEL"
"""Stands for a secret in the wrong place: every bad value that can hold it does."""


def message_of(make: Callable[[], object]) -> str:
    """Return the message of a `ConfigurationError`, which must not quote the value."""
    with pytest.raises(ConfigurationError) as caught:
        make()
    message = str(caught.value)
    assert SENTINEL.lower() not in message.lower()
    assert caught.value.__cause__ is None
    return message
