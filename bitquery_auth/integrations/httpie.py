"""HTTPie's plugin: ``https --auth-type=bitquery streaming.bitquery.io/graphql query='{ … }'``.

``--auth id:secret`` names the application; without it the environment does, as for
`bitquery_auth.from_env`. The token is kept between runs, where ``bitquery-auth`` keeps it. It is
sent to Bitquery's hosts, or to the host of ``BITQUERY_ENDPOINT`` if that is set.

``http --session=NAME`` writes no secret to disk: the session remembers the type of the
authentication, and the credentials come from the environment or from ``--auth`` at each run.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from httpie.plugins import AuthPlugin

if TYPE_CHECKING:
    from bitquery_auth import RequestsAuth

__all__ = ["BitqueryAuthPlugin"]


class BitqueryAuthPlugin(AuthPlugin):
    """Authentication for HTTPie with the OAuth2 client-credentials grant."""

    name = "Bitquery"
    description = "OAuth2 client credentials: --auth id:secret, or those of the environment"
    auth_type = "bitquery"
    auth_require = False

    @property
    def raw_auth(self) -> str:
        """What HTTPie writes to a session's file, and parses as ``id:secret`` when it reads it."""
        return ""

    @raw_auth.setter
    def raw_auth(self, value: object) -> None:
        """Ignore what HTTPie sets, since it holds the secret: `get_auth` receives it parsed."""

    def get_auth(self, username: str | None = None, password: str | None = None) -> RequestsAuth:
        """Return the auth for one run.

        Args:
            username: The client id.
            password: The client secret.

        Raises:
            SystemExit: A setting is missing or wrong. The message is on stderr, in HTTPie's form.
        """
        # HTTPie loads every plugin at startup, even if it is not used.
        from bitquery_auth import ConfigurationError, RequestsAuth  # noqa: PLC0415 - see above
        from bitquery_auth._cli.settings import source_with_store  # noqa: PLC0415 - see above

        credentials: dict[str, Any] = {}
        if username or password:
            credentials = {"client_id": username or "", "client_secret": password or ""}
        try:
            return RequestsAuth(source_with_store(**credentials))
        except ConfigurationError as error:
            print(f"http: error: {error}", file=sys.stderr)  # noqa: T201 - HTTPie is a command
            raise SystemExit(1) from None
