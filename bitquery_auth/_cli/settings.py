"""The settings of one invocation: its options, and the environment."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from bitquery_auth import FileTokenStore, _bitquery, from_env
from bitquery_auth._checks import check_endpoint
from bitquery_auth._environment import PREFIX, host_pattern, read_variable
from bitquery_auth._errors import ConfigurationError
from bitquery_auth._log import logger

if TYPE_CHECKING:
    from bitquery_auth import ClientCredentials, StaticToken, Token


class Settings:
    """Where an invocation's token comes from, and where its query goes.

    Args:
        timeout: Seconds to wait for each response.
        endpoint: The GraphQL URL of the option ``--endpoint``.
        min_validity: Seconds for which a kept token must still be valid; see `KeptTokens`.
    """

    def __init__(
        self, *, timeout: float, endpoint: str | None = None, min_validity: float = 0.0
    ) -> None:
        self.timeout = timeout
        self._endpoint = endpoint
        self._min_validity = min_validity

    @cached_property
    def source(self) -> ClientCredentials | StaticToken:
        """The token source that the environment describes.

        Raises:
            ConfigurationError: The environment describes no token source.
        """
        return source_with_store(min_validity=self._min_validity, timeout=self.timeout)

    @cached_property
    def endpoint(self) -> str:
        """The GraphQL URL.

        Raises:
            ConfigurationError: It is not known, or the token must not be sent there.
        """
        url = self._endpoint or read_variable(f"{PREFIX}ENDPOINT")
        if url is None:
            if self.source.default_allowed_hosts == ():
                raise ConfigurationError(
                    f"Set {PREFIX}ENDPOINT or --endpoint to the URL of the API that the tokens are "
                    f"for, because {PREFIX}TOKEN_ENDPOINT is not Bitquery's."
                )
            url = _bitquery.GRAPHQL_ENDPOINT
        return check_endpoint(f"--endpoint ({PREFIX}ENDPOINT)", url, insecure_http=False)

    @property
    def api_host(self) -> str:
        """The host of the GraphQL URL, with its port. No other host receives the token."""
        return host_pattern(f"{PREFIX}ENDPOINT", self.endpoint)


class KeptTokens(FileTokenStore):
    """The file store, in which a token that is about to expire counts as missing.

    A printed token is used elsewhere, so it has to stay valid for a while. If the server's tokens
    are never valid for that long, each one is used until it expires: a new one would not help.

    Args:
        path: As in `FileTokenStore`.
        min_validity: Seconds for which a token must still be valid.
    """

    def __init__(self, path: str | None, min_validity: float) -> None:
        super().__init__(path)
        self._min_validity = min_validity

    def get(self, key: str) -> Token | None:
        """Return the token that is stored under a key, if it is valid for long enough."""
        token = super().get(key)
        if token is None or token.expires_at is None or token.expires_in is None:
            return token
        if token.expires_in >= self._min_validity:
            return token
        stored_at = self._path(key, "json").stat().st_mtime
        lifetime = token.expires_at.timestamp() - stored_at
        return token if lifetime < self._min_validity else None


def source_with_store(
    *, min_validity: float = 0.0, **settings: Any
) -> ClientCredentials | StaticToken:
    """Return `from_env`'s source for these settings, with its token kept in a file between runs.

    Without filelock and platformdirs there is a warning, and the token is not kept.

    Args:
        min_validity: See `KeptTokens`.
        settings: Settings of `ClientCredentials`, which win over the environment.

    Raises:
        ConfigurationError: A setting is missing or wrong.
    """
    is_static = "client_id" not in settings and read_variable(f"{PREFIX}CLIENT_ID") is None
    if not is_static:
        try:
            settings["store"] = KeptTokens(read_variable(f"{PREFIX}CACHE_DIR"), min_validity)
        except ConfigurationError as error:
            logger.warning("the token is not kept between runs: %s", error)
    return from_env(**settings)
