"""Libraries that may be there or not."""

import warnings
from importlib import import_module
from types import ModuleType

import pytest


def needs(module: str, requirement: str) -> ModuleType:
    """Give a library's module; where it is not installed, skip the file and say what would install it.

    Args:
        module: What the file imports.
        requirement: What pip is to be given.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # what a library's own import is warned of is its own affair
            return import_module(module)
    except ImportError:
        pytest.skip(
            f"not installed here: python -m pip install '{requirement}', or python -m tests.integrations.run",
            allow_module_level=True,
        )
