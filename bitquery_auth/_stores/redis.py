"""Tokens shared by a fleet: in Redis or Valkey, through redis-py."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from bitquery_auth._checks import check_plain_text
from bitquery_auth._errors import ConfigurationError
from bitquery_auth._secret import Secret
from bitquery_auth._stores.protocol import dump_token, load_token
from bitquery_auth._token import Token

if TYPE_CHECKING:
    from redis import Redis, RedisCluster

_RESPONSE_TIMEOUT = 1.0
"""Seconds that the server has to respond. If it is slower, a token request is quicker."""

_LOCK_EXPIRY = 5.0
"""Seconds after which the lock of a crashed process is free. Token requests are seldom slower."""

_COMPARE_AND_DELETE = """
local is_json, entry = pcall(cjson.decode, redis.call('GET', KEYS[1]) or '')
if is_json and type(entry) == 'table' and entry.access_token == ARGV[1] then
    redis.call('DEL', KEYS[1])
end
"""


class RedisTokenStore:
    """Tokens in Redis or Valkey, for all processes of a fleet.

    The server forgets a token when it expires. The client secret is not stored. The server's user
    needs the rights to GET, SET, EVAL, EVALSHA and SCRIPT LOAD. A store that was made from a URL
    can be pickled; the pickle holds the URL and thus its password.

    Args:
        url_or_client: ``redis://``, ``rediss://``, ``valkey://``, ``valkeys://`` or ``unix://``,
            with settings of redis-py in its query, such as ``socket_timeout`` (1 s by default
            here); or a client of redis-py, but not of ``redis.asyncio``.
        prefix: What the keys begin with.

    Raises:
        ConfigurationError: An argument is wrong, or redis-py is not installed.
    """

    def __init__(
        self, url_or_client: str | Redis | RedisCluster, *, prefix: str = "bitquery_auth:"
    ) -> None:
        if isinstance(url_or_client, str):
            url_or_client = Secret(url_or_client)
        try:
            import redis  # noqa: PLC0415 - only those who use this class have it installed
        except ImportError as error:
            raise ConfigurationError("RedisTokenStore needs redis-py: pip install redis") from error
        self._prefix = check_plain_text("prefix", prefix)
        self._url = url_or_client if isinstance(url_or_client, Secret) else None
        self._client: Any = url_or_client
        if self._url is not None:
            self._client = _client_from(self._url)
        elif not isinstance(url_or_client, (redis.Redis, redis.RedisCluster)):
            raise ConfigurationError(
                "url_or_client must be a URL such as redis://host:6379/0, or a client of redis-py "
                "(but not of redis.asyncio)."
            )

    def get(self, key: str) -> Token | None:
        """Return the token that is stored under a key, unless it has expired."""
        text = self._client.get(self._prefix + key)
        if text is None:
            return None
        token = load_token(text)
        return None if token.is_expired else token

    def set(self, key: str, token: Token) -> None:
        """Store a token under a key. The server removes it when it expires."""
        seconds = token.expires_in
        milliseconds = None if seconds is None else max(1, int(seconds * 1000))
        self._client.set(self._prefix + key, dump_token(token), px=milliseconds)

    def discard(self, key: str, access_token: str) -> None:
        """Remove the token that is stored under a key if it is this one, in one atomic step."""
        self._client.eval(_COMPARE_AND_DELETE, 1, self._prefix + key, access_token)

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[None]:
        """Hold the lock of a key. It expires after 5 s, in case the process crashes."""
        from redis.exceptions import LockNotOwnedError  # noqa: PLC0415 - as in the constructor

        lock = self._client.lock(
            f"{self._prefix}{key}:lock", timeout=_LOCK_EXPIRY, blocking_timeout=timeout
        )
        if not lock.acquire():
            raise TimeoutError("another process holds the lock")
        try:
            yield
        finally:
            with suppress(LockNotOwnedError):  # it expired during a slow token request
                lock.release()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<hidden>, prefix={self._prefix!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._url is None:
            raise TypeError(
                "A RedisTokenStore that was made from a client cannot be pickled; "
                "make it from a URL."
            )
        return partial(type(self), self._url, prefix=self._prefix), ()


def _client_from(url: Secret) -> Redis:
    from redis import Redis  # noqa: PLC0415 - as in the constructor

    try:
        return Redis.from_url(
            re.sub("^valkey", "redis", url.strip()),
            socket_timeout=_RESPONSE_TIMEOUT,
            socket_connect_timeout=_RESPONSE_TIMEOUT,
        )
    except ValueError:  # its message may hold the password
        raise ConfigurationError(
            "url_or_client is not a URL that redis-py accepts, such as redis://host:6379/0."
        ) from None
