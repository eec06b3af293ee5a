"""The tokens that were issued, and which of them are valid."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token as the server remembers it.

    Args:
        value: What the client sends.
        client_id: The client that it was issued to.
        scope: Its scopes, separated by spaces.
        expires_at: When it expires, in seconds of the sandbox's clock.
    """

    value: str = field(repr=False)
    client_id: str
    scope: str
    expires_at: float


def new_token_value() -> str:
    """Return a token in Hydra's format: a prefix, a random key and its signature, 256 bits each."""
    return f"ory_at_{secrets.token_urlsafe(32)}.{secrets.token_urlsafe(32)}"


class TokenRegistry:
    """Keeps issued tokens until they are revoked. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[str, IssuedToken] = {}

    def add(self, token: IssuedToken) -> None:
        """Remember a token."""
        with self._lock:
            self._tokens[token.value] = token

    def find(self, value: str, *, now: float) -> IssuedToken | None:
        """Return a token, or None if it is unknown, revoked or expired.

        An expired token stays here: if the clock is set back, it is valid again.
        """
        with self._lock:
            token = self._tokens.get(value)
        return token if token is not None and now < token.expires_at else None

    def revoke(self, value: str, *, client_id: str) -> None:
        """Remove a token if it was issued to this client (RFC 7009 §2.1)."""
        with self._lock:
            token = self._tokens.get(value)
            if token is not None and token.client_id == client_id:
                del self._tokens[value]

    def revoke_client(self, client_id: str) -> None:
        """Remove every token of one client."""
        with self._lock:
            self._tokens = {
                value: token
                for value, token in self._tokens.items()
                if token.client_id != client_id
            }

    def revoke_all(self) -> None:
        """Remove every token."""
        with self._lock:
            self._tokens.clear()
