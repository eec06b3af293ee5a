"""The token source for an id and a secret that another library passes on, if it has any."""

from __future__ import annotations

from typing import Any

from bitquery_auth import ClientCredentials, StaticToken, from_env


def source_for(
    client_id: str | None, client_secret: str | None, **settings: Any
) -> ClientCredentials | StaticToken:
    """Return the source for these credentials, or without any the one in the environment.

    ``BITQUERY_TOKEN_ENDPOINT`` and the other optional variables apply to both.

    Args:
        client_id: The id of the application.
        client_secret: Its secret.
        settings: Further settings of `ClientCredentials`.

    Raises:
        ConfigurationError: A setting is wrong, or there are no credentials.
    """
    if client_id or client_secret:
        settings |= {"client_id": client_id or "", "client_secret": client_secret or ""}
    return from_env(**settings)
