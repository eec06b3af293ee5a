"""Every client that an auth serves, with one face, so that a behaviour is written once for all."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext, create_default_context
from typing import Any, Self

import httpx
import httpx2
import requests
from anyio.from_thread import start_blocking_portal

from bitquery_auth import HTTPXAuth, RequestsAuth


@dataclass(frozen=True)
class Outcome:
    """What a caller got. `history` holds the statuses of the answers before it, `raw` the client's own response."""

    status: int
    text: str
    history: tuple[int, ...]
    headers: Any
    raw: Any


class Client:
    """A client with an auth, to be used as a context manager."""

    auth_class: Any
    base_error: type[Exception]

    def __init__(self, auth: Any, **options: Any) -> None:
        self._auth = auth
        self._options = options
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _open(self) -> None:
        raise NotImplementedError

    def send(self, method: str, url: str, **options: Any) -> Outcome:
        """Send a request.

        ``json``, ``content`` (bytes, text, a file or a generator), ``data`` (a form), ``files``, ``headers``,
        ``params``.
        """
        raise NotImplementedError

    @staticmethod
    def trusting(authority: Path) -> dict[str, Any]:
        """Options of a client that trusts this certificate authority."""
        raise NotImplementedError

    def post(self, url: str, **options: Any) -> Outcome:
        return self.send("POST", url, **options)

    def get(self, url: str, **options: Any) -> Outcome:
        return self.send("GET", url, **options)


class RequestsClient(Client):
    auth_class = RequestsAuth
    base_error = requests.RequestException

    def _open(self) -> None:
        self._session = self._stack.enter_context(requests.Session())
        self._session.auth = self._auth
        for name, value in self._options.items():
            setattr(self._session, name, value)

    def send(self, method: str, url: str, *, follow: bool = True, content: Any = None, **options: Any) -> Outcome:
        options.setdefault("data", content)
        response = self._session.request(method, url, allow_redirects=follow, timeout=20, **options)
        history = tuple(each.status_code for each in response.history)
        return Outcome(response.status_code, response.text, history, response.headers, response)

    @staticmethod
    def trusting(authority: Path) -> dict[str, Any]:
        return {"verify": str(authority)}


_TRUSTING_NOBODY = SSLContext(PROTOCOL_TLS_CLIENT)


class HttpxClient(Client):
    auth_class = HTTPXAuth
    module: Any

    def __init__(self, auth: Any, **options: Any) -> None:
        # By default each client would load every authority there is, which takes longer than most tests.
        super().__init__(auth, **({"verify": _TRUSTING_NOBODY} | options))

    def _open(self) -> None:
        self._client = self._stack.enter_context(self.module.Client(auth=self._auth, timeout=20, **self._options))

    def send(self, method: str, url: str, *, follow: bool = True, **options: Any) -> Outcome:
        return _outcome(self._client.request(method, url, follow_redirects=follow, **options))

    @staticmethod
    def trusting(authority: Path) -> dict[str, Any]:
        return {"verify": create_default_context(cafile=authority)}


class AsyncHttpxClient(HttpxClient):
    backend: str

    def _open(self) -> None:
        portal = self._stack.enter_context(start_blocking_portal(self.backend))
        self.call: Callable[..., Any] = portal.call
        client = self.module.AsyncClient(auth=self._auth, timeout=20, **self._options)
        self._client = self._stack.enter_context(portal.wrap_async_context_manager(client))

    def send(self, method: str, url: str, *, follow: bool = True, **options: Any) -> Outcome:
        request = partial(self._client.request, method, url, follow_redirects=follow, **options)
        return _outcome(self.call(request))


def _outcome(response: Any) -> Outcome:
    history = tuple(each.status_code for each in response.history)
    return Outcome(response.status_code, response.text, history, response.headers, response)


def _made(name: str, base: type[HttpxClient], **attributes: Any) -> type[Client]:
    return type(name, (base,), attributes)


CLIENTS: dict[str, type[Client]] = {
    "requests": RequestsClient,
    "httpx": _made("Httpx", HttpxClient, module=httpx, base_error=httpx.HTTPError),
    "httpx-asyncio": _made("A", AsyncHttpxClient, module=httpx, base_error=httpx.HTTPError, backend="asyncio"),
    "httpx-trio": _made("T", AsyncHttpxClient, module=httpx, base_error=httpx.HTTPError, backend="trio"),
    "httpx2": _made("Httpx2", HttpxClient, module=httpx2, base_error=httpx2.HTTPError),
    "httpx2-asyncio": _made("A2", AsyncHttpxClient, module=httpx2, base_error=httpx2.HTTPError, backend="asyncio"),
    "httpx2-trio": _made("T2", AsyncHttpxClient, module=httpx2, base_error=httpx2.HTTPError, backend="trio"),
}
