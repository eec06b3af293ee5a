"""The auth that Airflow's hooks make for each request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, ClassVar

from bitquery_auth import _bitquery
from bitquery_auth._auth.requests import RequestsAuth
from bitquery_auth._environment import from_env
from bitquery_auth._sources.client_credentials import ClientCredentials
from bitquery_auth._token import TokenSource

__all__ = ["AirflowAuth"]


class AirflowAuth(RequestsAuth):
    """The auth for Airflow's hooks, which make one for each request from the login of a connection.

    All of them have one token for each application in a process. Airflow runs each task in a
    process of its own; a store in `settings` lets those share the token as well::

        class MyAuth(AirflowAuth):  # in a module that Airflow can import
            settings = {"store": FileTokenStore()}

    Attributes:
        allowed_hosts: As for `RequestsAuth`.
        settings: Settings of the `ClientCredentials`. They win over login and environment.

    Args:
        login: The client id. By default, the environment names the credentials.
        password: The client secret.

    Raises:
        ConfigurationError: A setting is missing or wrong. The message names it.
    """

    allowed_hosts: ClassVar[Iterable[str]] = _bitquery.HOSTS
    settings: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, login: str | None = None, password: str | None = None) -> None:
        super().__init__(self.source(login, password), allowed_hosts=self.allowed_hosts)

    @classmethod
    def source(cls, login: str | None = None, password: str | None = None) -> TokenSource:
        """Return the one source of this process that has these credentials and `settings`."""
        given = {"client_id": login or "", "client_secret": password or ""}
        source = from_env(**((given if login or password else {}) | dict(cls.settings)))
        if not isinstance(source, ClientCredentials):
            return source
        restore, state = source.__reduce__()
        return _recent(restore(*state))  # unpickling leads to the one with equal settings

    def __reduce__(self) -> tuple[Any, ...]:
        return RequestsAuth(self._source, **self._settings).__reduce__()


@lru_cache(maxsize=64)
def _recent(source: TokenSource) -> TokenSource:
    """Keep a source, because the auth that uses it exists for one request only."""
    return source
