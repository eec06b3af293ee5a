"""The folder that keeps what takes long to fetch or build, between runs of the tests."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "bitquery_auth-tests"


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The cached folder `name`, filled by `make` if it is not there yet.

    It appears under its name only when it is complete, so neither an interrupted run nor a test run
    beside this one ever sees a half of it.
    """
    folder = cache_folder() / name
    if folder.is_dir():
        return folder
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=cache_folder()) as scratch:
        fresh = Path(scratch) / "made"
        fresh.mkdir()
        make(fresh)
        try:
            fresh.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise someone else was quicker, and theirs is as good
                raise
    return folder
