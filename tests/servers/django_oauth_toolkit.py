"""django-oauth-toolkit on SQLite.

It does not restrict a client to one authentication method, and grants every client every scope
it knows (`api`, `read`, `write`): it ignores these two fields of a client's metadata.
"""

import contextlib
import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.kit.origin import Origin

from ._process import free_port, running
from ._server import AuthorizationServer, Unavailable, api_that_introspects, forwarding_to, send

_PROGRAM = Path(__file__).with_name("django_process.py")
_API_CLIENT = ("the-api", "known to every reader of the tests")


@contextlib.contextmanager
def django_oauth_toolkit() -> Iterator[AuthorizationServer]:
    for module, package in (("oauth2_provider", "django-oauth-toolkit"), ("waitress", "waitress")):
        if importlib.util.find_spec(module) is None:
            raise Unavailable(f"{package} is not installed")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        tempfile.TemporaryDirectory() as folder,
        running(
            [sys.executable, _PROGRAM, str(port), Path(folder, "db.sqlite3")], ready_url=f"{url}/"
        ),
        Origin(forwarding_to(url)) as front,
        api_that_introspects(f"{url}/o/introspect/", auth=_API_CLIENT) as api,
    ):
        server = AuthorizationServer(
            name="django-oauth-toolkit",
            url=url,
            token_path="/o/token/",
            revocation_path="/o/revoke_token/",
            front=front,
            api=api,
            register_client=lambda client: send("POST", f"{url}/_control/clients", json=client),
            revoke_all=lambda: send("POST", f"{url}/_control/revoke_all"),
        )
        server.register_client(dict(zip(("client_id", "client_secret"), _API_CLIENT, strict=True)))
        yield server
