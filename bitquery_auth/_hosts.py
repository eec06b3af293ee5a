"""The hosts that may see a token.

Callers pass the parts of a URL as the parser of their own client sees them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import NamedTuple

from bitquery_auth._checks import is_loopback
from bitquery_auth._errors import ConfigurationError

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_PATTERN = re.compile(
    r"(\[(?P<address>[^\]]*)\]|(?P<wildcard>\*\.)?(?P<name>[^:\[\]]*))(:(?P<port>\d{1,5}))?",
    re.ASCII,
)
MAX_PORT = 65535

_RULE = (
    "host names such as 'api.example.com', '*.example.com', 'localhost:8080' or '[::1]', "
    "without scheme, path or user"
)


class Origin(NamedTuple):
    """Scheme, host and port of a URL (RFC 6454 §4) in normal form."""

    scheme: str
    host: str
    port: int | None

    @classmethod
    def of(cls, scheme: str, host: str, port: int | None) -> Origin:
        """Normalise the parts of a URL.

        Args:
            scheme: In any case.
            host: A name in ASCII (IDNA), or an address with or without brackets.
            port: None means the scheme's own.
        """
        scheme = scheme.lower()
        default_port = _DEFAULT_PORTS.get(scheme)
        return cls(scheme, _normalise(host), default_port if port is None else port)

    @property
    def is_secure(self) -> bool:
        """Whether what is sent there is encrypted or does not leave this machine."""
        return self.scheme in {"https", "wss"} or is_loopback(self.host)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


NOWHERE = Origin("", "", None)
"""Where a URL leads that clients may understand in different ways: no host is allowed there."""


class AllowedHosts:
    """The hosts that may see a token.

    Args:
        patterns: ``name``, ``*.name`` (the names below it, not the name itself), ``name:port``,
            ``[address]``. Without a port, any port is allowed.

    Raises:
        ConfigurationError: It is a bare string, empty, or holds something that is not a host.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        if isinstance(patterns, (str, bytes)) or not isinstance(patterns, Iterable):
            raise ConfigurationError(
                "allowed_hosts must be a sequence of host names: write ('api.example.com',), "
                "with the comma."
            )
        self.patterns = tuple(patterns)
        if not self.patterns:
            raise ConfigurationError(
                f"allowed_hosts is empty, so no request could carry a token: name {_RULE}."
            )
        self._rules = tuple(_parse(pattern) for pattern in self.patterns)

    def allow(self, origin: Origin) -> bool:
        """Whether host and port of an origin are among them."""
        return any(
            port in (None, origin.port)
            and (origin.host.endswith(name[1:]) if name.startswith("*.") else origin.host == name)
            for name, port in self._rules
        )


def _parse(pattern: object) -> tuple[str, int | None]:
    invalid = ConfigurationError(f"allowed_hosts must hold {_RULE}.")
    found = _PATTERN.fullmatch(pattern) if isinstance(pattern, str) else None
    if found is None or not 0 < int(found["port"] or 1) <= MAX_PORT:
        raise invalid
    port = int(found["port"]) if found["port"] else None
    try:
        if found["address"] is not None:
            return str(ip_address(found["address"])), port
        name = _to_ascii(found["name"]).lower().removesuffix(".")
    except ValueError:
        raise invalid from None
    if not _NAME.fullmatch(name):
        raise invalid
    return (found["wildcard"] or "") + name, port


def _to_ascii(name: str) -> str:
    if name.isascii():
        return name
    import idna  # noqa: PLC0415 - a dependency of every client; few hosts need it

    return idna.encode(name, uts46=True).decode()  # its error is a ValueError


def _normalise(host: str) -> str:
    """Return a host in lower case, without brackets or trailing dot (RFC 3986 §6.2.2.1)."""
    bare = host.removeprefix("[").removesuffix("]").lower().removesuffix(".")
    try:
        return str(ip_address(bare)) if ":" in bare else bare
    except ValueError:
        return bare
