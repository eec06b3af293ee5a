"""Checks of settings that would otherwise fail silently, insecurely, or far from their cause.

Each check names the field, its rule and what to do, and never quotes the value: what is wrong with
a value is often that it is a secret in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from bitquery_auth._errors import ConfigurationError

if TYPE_CHECKING:
    from ssl import SSLContext

MAX_SECONDS = 1000 * 365 * 86400.0
"""A thousand years: longer times are clamped to what every clock and datetime can hold."""

_AUTHORITY = re.compile(r"([^@]*@)?(\[[^\[\]@]+\]|[^\[\]:@]*)(:\d*)?")
_SECRET_FIELDS = frozenset({"token", "access_token", "client_secret"})
_FIELDS_WITH_SETTINGS = frozenset({"grant_type", "scope", "client_secret"})
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def must_be(field: str, allowed: str) -> ConfigurationError:
    """Return the error for a setting that has a value which it cannot have."""
    return ConfigurationError(f"{field} must be {allowed}.")


def check_text(field: str, value: object) -> str:
    """Require a string that is not blank."""
    if not isinstance(value, str):
        kind = "None" if value is None else type(value).__name__
        raise ConfigurationError(f"{field} must be a string, not {kind}.")
    if not value.strip():
        raise ConfigurationError(
            f"{field} is blank: set its value (a variable that is not set is often the reason)."
        )
    return value


def check_plain_text(field: str, value: object) -> str:
    """Require a string without control characters, such as a line end that was pasted along."""
    text = check_text(field, value)
    if not text.isprintable():
        raise ConfigurationError(
            f"{field} holds a control character or a line end: copy it again without it."
        )
    return text


def check_header_text(field: str, value: object) -> str:
    """Require what a header can carry: printable ASCII (RFC 6749 appendix A.12), not padded."""
    text = check_text(field, value)
    if not (text.isascii() and text.isprintable()) or text != text.strip():
        raise ConfigurationError(
            f"{field} must be printable ASCII with no space around it: copy it again, alone."
        )
    return text


def check_access_token(field: str, value: object) -> str:
    """Require an access token: header text without spaces inside (RFC 6750 §2.1)."""
    text = check_header_text(field, value)
    if " " in text:
        raise ConfigurationError(
            f"{field} holds a space: a bearer token has none, so it is probably two things pasted "
            f"into one place. Copy the token alone."
        )
    return text


def check_header_name(field: str, value: object) -> str:
    """Require the name of a header (RFC 9110 §5.6.2)."""
    text = check_text(field, value)
    if not _HEADER_NAME.fullmatch(text):
        raise must_be(
            field, "the name of a header, such as Authorization: letters, digits, hyphens"
        )
    return text


def check_headers(field: str, value: Mapping[str, str] | None) -> dict[str, str]:
    """Require a mapping of header names to header values; None is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise must_be(field, "a mapping of headers, such as {'x-api-key': '…'}")
    return {
        check_header_name(f"A name in {field}", name): check_header_text(f"{field}[{name!r}]", text)
        for name, text in value.items()
    }


def check_scope(field: str, value: object) -> str | None:
    """Require None, or scopes separated by single spaces (RFC 6749 §3.3)."""
    if value is None:
        return None
    text = check_header_text(field, value)
    if "  " in text or '"' in text or "\\" in text:
        raise must_be(field, "one string with single spaces between scopes; None sends none")
    return text


def check_seconds(field: str, value: object, *, positive: bool = False) -> float:
    """Require a number of seconds, at least zero or (`positive`) more than zero."""
    rule = f"a number of seconds, {'more than' if positive else 'at least'} zero"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise must_be(field, rule)
    if not value >= 0 or (positive and value == 0):  # written so that it rejects NaN as well
        raise must_be(field, rule)
    return float(min(value, MAX_SECONDS))


def check_optional_seconds(field: str, value: object, *, positive: bool = False) -> float | None:
    """Require None, or a number of seconds."""
    return None if value is None else check_seconds(field, value, positive=positive)


def check_predicate(field: str, value: object) -> None:
    """Require a plain callable: what a coroutine function returns would always count as true."""
    if not callable(value) or is_async(value):
        raise must_be(field, "a callable that is not async: its result is used, not awaited")


def is_async(function: object) -> bool:
    """Whether a function returns a coroutine instead of its result."""
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return isinstance(flags, int) and bool(flags & _CO_COROUTINE)  # a mock has mocks as flags


def check_endpoint(field: str, value: object, *, insecure_http: bool) -> str:
    """Require an https URL, or an http one on loopback, that holds no secret."""
    text = check_text(field, value)
    if not (text.isascii() and text.isprintable()) or " " in text or "\\" in text:
        raise must_be(field, "a URL of printable ASCII without spaces")
    try:
        parts = split_url(text)
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise must_be(field, "a URL with scheme and host, such as https://host/path")
    _check_holds_no_secret(field, parts, text)
    if is_unencrypted(text) and not insecure_http:
        raise ConfigurationError(
            f"{field} must be https: over http, credentials would be sent unencrypted. http is for "
            f"loopback; insecure_http=True allows it inside a network that is protected by other "
            f"means."
        )
    return text


def _check_holds_no_secret(field: str, parts: SplitResult, text: str) -> None:
    if "@" in parts.netloc:
        raise ConfigurationError(
            f"{field} must not hold a user or a password: they have settings of their own."
        )
    if "#" in text:
        raise ConfigurationError(
            f"{field} must not have a fragment (RFC 6749 §3.2): remove the # and what follows it."
        )
    query = parse_qsl(parts.query, keep_blank_values=True)
    if any(name.lower() in _SECRET_FIELDS for name, _ in query):
        raise ConfigurationError(
            f"{field} must not hold a token or a secret in its query: URLs are logged."
        )


def split_url(url: str) -> SplitResult:
    """Split a URL as `urlsplit` does, but reject what urlsplit would ignore.

    Example: ``https://[::1]evil/`` has text after the IPv6 address, which urlsplit leaves out.

    Raises:
        ValueError: It is not a URL.
    """
    parts = urlsplit(url)
    if not _AUTHORITY.fullmatch(parts.netloc) or parts.port == 0:
        raise ValueError("not a URL")
    return parts


def is_unencrypted(endpoint: str | None) -> bool:
    """Whether what is sent to a checked endpoint crosses a network without encryption."""
    parts = urlsplit(endpoint or "")
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def check_token_params(field: str, value: object) -> tuple[tuple[str, str], ...]:
    """Require a mapping of form fields; a sequence of values repeats its field (RFC 8707 §2)."""
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise must_be(field, "a mapping of form fields, such as {'audience': '…'}")
    fields: list[tuple[str, str]] = []
    for name, given in value.items():
        if name in _FIELDS_WITH_SETTINGS:
            raise ConfigurationError(f"{field} must not hold {name!r}: it has its own setting.")
        is_sequence = isinstance(given, Sequence) and not isinstance(given, (str, bytes))
        values = given if is_sequence else (given,)
        if not values or not all(isinstance(each, str) for each in values):
            raise must_be(f"{field}[{name!r}]", "a string or a sequence of strings")
        fields += [(name, str(each)) for each in values]
    return tuple(fields)


_CO_COROUTINE = 0x80  # as in inspect, which takes long to import
_PROXY_KEY = re.compile(r"(all|http|https)(://[^/*@]*)?")
DEFAULT_TIMEOUT = 30.0
_LONGEST_TIMEOUT = 86400.0


def check_transport(
    *,
    timeout: float,
    verify: bool | str | SSLContext,
    cert: str | tuple[str, str] | None,
    proxies: Mapping[str, str | None] | None,
    trust_env: bool,
) -> dict[str, Any]:
    """Check the settings of token requests, and return the arguments of a `Transport`."""
    return {
        "timeout": min(check_seconds("timeout", timeout, positive=True), _LONGEST_TIMEOUT),
        "verify": verify,
        "cert": cert,
        "proxies": _check_proxies(proxies),
        "trust_env": trust_env,
    }


def _check_proxies(value: Mapping[str, str | None] | None) -> dict[str, str | None]:
    """Require a mapping of proxies with the keys of requests or httpx, and return requests' keys.

    Example: httpx's ``"all://"`` is ``"all"`` in requests, which ignores keys that it does not
    know.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(
        isinstance(key, str) and _PROXY_KEY.fullmatch(key) for key in value
    ):
        raise must_be(
            "proxies",
            "a mapping whose keys are 'http', 'https', 'all', or one of these with a host, such as "
            "'https://auth.example.com': {'https': 'http://proxy:3128'}. None means no proxy",
        )
    return {key.removesuffix("://"): proxy for key, proxy in value.items()}


def is_loopback(host: str) -> bool:
    """Whether a parsed host is this machine: ``localhost``, 127.0.0.0/8 or ``[::1]``."""
    bare = host.removeprefix("[").removesuffix("]").lower().removesuffix(".")
    if bare == "localhost":
        return True
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return False
