"""The pytest fixture ``bitquery_sandbox``, available wherever the package is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bitquery_auth.sandbox import Sandbox

__all__ = ["bitquery_sandbox"]


@pytest.fixture
def bitquery_sandbox() -> Iterator[Sandbox]:
    """Run a stand-in for Bitquery during one test: a started `bitquery_auth.sandbox.Sandbox`."""
    # pytest imports this module in every project, and most of them never use the fixture.
    from bitquery_auth.sandbox import Sandbox  # noqa: PLC0415 - see the line above

    with Sandbox() as sandbox:
        yield sandbox
