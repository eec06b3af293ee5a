"""Tokens shared by the processes of one user on one machine: a directory with a small file each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from bitquery_auth._errors import ConfigurationError
from bitquery_auth._import_lock import importing
from bitquery_auth._stores.protocol import attempt, dump_token, load_token
from bitquery_auth._token import Token

_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_OTHERS_MAY_WRITE = 0o022


class FileTokenStore:
    """Tokens in a directory, for all processes of one user on one machine.

    Only the owner can read a token's file, and a directory that other users can write to is not
    used. The client secret is not stored. The files of expired tokens are removed.

    Args:
        path: The directory, which is made when it is first written to. By default it is
            ``bitquery_auth`` in the user's cache directory.

    Raises:
        ConfigurationError: The path is blank, or the user has no home directory, or filelock or
            platformdirs is not installed.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        if find_spec("filelock") is None or find_spec("platformdirs") is None:
            raise ConfigurationError(
                "FileTokenStore needs filelock and platformdirs: pip install filelock platformdirs"
            )
        self._directory = _absolute(path)

    def get(self, key: str) -> Token | None:
        """Return the token that is stored under a key, unless it has expired."""
        try:
            token = self._read(self._path(key, "json"))
        except FileNotFoundError:
            return None
        return None if token.is_expired else token

    def set(self, key: str, token: Token) -> None:
        """Store a token under a key, and remove what is left of expired ones.

        A process that reads the file meanwhile sees the old token or the new one.
        """
        path = self._path(key, "json")
        temporary = self._path(key, f"{os.urandom(8).hex()}.tmp")
        self._make_directory()
        try:
            temporary.touch(mode=0o600)
            temporary.write_text(dump_token(token), encoding="ascii")
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        for other in self._directory.glob("*.json"):
            # Errors do not matter: the file may be gone already, or not be one of ours.
            attempt(self._remove_if_expired, other)

    def discard(self, key: str, access_token: str) -> None:
        """Remove the token that is stored under a key if it is this one.

        The caller holds the lock: without it, another process may replace the token just before
        the file is removed.
        """
        path = self._path(key, "json")
        with suppress(FileNotFoundError):
            if self._read(path).access_token == access_token:
                path.unlink()

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[None]:
        """Hold the lock of a key. The operating system releases it if the process crashes."""
        path = self._path(key, "lock")
        with importing:
            from filelock import FileLock  # noqa: PLC0415 - a process that finds a valid token takes no lock

        file_lock = FileLock(path, timeout=timeout, mode=0o600)
        self._make_directory()
        with file_lock:
            try:
                yield
            finally:
                # Removing the file is safe while the lock is held: another process that has opened
                # it finds, once it gets the lock, that the file has no name any more, and filelock
                # opens a new one. Windows does not remove an open file; there filelock removes it.
                attempt(path.unlink)

    def _remove_if_expired(self, path: Path) -> None:
        if self._read(path).is_expired:
            with self.lock(path.stem, 0):  # fails if another process is about to replace the token
                if self._read(path).is_expired:
                    path.unlink()

    def _path(self, key: str, suffix: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError("key must consist of letters, digits, - and _: it names a file.")
        return self._directory / f"{key}.{suffix}"

    def _read(self, path: Path) -> Token:
        self._check_directory()
        return load_token(path.read_bytes())

    def _make_directory(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check_directory()

    def _check_directory(self) -> None:
        """Refuse a directory into which another user could have put a token."""
        found = self._directory.stat()
        if hasattr(os, "geteuid") and (  # on Windows, the user's profile belongs to the user
            found.st_uid != os.geteuid() or found.st_mode & _OTHERS_MAY_WRITE
        ):
            raise PermissionError(
                f"other users can write to {self._directory}: "
                f"make it yours alone with chmod 700, or use another path"
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._directory)!r})"


def _absolute(path: str | os.PathLike[str] | None) -> Path:
    if path is not None and not os.fspath(path).strip():
        raise ConfigurationError("path is blank: pass a directory.")
    try:
        given = _default_path() if path is None else path
        return Path(given).expanduser().absolute()  # now, because the program may change directory
    except RuntimeError:
        raise ConfigurationError(
            "path cannot be expanded, because there is no such home directory: pass a full path."
        ) from None


def _default_path() -> str:
    with importing:
        from platformdirs import user_cache_dir  # noqa: PLC0415 - not needed with a path

    return user_cache_dir("bitquery_auth", appauthor=False)
