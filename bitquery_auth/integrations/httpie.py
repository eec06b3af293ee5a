"""HTTPie's plugin: ``http --auth-type=bitquery streaming.bitquery.io/graphql query='{ … }'``.

With ``--auth id:secret`` these are the application's; without, the environment describes the source, as for
`bitquery_auth.from_env`. The token is kept between runs, in the folder of the command line ``bitquery-auth``,
where the extra ``file`` is installed. It goes to Bitquery's hosts; with ``BITQUERY_ENDPOINT`` in the environment
to that URL's host instead. ``http --session`` writes what ``--auth`` says to disk: use the environment with it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from httpie.plugins import AuthPlugin

if TYPE_CHECKING:
    from bitquery_auth import RequestsAuth

__all__ = ["BitqueryAuthPlugin"]


class BitqueryAuthPlugin(AuthPlugin):  # type: ignore[misc]  # HTTPie has no types
    """Authentication for HTTPie with the OAuth2 client-credentials grant."""

    name = "Bitquery"
    description = "OAuth2 client credentials: --auth id:secret, or BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SECRET"
    auth_type = "bitquery"
    auth_require = False

    def get_auth(self, username: str | None = None, password: str | None = None) -> RequestsAuth:
        """Give the auth of a run.

        Raises:
            SystemExit: a setting is missing or wrong; what it is stands on stderr, as HTTPie's own errors do.
        """
        # HTTPie loads every plugin at every start: what only a run with this one needs comes here.
        from bitquery_auth import ConfigurationError, RequestsAuth, _bitquery  # noqa: PLC0415 - as said
        from bitquery_auth._cli import surroundings  # noqa: PLC0415 - as said
        from bitquery_auth.integrations._credentials import source_of  # noqa: PLC0415 - as said

        try:
            source = source_of(username, password, store=surroundings._store())  # noqa: SLF001 - the command line's own
            is_named = os.environ.get("BITQUERY_ENDPOINT", "").strip()
            hosts = surroundings.allowed_hosts(surroundings.endpoint(None, source)) if is_named else _bitquery.HOSTS
            return RequestsAuth(source, allowed_hosts=hosts)
        except ConfigurationError as error:
            print(f"http: error: {error}", file=sys.stderr)  # noqa: T201 - a command prints
            raise SystemExit(1) from None
