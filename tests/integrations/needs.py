"""Libraries that may not be installed."""

import warnings
from importlib import import_module
from types import ModuleType

import pytest


def needs(module: str, requirement: str) -> ModuleType:
    """Return a library's module, or skip the file where it is not installed.

    Args:
        module: What the file imports.
        requirement: What pip installs.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a library's own import may warn
            return import_module(module)
    except ImportError:
        pytest.skip(
            f"not installed: python -m pip install '{requirement}', or "
            f"python -m tests.integrations.run",
            allow_module_level=True,
        )
