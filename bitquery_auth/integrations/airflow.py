"""The auth for Airflow's ``HttpHook`` and ``HttpOperator``, which make it anew for every request.

::

    HttpHook(http_conn_id="bitquery", auth_type=AirflowAuth)

The connection's login and password are the application's id and secret; without a login the environment
describes the source, as for `bitquery_auth.from_env`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from bitquery_auth import _bitquery
from bitquery_auth._client_credentials import ClientCredentials
from bitquery_auth._errors import conceals
from bitquery_auth._requests_auth import RequestsAuth
from bitquery_auth._token import TokenSource
from bitquery_auth.integrations._credentials import source_of

__all__ = ["AirflowAuth"]

_MOST_SOURCES = 64

_sources: dict[tuple[type, str], ClientCredentials] = {}
"""By class and fingerprint, which tells nothing of the secret. The sources themselves keep it, as any source does."""
_lock = threading.Lock()


class AirflowAuth(RequestsAuth):
    """A `RequestsAuth` for a connection's login and password, or for the environment's credentials.

    However often it is made, one process uses one token per application: the sources of the last 64 are kept.
    Airflow runs each task in a process of its own; a store in `settings` lets those share the token as well.

    A subclass in a module that Airflow can import changes what is used::

        class MyAuth(AirflowAuth):
            settings = {"store": FileTokenStore()}

    Attributes:
        allowed_hosts: As in `RequestsAuth`.
        settings: Further settings of `ClientCredentials`; a `StaticToken` has none.

    Args:
        login: The client id; None: the environment's credentials.
        password: The client secret.

    Raises:
        ConfigurationError: a setting is missing or wrong; the message names it.
    """

    allowed_hosts: ClassVar[Iterable[str]] = _bitquery.HOSTS
    settings: ClassVar[Mapping[str, Any]] = {}

    @conceals
    def __init__(self, login: str | None = None, password: str | None = None) -> None:
        super().__init__(self._shared(source_of(login, password, **self.settings)), allowed_hosts=self.allowed_hosts)

    @classmethod
    def _shared(cls, source: TokenSource) -> TokenSource:
        if not isinstance(source, ClientCredentials):
            return source
        exchange = source._exchange  # noqa: SLF001 - the key under which a store would share its tokens
        key = (cls, exchange.fingerprint(source.token_endpoint, exchange.read_secret()))
        with _lock:
            shared = _sources.pop(key, source)
            _sources[key] = shared  # the newest last
            if len(_sources) > _MOST_SOURCES:
                del _sources[next(iter(_sources))]
        return shared

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as what it is underneath: this class is made of a login and a password."""
        return RequestsAuth(self._source, **self._settings).__reduce__()
