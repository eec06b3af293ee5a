"""Settings from the environment, under the names that people's code already uses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from bitquery_auth._errors import ConfigurationError, conceals
from bitquery_auth._token import StaticToken

if TYPE_CHECKING:
    from bitquery_auth._client_credentials import ClientCredentials

_REQUIRED = ("client_id", "client_secret")
_OPTIONAL = ("token_endpoint", "revocation_endpoint", "token_endpoint_auth_method", "scope")
_TOKENS = ("BITQUERY_TOKEN", "BITQUERY_ACCESS_TOKEN", "BITQUERY_API_KEY")
_OAUTH_TOKEN = "ory_at_"  # noqa: S105 - how Ory Hydra's access tokens begin, facts in Bitquery's documentation
_V1_KEY = "BQY"


@conceals
def from_env() -> ClientCredentials | StaticToken:
    """Give the source that the environment describes.

    ``BITQUERY_CLIENT_ID`` and ``BITQUERY_CLIENT_SECRET`` give a `ClientCredentials`; else
    ``BITQUERY_TOKEN``, ``BITQUERY_ACCESS_TOKEN``, or a ``BITQUERY_API_KEY`` that holds an OAuth token,
    gives a `StaticToken`. Blank counts as missing.

    Raises:
        ConfigurationError: neither is there; it names variables, and no value.
    """
    missing = _missing("BITQUERY_")
    if not missing:
        from bitquery_auth._client_credentials import ClientCredentials  # noqa: PLC0415 - not for a static token

        return ClientCredentials.from_env()
    for name in _TOKENS:
        if (value := _read(name)) is None:
            continue
        bare = value.strip("'\"` ").upper()
        if bare.startswith(_V1_KEY) and name == "BITQUERY_API_KEY":
            raise ConfigurationError(
                "BITQUERY_API_KEY holds a V1 key (BQY…), which the V2 API does not take: create an application at "
                "account.bitquery.io and set BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SECRET."
            )
        if name == "BITQUERY_API_KEY" and _OAUTH_TOKEN.upper() not in bare:
            raise ConfigurationError(
                "BITQUERY_API_KEY holds no OAuth token (ory_at_…): put the token into BITQUERY_TOKEN."
            )
        return StaticToken(value)
    msg = f"Set {' and '.join(missing)}, or BITQUERY_TOKEN to a token from the account page."
    if missing == ["BITQUERY_CLIENT_SECRET"]:
        msg += " Only an application of type Automatic has a secret."
    raise ConfigurationError(msg)


def settings_from_env(prefix: str) -> dict[str, Any]:
    """Read the settings of a `ClientCredentials`.

    Args:
        prefix: What the variables' names begin with.

    Raises:
        ConfigurationError: it names every variable that is missing.
    """
    if missing := _missing(prefix):
        raise ConfigurationError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set (or blank) in the environment."
        )
    return {name: value for name in _REQUIRED + _OPTIONAL if (value := _read(f"{prefix}{name.upper()}")) is not None}


def _missing(prefix: str) -> list[str]:
    return [name for name in (f"{prefix}{each.upper()}" for each in _REQUIRED) if _read(name) is None]


def _read(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None
