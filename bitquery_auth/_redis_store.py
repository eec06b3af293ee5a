"""Tokens shared by machines: in Redis or Valkey, through redis-py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from bitquery_auth._checks import check_plain_text, check_text
from bitquery_auth._errors import ConfigurationError, conceals
from bitquery_auth._store import dump_token, has_ended, load_token
from bitquery_auth._token import Token

if TYPE_CHECKING:
    from redis import Redis, RedisCluster

__all__ = ["RedisTokenStore"]

_ANSWER_WITHIN = 1.0
"""Seconds that the server has for each answer: a token request takes less than waiting for it would."""

_LOCK_SHARE = 1 / 3
"""A lock lasts this share of the time that others wait for it: where its holder died, there is time left to fetch."""

_LOCK_LEAST = 0.1
_POLL_INTERVAL = 0.05

_COMPARE_AND_DELETE = """
local read, kept = pcall(cjson.decode, redis.call('GET', KEYS[1]) or '')
if read and type(kept) == 'table' and kept.access_token == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
"""


class RedisTokenStore:
    """Tokens in Redis or Valkey, shared by a fleet. Thread-safe, fork-safe, picklable where it was made from a URL.

    The server forgets a token when it ends, and the lock of a process that died. The client secret is not there.
    The server's user needs the rights to GET, SET, EVAL, EVALSHA and SCRIPT LOAD.

    Args:
        url_or_client: ``redis://``, ``rediss://``, ``valkey://``, ``valkeys://`` or ``unix://``, whose query can
            hold settings of redis-py such as ``socket_timeout`` (1 s each here); or a client of redis-py, not
            of its asyncio part.
        prefix: What the keys begin with.

    Raises:
        ConfigurationError: an argument is wrong, or the extra ``bitquery_auth[redis]`` is not installed.
    """

    @conceals
    def __init__(self, url_or_client: str | Redis | RedisCluster, *, prefix: str = "bitquery_auth:") -> None:
        # Imported by the thread that makes the store: a fork in the middle of an import leaves it locked for good.
        try:
            import redis  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ConfigurationError("RedisTokenStore needs redis-py: pip install 'bitquery_auth[redis]'.") from error
        self._prefix = check_plain_text("prefix", prefix)
        self._url = url_or_client if isinstance(url_or_client, str) else None
        self._client: Any = url_or_client
        if self._url is not None:
            self._client = _client_of(self._url)
        elif not isinstance(url_or_client, (redis.Redis, redis.RedisCluster)):
            raise ConfigurationError(
                "url_or_client must be a URL such as redis://host:6379/0, or a client of redis-py (not redis.asyncio)."
            )

    def get(self, key: str) -> Token | None:
        """Give the token kept under a key."""
        from redis import ResponseError  # noqa: PLC0415 - an extra

        try:
            found = self._client.get(self._prefix + key)
        except ResponseError as error:
            if not str(error).startswith("WRONGTYPE"):
                raise
            found = ""  # somebody else's list, or the like
        token = None if found is None else load_token(found)
        return None if token is None or has_ended(token) else token

    def set(self, key: str, token: Token) -> None:
        """Keep a token under a key, for as long as it lives: by the server's clock, which may tell another time."""
        left = None if token.expires_in is None else int(token.expires_in * 1000)
        if left is None or left > 0:
            self._client.set(self._prefix + key, dump_token(token), px=left)

    def discard(self, key: str, access_token: str) -> None:
        """Forget the token kept under a key if it is this one."""
        self._client.eval(_COMPARE_AND_DELETE, 1, self._prefix + key, access_token)

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[None]:
        """Keep all others from fetching under a key. Raises TimeoutError after the timeout."""
        from redis.exceptions import LockNotOwnedError  # noqa: PLC0415 - an extra

        lock = self._client.lock(
            f"{self._prefix}{key}:lock",
            timeout=max(timeout * _LOCK_SHARE, _LOCK_LEAST),
            blocking_timeout=timeout,
            sleep=_POLL_INTERVAL,
            thread_local=False,  # a lock is of one fetch, whichever thread ends it
        )
        if not lock.acquire():
            raise TimeoutError("others hold the lock")
        try:
            yield
        finally:
            with suppress(LockNotOwnedError):  # the fetch took longer than the lock lasts
                lock.release()

    def __repr__(self) -> str:
        where = getattr(getattr(self._client, "connection_pool", None), "connection_kwargs", {})
        place = where.get("path") or f"{where.get('host', '?')}:{where.get('port', '?')}"
        return f"{type(self).__name__}(<{place}/{where.get('db') or 0}>, prefix={self._prefix!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._url is None:
            raise TypeError("A RedisTokenStore that was made from a client cannot be pickled: make it from a URL.")
        return partial(type(self), self._url, prefix=self._prefix), ()


def _client_of(url: str) -> Redis:
    from redis import Redis  # noqa: PLC0415 - an extra
    from redis.backoff import NoBackoff  # noqa: PLC0415 - an extra
    from redis.retry import Retry  # noqa: PLC0415 - an extra

    text = check_text("url_or_client", url).strip()
    scheme, _, rest = text.partition("://")
    try:
        return Redis.from_url(
            f"{scheme.lower().replace('valkey', 'redis')}://{rest}",
            socket_timeout=_ANSWER_WITHIN,
            socket_connect_timeout=_ANSWER_WITHIN,
            retry=Retry(NoBackoff(), 0),  # the token endpoint is at hand, too
        )
    except ValueError:
        raise ConfigurationError(
            "url_or_client is not a URL that redis-py takes: it should look like redis://host:6379/0."
        ) from None  # its words may hold the password
