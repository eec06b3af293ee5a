"""Settings from environment variables, under the names that people already use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bitquery_auth._errors import ConfigurationError
from bitquery_auth._secret import Secret
from bitquery_auth._token import V1_KEY_MESSAGE, V1_KEY_PREFIX, StaticToken

if TYPE_CHECKING:
    from bitquery_auth._sources.client_credentials import ClientCredentials

PREFIX = "BITQUERY_"

_OPTIONAL = ("token_endpoint", "revocation_endpoint", "token_endpoint_auth_method", "scope")
_TOKEN_VARIABLES = ("TOKEN", "ACCESS_TOKEN", "API_KEY")
_OAUTH_TOKEN_PREFIX = "ory_at_"  # noqa: S105 - how Ory Hydra's tokens begin, not a token


def from_env(**settings: Any) -> ClientCredentials | StaticToken:
    """Return the token source that the environment describes.

    ``BITQUERY_CLIENT_ID`` and ``BITQUERY_CLIENT_SECRET`` (or ``BITQUERY_CLIENT_SECRET_FILE``) make
    a `ClientCredentials`; otherwise ``BITQUERY_TOKEN``, ``BITQUERY_TOKEN_FILE``,
    ``BITQUERY_ACCESS_TOKEN``, or a ``BITQUERY_API_KEY`` that holds an OAuth token, makes a
    `StaticToken`. A blank variable counts as one that is not set::

        session.auth = RequestsAuth(from_env())

    Args:
        settings: Settings of `ClientCredentials`. They win over the environment, and do not
            concern a static token.

    Raises:
        ConfigurationError: Neither is set. The message names variables, and no value.
    """
    _hide_secret(settings)
    missing = _missing(PREFIX, settings)
    if not missing:
        from bitquery_auth._sources.client_credentials import (  # noqa: PLC0415 - it imports this module
            ClientCredentials,
        )

        return ClientCredentials.from_env(**settings)
    if (source := _static_token()) is not None:
        return source
    hint = ""
    if missing == [f"{PREFIX}CLIENT_SECRET"]:
        hint = " Only an application of type Automatic has a secret."
    raise ConfigurationError(
        f"Set {' and '.join(missing)}, or {PREFIX}TOKEN to a token from the account page.{hint}"
    )


def read_settings(prefix: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a `ClientCredentials`: those given, and others from the environment.

    Args:
        prefix: How the names of the variables begin.
        given: Settings that win over the environment.

    Raises:
        ConfigurationError: Credentials are missing. The message names every variable to set.
    """
    _hide_secret(given)
    if missing := _missing(prefix, given):
        verb = "is" if len(missing) == 1 else "are"
        raise ConfigurationError(
            f"{' and '.join(missing)} {verb} not set (or blank) in the environment."
        )
    found: dict[str, Any] = {
        name: value
        for name in ("client_id", *_OPTIONAL)
        if (value := read_variable(f"{prefix}{name.upper()}")) is not None
    }
    if (secret := _secret(f"{prefix}CLIENT_SECRET")) is not None:
        found["client_secret"] = secret
    return found | given


def read_allowed_hosts(prefix: str) -> tuple[str, ...] | None:
    """Return the host of the API's URL in the variable ``ENDPOINT``, or None if it is not set.

    Raises:
        ConfigurationError: It is not a URL.
    """
    url = read_variable(f"{prefix}ENDPOINT")
    return None if url is None else (host_pattern(f"{prefix}ENDPOINT", url),)


def host_pattern(field: str, url: str) -> str:
    """Return the host of a URL, with its port if it names one, as `AllowedHosts` takes it.

    Raises:
        ConfigurationError: It is not a URL.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host:
        raise ConfigurationError(f"{field} must be a URL, such as https://host/path.")
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if port is None else f"{bracketed}:{port}"


def read_variable(name: str) -> str | None:
    """Return the value of a variable without surrounding space and quotes; None if it is blank.

    Example: ``docker run --env-file`` keeps the quotes of ``KEY="value"``.
    """
    value = os.environ.get(name, "").strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1].strip()
    return value or None


def _hide_secret(settings: dict[str, Any]) -> None:
    if isinstance(secret := settings.get("client_secret"), str):
        settings["client_secret"] = Secret(secret)  # from here on, no frame shows it


def _missing(prefix: str, given: dict[str, Any]) -> list[str]:
    missing = []
    if "client_id" not in given and read_variable(f"{prefix}CLIENT_ID") is None:
        missing.append(f"{prefix}CLIENT_ID")
    if "client_secret" not in given and _secret(f"{prefix}CLIENT_SECRET") is None:
        missing.append(f"{prefix}CLIENT_SECRET")
    return missing


def _secret(name: str) -> str | Callable[[], str] | None:
    """Return a variable's value, or what reads the file that ``…_FILE`` names."""
    if (value := read_variable(name)) is not None:
        return Secret(value)
    path = read_variable(f"{name}_FILE")
    return None if path is None else FileContent(f"{name}_FILE", path)


def _static_token() -> StaticToken | None:
    for name in _TOKEN_VARIABLES:
        value = _secret(PREFIX + name)
        if value is None:
            continue
        if isinstance(value, str):
            _check_is_a_token(PREFIX + name, value)
        source = StaticToken(value)
        source.default_allowed_hosts = read_allowed_hosts(PREFIX)
        return source
    return None


def _check_is_a_token(name: str, value: str) -> None:
    bare = Secret(value.strip("'\"` "))
    if bare.startswith(V1_KEY_PREFIX):
        raise ConfigurationError(
            f"{name} {V1_KEY_MESSAGE} Its id and secret go into {PREFIX}CLIENT_ID and "
            f"{PREFIX}CLIENT_SECRET."
        )
    if name == f"{PREFIX}API_KEY" and _OAUTH_TOKEN_PREFIX not in bare:
        raise ConfigurationError(
            f"{name} holds no OAuth token ({_OAUTH_TOKEN_PREFIX}…): put the token into "
            f"{PREFIX}TOKEN."
        )


class FileContent:
    """Reads a file each time it is called, such as a secret that something else rotates.

    Args:
        name: The variable that names the file, for messages.
        path: The file.
    """

    def __init__(self, name: str, path: str) -> None:
        self._name = name
        self._path = path

    def __call__(self) -> str:
        """Return the text of the file, without surrounding space.

        Raises:
            ConfigurationError: It cannot be read, or is empty.
        """
        try:
            # Editors on Windows begin a text with a byte order mark.
            text = Secret(Path(self._path).read_text(encoding="utf-8-sig").strip())
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise ConfigurationError(f"{self._name}: the file cannot be read: {reason}.") from None
        if not text:
            raise ConfigurationError(f"{self._name}: the file is empty.")
        return text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r}, {self._path!r})"
