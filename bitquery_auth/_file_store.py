"""Tokens shared by the processes of one machine and user: a folder with one small file per key."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from bitquery_auth._errors import ConfigurationError
from bitquery_auth._store import NoTokenError, dump_token, has_ended, load_token
from bitquery_auth._token import Token

__all__ = ["FileTokenStore"]

_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_READ_AT_MOST = 1 << 20
_ORPHANED_AFTER = 3600.0
_ONLY_OURS = 0o700
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_HAS_OWNERS = hasattr(os, "geteuid")  # on Windows a folder in the user's profile is the user's
# A link that was planted is not followed, a pipe that was planted is not waited for.
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class FileTokenStore:
    """Tokens in a folder, shared by the processes of one user on one machine. Thread-safe, fork-safe, picklable.

    A file holds a token, readable by its owner alone; the client secret is in none. The lock of a
    process that ends is free at once. A folder or a file that others could write to is not used.

    Args:
        path: The folder, made when it is first needed; None: ``bitquery_auth`` in the user's cache folder.

    Raises:
        ConfigurationError: the path is none, or the extra ``bitquery_auth[file]`` is not installed.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        # Imported by the thread that makes the store: a fork in the middle of an import leaves it locked for good.
        try:
            from filelock import FileLock  # noqa: PLC0415 - an extra
            from platformdirs import user_cache_path  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ConfigurationError(
                "FileTokenStore needs filelock and platformdirs: pip install 'bitquery_auth[file]'."
            ) from error
        self._lock_class = FileLock
        self._folder = user_cache_path("bitquery_auth", appauthor=False) if path is None else _checked(path)
        if not self._folder.is_absolute():  # as where the user has no home
            raise ConfigurationError("path must be given: this user has no cache folder.")

    def get(self, key: str) -> Token | None:
        """Give the token kept under a key."""
        token = self._read(key)
        if token is None or not has_ended(token):
            return token
        lock = self.lock(key, 0)
        with suppress(TimeoutError), lock:  # where others are at it, the file is about to be replaced
            self.discard(key, token.access_token)
        return None

    def set(self, key: str, token: Token) -> None:
        """Keep a token under a key: a reader sees the file as it was or as it will be, never a part."""
        target = self._file(key, ".json")
        self._folder.mkdir(mode=_ONLY_OURS, parents=True, exist_ok=True)
        self._check_folder()
        descriptor, name = tempfile.mkstemp(prefix=f"{key}.", suffix=".tmp", dir=self._folder)  # its mode is 0600
        fresh = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(dump_token(token))
            self._remove_orphans(key, fresh)
            fresh.replace(target)
        except BaseException:
            with suppress(OSError):
                fresh.unlink()
            raise

    def discard(self, key: str, access_token: str) -> None:
        """Forget the token kept under a key if it is this one. Its lock keeps a new one from coming in between."""
        token = self._read(key)
        if token is not None and token.access_token == access_token:
            self._file(key, ".json").unlink(missing_ok=True)

    def lock(self, key: str, timeout: float) -> AbstractContextManager[object]:
        """Keep the other processes and threads from fetching under a key. Raises TimeoutError after the timeout."""
        path = self._file(key, ".lock")
        self._folder.mkdir(mode=_ONLY_OURS, parents=True, exist_ok=True)
        self._check_folder()
        return self._lock_class(path, timeout=timeout, mode=stat.S_IRUSR | stat.S_IWUSR)

    def _file(self, key: str, suffix: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError("key must be letters, digits, - and _: it names a file.")
        return self._folder / f"{key}{suffix}"

    def _read(self, key: str) -> Token | None:
        path = self._file(key, ".json")
        if not self._folder.exists():
            return None
        self._check_folder()
        try:
            descriptor = os.open(path, _READ_FLAGS)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise NoTokenError(f"a file in {self._folder} cannot be read: {error.strerror}") from error
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or _others_may_write(found):
                raise NoTokenError(f"a file in {self._folder} is another user's, or others may write to it")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return load_token(file.read(_READ_AT_MOST))
        finally:
            os.close(descriptor)

    def _check_folder(self) -> None:
        """Refuse a folder that others can put files into, be it by a link of theirs."""
        if _others_may_write(self._folder.stat()) or _is_of_others(self._folder.lstat()):
            raise PermissionError(
                f"{self._folder} is another user's, or others may write to it: chmod 700 it, or use another path"
            )

    def _remove_orphans(self, key: str, fresh: Path) -> None:
        """Remove what processes left that were killed while they wrote."""
        old = fresh.stat().st_mtime - _ORPHANED_AFTER
        for each in self._folder.glob(f"{key}.*.tmp"):
            with suppress(OSError):  # another process removed it
                if each.lstat().st_mtime < old:
                    each.unlink()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._folder)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._folder,)


def _checked(path: object) -> Path:
    if not isinstance(path, (str, os.PathLike)) or not isinstance(text := os.fspath(path), str):
        raise ConfigurationError("path must be a folder, as a string or a Path, or None for the user's cache folder.")
    if not text.strip() or "\0" in text:
        raise ConfigurationError("path is blank, or no path: give a folder.")
    try:
        return Path(text).expanduser().absolute()  # now: the program may change its folder
    except RuntimeError as error:  # ~ of a user without a home
        raise ConfigurationError(
            "path begins with ~, and there is no such user's home folder: give it in full."
        ) from error


def _is_of_others(found: os.stat_result) -> bool:
    return _HAS_OWNERS and found.st_uid != os.geteuid()


def _others_may_write(found: os.stat_result) -> bool:
    return _is_of_others(found) or (_HAS_OWNERS and bool(found.st_mode & _WRITABLE_BY_OTHERS))
