"""django-oauth-toolkit on SQLite, protecting a view of its own.

It does not restrict a client to one authentication method, and grants every client every scope
it knows (`api`, `read`, `write`): it ignores these two settings of `register`.
"""

import contextlib
import importlib.util
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ._control import Control
from ._face import ClientAuthMethod, Unavailable
from ._process import free_port, running

_TOKEN_PATH = "/o/token/"
_API_PATH = "/graphql"
_PROGRAM = Path(__file__).with_name("dot_process.py")


class DjangoOAuthToolkit:
    name = "django-oauth-toolkit"

    def __init__(self, origin: str) -> None:
        self.token_endpoint = f"{origin}{_TOKEN_PATH}"
        self.revocation_endpoint = f"{origin}/o/revoke_token/"
        self.api_url = f"{origin}{_API_PATH}"
        self._control = Control(origin)

    def register(
        self,
        client_id: str,
        client_secret: str,
        token_endpoint_auth_method: ClientAuthMethod,
        scopes: Sequence[str] = ("api",),
        lifetime: int | None = None,
    ) -> None:
        self._control.register(
            client_id, client_secret, token_endpoint_auth_method, scopes, lifetime
        )

    def revoke_all(self) -> None:
        self._control.revoke_all()

    @property
    def token_requests(self) -> int:
        return self._control.count(_TOKEN_PATH)

    @property
    def api_requests(self) -> int:
        return self._control.count(_API_PATH)

    def reset_counts(self) -> None:
        self._control.reset_counts()


@contextlib.contextmanager
def django_oauth_toolkit() -> Iterator[DjangoOAuthToolkit]:
    for module, package in (("oauth2_provider", "django-oauth-toolkit"), ("waitress", "waitress")):
        if importlib.util.find_spec(module) is None:
            reason = f"{package} is not installed"
            raise Unavailable(reason)
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        command: list[str | Path] = [
            sys.executable,
            _PROGRAM,
            str(port),
            Path(folder, "db.sqlite3"),
        ]
        with running(command, ready_url=f"{origin}/_control/counts"):
            yield DjangoOAuthToolkit(origin)
