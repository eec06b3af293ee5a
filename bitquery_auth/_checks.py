"""Bad input, told apart at construction: each check names the field, its rule and the way out, and no value.

Values stay out of the messages because what is wrong with them is often that a secret is in the
wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from inspect import iscoroutinefunction
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, urlsplit

from bitquery_auth._errors import ConfigurationError

MAX_SECONDS = 1000 * 365 * 86400.0
"""A thousand years: the longest time that is meant as one; any clock and any datetime can hold it."""

_AUTHORITY = re.compile(r"([^@]*@)?(\[[^\[\]@]+\]|[^\[\]:@]*)(:\d*)?")
_SECRET_FIELDS = frozenset({"token", "access_token", "client_secret"})
_RESERVED_PARAMS = frozenset({"grant_type", "scope", "client_secret"})


def check_text(field: str, value: object) -> str:
    """Accept a string that is not blank."""
    if not isinstance(value, str):
        raise ConfigurationError(f"{field} must be a string, not {_kind(value)}.")
    if not value.strip():
        raise ConfigurationError(
            f"{field} is blank: give its value (an unset environment variable often is the reason)."
        )
    return value


def check_plain_text(field: str, value: object) -> str:
    """Accept a string that is not blank and holds no control characters, such as a pasted line end."""
    text = check_text(field, value)
    if not text.isprintable():
        raise ConfigurationError(f"{field} holds a control character or a line end: copy it again without.")
    return text


def check_secret(field: str, value: object) -> None:
    """Accept a plain text, or a callable that is to give one."""
    if callable(value):
        check_callable(field, value)
    elif isinstance(value, str):
        check_plain_text(field, value)
    else:
        raise unexpected(field, "a string, or a callable that gives one")


def check_header_text(field: str, value: object) -> str:
    """Accept what a header can carry: printable ASCII (RFC 6749 appendix A.12), not blank at its ends."""
    text = check_text(field, value)
    if not (text.isascii() and text.isprintable()) or text != text.strip():
        raise ConfigurationError(f"{field} must be printable ASCII with no space around it: copy it again, alone.")
    return text


def check_header_name(field: str, value: object) -> str:
    """Accept the name of a header: a token of RFC 9110 §5.6.2."""
    text = check_text(field, value)
    if not all(char.isascii() and (char.isalnum() or char in "!#$%&'*+-.^_`|~") for char in text):
        raise ConfigurationError(
            f"{field} must be the name of a header, such as Authorization: letters, digits and hyphens."
        )
    return text


def check_scope(field: str, value: object) -> str | None:
    """Accept None, or scopes separated by single spaces (RFC 6749 §3.3)."""
    if value is None:
        return None
    text = check_header_text(field, value)
    if "  " in text or '"' in text or "\\" in text:
        raise ConfigurationError(f"{field} must be one string, its scopes separated by single spaces; None sends none.")
    return text


def check_seconds(field: str, value: object, *, positive: bool = False) -> float:
    """Accept a number of seconds, at least zero (or more than zero)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigurationError(f"{field} must be a number of seconds, not {_kind(value)}.")
    if not value >= 0 or (positive and value == 0):  # NaN, too, is not at least zero
        raise ConfigurationError(
            f"{field} must be a number of seconds, {'more than' if positive else 'at least'} zero."
        )
    return float(min(value, MAX_SECONDS))


def check_optional_seconds(field: str, value: object, *, positive: bool = False) -> float | None:
    """Accept None, or a number of seconds."""
    return None if value is None else check_seconds(field, value, positive=positive)


def check_flag(field: str, value: object) -> bool:
    """Accept True or False, and nothing that merely counts as one."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{field} must be True or False, not {_kind(value)}.")
    return value


def check_callable(field: str, value: object) -> None:
    """Accept what can be called, and answers at once: a coroutine would count as true, or as no answer."""
    if not callable(value) or iscoroutinefunction(value) or iscoroutinefunction(type(value).__call__):
        raise ConfigurationError(f"{field} must be a callable, and no async one: it is called, not awaited.")


def check_endpoint(field: str, value: object, *, insecure_http: bool) -> str:
    """Accept an https URL, or an http one on loopback, with no place in it where a secret could be."""
    check_flag("insecure_http", insecure_http)
    text = check_text(field, value)
    if not (text.isascii() and text.isprintable()) or " " in text or "\\" in text:
        raise ConfigurationError(f"{field} must be a URL of printable ASCII with no spaces: copy it again.")
    try:
        parts = split_url(text)
    except ValueError:
        raise ConfigurationError(f"{field} is not a URL: it should look like https://host/path.") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ConfigurationError(f"{field} must be a URL with scheme and host, such as https://host/path.")
    if "@" in parts.netloc:
        raise ConfigurationError(f"{field} must not hold a user or a password: they have settings of their own.")
    if "#" in text:
        raise ConfigurationError(f"{field} must not have a fragment (RFC 6749 §3.2): leave out what begins with #.")
    if _SECRET_FIELDS & {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}:
        raise ConfigurationError(f"{field} must not hold a token or secret in its query: URLs are logged.")
    if sends_in_the_clear(text) and not insecure_http:
        raise ConfigurationError(
            f"{field} must be https: credentials would cross the network readable. http is for loopback only; "
            f"insecure_http=True lets it be used inside a network that protects it otherwise."
        )
    return text


def split_url(url: str) -> SplitResult:
    """Split a URL of which everything is known: what follows an address in brackets would be left out silently.

    Raises:
        ValueError: it is no URL.
    """
    parts = urlsplit(url)
    if not _AUTHORITY.fullmatch(parts.netloc) or parts.port == 0:
        raise ValueError("no host, or an odd one")
    return parts


def sends_in_the_clear(endpoint: str | None) -> bool:
    """Whether what is sent to a checked endpoint crosses a network unencrypted."""
    parts = urlsplit(endpoint or "")
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def check_token_params(field: str, value: object) -> tuple[tuple[str, str], ...]:
    """Accept form fields as a mapping; a sequence of values repeats its field (RFC 8707 §2)."""
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{field} must be a mapping of form fields, such as {{'audience': '…'}}.")
    fields: list[tuple[str, str]] = []
    for name, given in value.items():
        if not isinstance(name, str) or not name or not name.isprintable():
            raise ConfigurationError(f"{field} has a field whose name is not a printable string.")
        if name in _RESERVED_PARAMS:
            raise ConfigurationError(f"{field} must not hold {name!r}: it has a setting of its own.")
        values = given if isinstance(given, Sequence) and not isinstance(given, (str, bytes)) else (given,)
        if not values or not all(isinstance(each, str) and each.isprintable() for each in values):
            raise ConfigurationError(f"{field}[{name!r}] must be a printable string or a sequence of such.")
        fields += [(name, str(each)) for each in values]
    return tuple(fields)


def is_loopback(host: str) -> bool:
    """Whether a parsed host is this machine: ``localhost``, 127.0.0.0/8 or ``[::1]``."""
    bare = host.removeprefix("[").removesuffix("]").lower().removesuffix(".")
    if bare == "localhost":
        return True
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return False


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__


def unexpected(field: str, allowed: str) -> ConfigurationError:
    """Say that a setting is none of the values it may have."""
    return ConfigurationError(f"{field} must be {allowed}.")
