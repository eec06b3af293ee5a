"""A source without a server."""

import pytest

from tests.kit.clock import Clock
from tests.sources.scripted import ScriptedSource


@pytest.fixture
def source(clock: Clock) -> ScriptedSource:
    """A source whose fetches end as the test says."""
    return ScriptedSource(clock)
