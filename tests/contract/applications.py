"""The applications with which the contract is tried, and what is special about each server."""

from dataclasses import dataclass, replace
from typing import Any

from bitquery_auth import ClientCredentials
from tests.servers import SERVERS, AuthorizationServer, ClientAuthMethod

SERVER_NAMES = ("sandbox", *SERVERS)

# What is measured in tests/servers/test_servers_answer.py, as far as a user of the library
# notices it.
KEEPS_ONE_METHOD = ("sandbox", "hydra", "hydra-haproxy")
TAKES_EITHER_METHOD = ("django-oauth-toolkit", "oidc-provider")
REFUSES_UNKNOWN_SCOPES = ("sandbox", "hydra", "hydra-haproxy", "django-oauth-toolkit")
REFUSES_SCOPES_OF_OTHERS = ("sandbox", "hydra", "hydra-haproxy", "oidc-provider")
TAKES_ANY_CHARACTER = (
    "sandbox",
    "hydra",
    "hydra-haproxy",
    "django-oauth-toolkit",
)  # in a Basic header
GRANTED_UNASKED = {
    "sandbox": "",
    "hydra": "",
    "hydra-haproxy": "",
    "django-oauth-toolkit": "api read write",
    "oidc-provider": None,
}


@dataclass(frozen=True)
class Application:
    client_id: str
    method: ClientAuthMethod
    client_secret: str = "a-fine-Secret_1.~"
    scopes: tuple[str, ...] = ("api", "read")
    lifetime: int | None = None

    @property
    def mistaken(self) -> "Application":
        """The same, with a secret that is not its own."""
        return replace(self, client_secret="wrong")

    def register(self, server: AuthorizationServer) -> None:
        server.register(self.client_id, self.client_secret, self.method, self.scopes, self.lifetime)

    def at(self, server: AuthorizationServer, **settings: Any) -> ClientCredentials:
        """A source of its tokens."""
        ours: dict[str, Any] = {
            "token_endpoint": server.token_endpoint,
            "revocation_endpoint": server.revocation_endpoint,
            "token_endpoint_auth_method": self.method,
            "scope": "api",
        }
        return ClientCredentials(self.client_id, self.client_secret, **(ours | settings))


POST = Application("contract-post", "client_secret_post")
BASIC = Application("contract-basic", "client_secret_basic")
READER = Application("contract-reader", "client_secret_post", scopes=("read",))
SHORT_LIVED = Application("contract-short-lived", "client_secret_post", lifetime=4)
RENEWED = Application("contract-renewed", "client_secret_post", lifetime=8)

BY_METHOD = {each.method: each for each in (POST, BASIC)}
OTHER_METHOD: dict[ClientAuthMethod, ClientAuthMethod] = {
    "client_secret_post": "client_secret_basic",
    "client_secret_basic": "client_secret_post",
}


def odd_ones(client_id: str, client_secret: str) -> dict[ClientAuthMethod, Application]:
    """An application of each method, as one id may have one method only."""
    return {
        method: Application(f"{client_id}{method[-4:]}", method, client_secret)
        for method in OTHER_METHOD
    }


# Every character that some encoding changes: reserved, percent, plus, space, and what looks like
# an escape.
ODD = odd_ones("id:%41+/ &=?#'\"", "se:%41+/ %c~&=?#'\"\\")
BEYOND_ASCII = odd_ones("id ü€ ", "sécret €")

ALL = (POST, BASIC, READER, SHORT_LIVED, RENEWED, *ODD.values(), *BEYOND_ASCII.values())
