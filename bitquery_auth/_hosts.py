"""Which host may see a token: parsed parts of a URL in, a verdict out. Each client parses as it connects."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import NamedTuple

from bitquery_auth._checks import is_loopback
from bitquery_auth._errors import ConfigurationError

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_PATTERN = re.compile(
    r"(\[(?P<address>[^\]]*)\]|(?P<wildcard>\*\.)?(?P<name>[^:\[\]]*))(:(?P<port>\d{1,5}))?", re.ASCII
)
_HIGHEST_PORT = 65535

_RULE = "host names such as 'api.example.com', '*.example.com', 'localhost:8080' or '[::1]': no scheme, path or user"


class Origin(NamedTuple):
    """Scheme, host and port of a URL (RFC 6454 §4), written in one way only."""

    scheme: str
    host: str
    port: int | None

    @classmethod
    def of(cls, scheme: str, host: str, port: int | None) -> Origin:
        """Normalise the parts of a URL.

        Args:
            scheme: In any case.
            host: A name in ASCII (IDNA), or an address with or without brackets.
            port: None: the scheme's own.
        """
        scheme = scheme.lower()
        return cls(scheme, _normal(host), _DEFAULT_PORTS.get(scheme) if port is None else port)

    @property
    def is_secure(self) -> bool:
        """Whether what is sent there is encrypted, or stays on this machine."""
        return self.scheme in {"https", "wss"} or is_loopback(self.host)

    def __str__(self) -> str:
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


class AllowedHosts:
    """The hosts that may see a token.

    Args:
        patterns: ``name``, ``*.name`` (names below it, not itself), ``name:port``, ``[address]``; no port: any.

    Raises:
        ConfigurationError: a bare string, nothing, or what is no host.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        if isinstance(patterns, (str, bytes)) or not isinstance(patterns, Iterable):
            raise ConfigurationError(
                "allowed_hosts must be a sequence of host names: write ('api.example.com',), with the comma."
            )
        self.patterns = tuple(patterns)
        if not self.patterns:
            raise ConfigurationError(f"allowed_hosts is empty, so no request could carry a token: give {_RULE}.")
        self._rules = tuple(_parse(pattern) for pattern in self.patterns)

    def allow(self, origin: Origin) -> bool:
        """Whether a token may be sent to that origin, as far as its host and port go."""
        return any(
            port in (None, origin.port)
            and (origin.host.endswith(name[1:]) if name.startswith("*.") else origin.host == name)
            for name, port in self._rules
        )


def _parse(pattern: object) -> tuple[str, int | None]:
    wrong = ConfigurationError(f"allowed_hosts must hold {_RULE}.")
    found = _PATTERN.fullmatch(pattern) if isinstance(pattern, str) else None
    if found is None or not 0 < int(found["port"] or 1) <= _HIGHEST_PORT:
        raise wrong
    port = int(found["port"]) if found["port"] else None
    try:
        if found["address"] is not None:
            return str(ip_address(found["address"])), port
        name = found["name"]
        if not name.isascii():
            import idna  # noqa: PLC0415 - every client has it, and few hosts need it

            name = idna.encode(name, uts46=True).decode()
    except ValueError:  # idna's error is one, too
        raise wrong from None
    name = name.lower().removesuffix(".")
    if not _NAME.fullmatch(name):
        raise wrong
    return (found["wildcard"] or "") + name, port


def _normal(host: str) -> str:
    """One way of writing a host: lower case, no brackets, no trailing dot (RFC 3986 §6.2.2.1)."""
    bare = host.removeprefix("[").removesuffix("]").lower().removesuffix(".")
    try:
        return str(ip_address(bare)) if ":" in bare else bare
    except ValueError:
        return bare
