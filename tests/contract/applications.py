"""The applications with which the contract is tried, and what is special about each server."""

from dataclasses import dataclass, replace
from typing import Any

from bitquery_auth import ClientCredentials
from tests.servers import SERVERS, AuthorizationServer

SERVER_NAMES = ("sandbox", *SERVERS)
HYDRAS = ("sandbox", "hydra", "hydra-haproxy")

ACCEPTS_ANY_METHOD = ("django-oauth-toolkit", "oidc-provider")
REJECTS_UNKNOWN_SCOPES = (*HYDRAS, "django-oauth-toolkit")
REJECTS_SCOPES_OF_OTHERS = (*HYDRAS, "oidc-provider")
ACCEPTS_ANY_CHARACTER = (*HYDRAS, "django-oauth-toolkit")
SCOPE_BY_DEFAULT = dict.fromkeys(HYDRAS, "") | {
    "django-oauth-toolkit": "api read write",
    "oidc-provider": None,
}

POST, BASIC = "client_secret_post", "client_secret_basic"
OTHER_METHOD = {POST: BASIC, BASIC: POST}


@dataclass(frozen=True)
class Application:
    client_id: str
    method: str = POST
    client_secret: str = "a-fine-Secret_1.~"
    scope: str = "api read"
    lifetime: int | None = None

    @property
    def mistaken(self) -> "Application":
        """The same, with a secret that is not its own."""
        return replace(self, client_secret="wrong")

    def register(self, server: AuthorizationServer) -> None:
        server.register_client(
            {
                "client_id": self.client_id,
                "client_secret": self.client_secret,
                "token_endpoint_auth_method": self.method,
                "scope": self.scope,
                "lifetime": self.lifetime,
            }
        )

    def at(self, server: AuthorizationServer, **settings: Any) -> ClientCredentials:
        """Make a source of its tokens."""
        ours: dict[str, Any] = {
            "token_endpoint": server.token_endpoint,
            "revocation_endpoint": server.revocation_endpoint,
            "token_endpoint_auth_method": self.method,
            "scope": "api",
        }
        return ClientCredentials(self.client_id, self.client_secret, **(ours | settings))


def of_each_method(name: str, secret: str = Application.client_secret) -> dict[str, Application]:
    """Make an application of each method, as one client has one method only."""
    return {method: Application(f"{name}{method[-4:]}", method, secret) for method in OTHER_METHOD}


PLAIN = of_each_method("contract-")
READER = Application("contract-reader", scope="read")
SHORT_LIVED = Application("contract-short-lived", lifetime=3)

# Every character that some encoding changes: reserved, percent, plus, space, and what looks like
# an escape.
ODD = of_each_method("id:%41+/ &=?#'\"", secret="se:%41+/ %c~&=?#'\"\\")
BEYOND_ASCII = of_each_method("id ü€ ", secret="sécret €")

ALL = (*PLAIN.values(), READER, SHORT_LIVED, *ODD.values(), *BEYOND_ASCII.values())
