"""Where the tokens come from when a library hands over a name and a password, or nothing at all."""

from __future__ import annotations

from typing import Any

from bitquery_auth import ClientCredentials, StaticToken, from_env
from bitquery_auth._environment import _OPTIONAL, _read, settings_from_env
from bitquery_auth._errors import conceals


@conceals
def source_of(client_id: str | None, client_secret: str | None, **settings: Any) -> ClientCredentials | StaticToken:
    """Give the source for these credentials, or without them the one that the environment describes.

    ``BITQUERY_TOKEN_ENDPOINT`` and the other optional variables count for both.

    Args:
        client_id: The application's id; None or blank: see above.
        client_secret: Its secret.
        settings: Further ones of `ClientCredentials`.

    Raises:
        ConfigurationError: a setting is wrong, or neither is there.
    """
    if client_id or client_secret:
        read = {name: _read(f"BITQUERY_{name.upper()}") for name in _OPTIONAL}
        found: dict[str, Any] = {name: value for name, value in read.items() if value is not None}
        found |= {"client_id": client_id or "", "client_secret": client_secret or ""}
    else:
        described = from_env()
        if isinstance(described, StaticToken):
            return described
        found = settings_from_env("BITQUERY_")
    return ClientCredentials(**(found | settings))
