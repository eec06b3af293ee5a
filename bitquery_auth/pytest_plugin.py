"""pytest's way to the sandbox: the fixture ``bitquery_sandbox``, there as soon as the package is installed."""

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
    # pytest loads this module in every project where the package is installed: it must cost nothing there.
    from bitquery_auth.sandbox import Sandbox  # noqa: PLC0415 - as said

    with Sandbox() as sandbox:
        yield sandbox
