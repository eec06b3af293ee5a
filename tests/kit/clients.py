"""Every client that an auth serves, behind one interface, so that a behaviour is written once."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext, create_default_context
from typing import Any, Protocol, Self

import httpx
import httpx2
import pytest
import requests
from anyio.from_thread import start_blocking_portal

from bitquery_auth import HTTPXAuth, RequestsAuth, TokenSource


@dataclass(frozen=True)
class Outcome:
    """What a caller received.

    Attributes:
        history: The statuses of the responses before this one.
        raw: The client's own response.
    """

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

        Options are ``json``, ``content`` (bytes, text, a file or a generator), ``data`` (a form),
        ``files``, ``headers``, ``params``, ``timeout`` and ``follow`` (whether redirects are
        followed).
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

    def send(
        self, method: str, url: str, *, follow: bool = True, content: Any = None, **options: Any
    ) -> Outcome:
        options = {"data": content, "timeout": 20} | options
        return _outcome(self._session.request(method, url, allow_redirects=follow, **options))

    @staticmethod
    def trusting(authority: Path) -> dict[str, Any]:
        return {"verify": str(authority)}


_TRUSTS_NO_AUTHORITY = SSLContext(PROTOCOL_TLS_CLIENT)


class HttpxClient(Client):
    auth_class = HTTPXAuth
    module: Any

    def __init__(self, auth: Any, **options: Any) -> None:
        # Loading the default authorities takes longer than most tests.
        super().__init__(auth, **({"verify": _TRUSTS_NO_AUTHORITY} | options))

    def _open(self) -> None:
        client = self.module.Client(auth=self._auth, timeout=20, **self._options)
        self._client = self._stack.enter_context(client)

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


def _httpx(module: Any) -> type[Client]:
    return type("Httpx", (HttpxClient,), {"module": module, "base_error": module.HTTPError})


def _async_httpx(module: Any, backend: str) -> type[Client]:
    attributes = {"module": module, "base_error": module.HTTPError, "backend": backend}
    return type("AsyncHttpx", (AsyncHttpxClient,), attributes)


CLIENTS: dict[str, type[Client]] = {
    "requests": RequestsClient,
    "httpx": _httpx(httpx),
    "httpx-asyncio": _async_httpx(httpx, "asyncio"),
    "httpx-trio": _async_httpx(httpx, "trio"),
    "httpx2": _httpx(httpx2),
    "httpx2-asyncio": _async_httpx(httpx2, "asyncio"),
    "httpx2-trio": _async_httpx(httpx2, "trio"),
}

_DEFAULT = ("requests", "httpx", "httpx2-asyncio")
"""One client for each piece of code of ours that differs; the others run with ``-m matrix``."""

REQUESTS = ["requests"]
SYNC = ["requests", "httpx", "httpx2"]
ASYNC = [name for name in CLIENTS if name not in SYNC]
HTTPX = [name for name in CLIENTS if name not in REQUESTS]
HTTPX_SYNC = [name for name in SYNC if name not in REQUESTS]


def client_params(names: Iterable[str] = CLIENTS) -> list[Any]:
    """Return names of `CLIENTS` as parameters; all but `_DEFAULT` are marked ``matrix``."""
    return [
        pytest.param(name, marks=() if name in _DEFAULT else pytest.mark.matrix) for name in names
    ]


def only(names: Iterable[str]) -> pytest.MarkDecorator:
    """Run a test with these clients alone."""
    return pytest.mark.parametrize("kind", client_params(names), indirect=True)


class OpenClient(Protocol):
    """Opens a client whose auth has this source and these settings; closed after the test."""

    def __call__(
        self, source: TokenSource, *, client_options: dict[str, Any] | None = None, **settings: Any
    ) -> Client: ...
