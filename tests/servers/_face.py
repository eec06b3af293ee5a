"""What a test may ask of an authorization server, whichever one it is."""

from collections.abc import Sequence
from typing import Literal, Protocol

ClientAuthMethod = Literal["client_secret_basic", "client_secret_post"]


class Unavailable(Exception):  # noqa: N818 - an answer, not a fault
    """The server cannot run on this machine; the message says what is missing."""


class AuthorizationServer(Protocol):
    """A running authorization server together with an API that accepts its tokens.

    The API responds 200 `{"data":{"ok":true}}` to a valid token, `Authorization: Bearer x` or
    the bare token, and otherwise 401 `Unauthorized` as plain text.
    """

    name: str
    token_endpoint: str
    revocation_endpoint: str
    api_url: str

    def register(
        self,
        client_id: str,
        client_secret: str,
        token_endpoint_auth_method: ClientAuthMethod,
        scopes: Sequence[str] = ("api",),
        lifetime: int | None = None,
    ) -> None:
        """Make this client known, replacing one with the same id.

        `lifetime` is that of its tokens in seconds; `None` leaves it to the server (an hour).
        """

    def revoke_all(self) -> None:
        """Have the server forget every token it has issued to the registered clients."""

    @property
    def token_requests(self) -> int:
        """How many requests have reached the token endpoint, refused ones included."""
        ...

    @property
    def api_requests(self) -> int:
        """How many requests have reached the API, refused ones included."""
        ...

    def reset_counts(self) -> None:
        """Count both from nought again."""
