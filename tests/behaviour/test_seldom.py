"""What seldom happens, and must go well all the same."""

import asyncio
import copy
import inspect
import json
import logging
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import requests

from bitquery_auth import (
    ClientCredentials,
    ConfigurationError,
    HTTPXAuth,
    RequestsAuth,
    ShortTermToken,
    StaticToken,
    Token,
    TokenRequestError,
)
from bitquery_auth import _httpx_auth as httpx_module
from bitquery_auth._auth import HeaderValue
from bitquery_auth._deadline import Deadline
from bitquery_auth._hosts import Origin as UrlOrigin
from bitquery_auth._replay import DRAIN_BYTES
from bitquery_auth._requests_auth import _origin
from bitquery_auth._transport import _SocketOptions
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Response
from tests.kit.origin import Origin


def granting(**members: Any) -> Any:
    body = json.dumps({"access_token": "granted", "token_type": "bearer", "expires_in": 3600, **members}).encode()
    return lambda _: Response(200, (("Content-Type", "application/json"),), body)


def test_a_scope_that_was_not_granted_is_warned_of(origin: Origin, caplog: pytest.LogCaptureFixture) -> None:
    origin.handler = granting(scope="read")
    source = ClientCredentials("id", "secret", token_endpoint=origin.at(), scope="api read")
    with caplog.at_level(logging.WARNING, "bitquery_auth"):
        assert source.token().scope == "read"
    assert "without the scope 'api'" in caplog.text


def test_an_answer_without_a_scope_means_as_asked(origin: Origin, caplog: pytest.LogCaptureFixture) -> None:
    """RFC 6749 §5.1."""
    origin.handler = granting()
    source = ClientCredentials("id", "secret", token_endpoint=origin.at(), scope="api")
    assert source.token().scope == "api"
    assert caplog.text == ""


def test_a_header_that_cannot_be_sent_is_told_without_its_value(sandbox: Sandbox) -> None:
    def sign(auth: Any, method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
        headers["X-Secret"] = f"{auth.client_secret}\r\nX-Other: value"
        return uri, headers, body

    with pytest.raises(TokenRequestError, match="could not be sent") as caught:
        sandbox.credentials(token_endpoint_auth_method=sign).token()
    assert repr(caught.value.__cause__) == "RequestException()"  # without its words, which quote the header
    assert sandbox.client_secret not in str(caught.value)
    assert sandbox.token_requests == 0


def test_a_socks_proxy_without_its_package_says_what_to_install(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")  # requests' own words

    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", missing)
    source = sandbox.credentials(proxies={"http": "socks5h://127.0.0.1:9"})
    with pytest.raises(TokenRequestError, match=r"pip install 'requests\[socks\]'"):
        source.token()


def test_what_nobody_foresaw_is_a_typed_error_with_its_cause(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    source = sandbox.credentials()

    def broken(*_: object) -> None:
        try:
            {}["missing"]
        except KeyError:
            raise ZeroDivisionError  # noqa: B904 - with what led to it, and its frames

    monkeypatch.setattr(source._exchange, "request_token", broken)
    with pytest.raises(TokenRequestError, match="ZeroDivisionError") as caught:
        source.token()
    cause = caught.value.__cause__
    assert isinstance(cause, ZeroDivisionError)
    assert (cause.__traceback__, cause.__context__) == (None, None)


def test_short_tokens_over_plain_http_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    ShortTermToken(StaticToken("long"), endpoint="http://api.example.com/graphql", insecure_http=True)
    assert "readable" in caplog.text


def test_a_static_token_is_its_own_successor_in_tasks_too() -> None:
    source = StaticToken("copied")
    assert asyncio.run(source.arenew()) is source.token()


def test_the_signature_shows_which_defaults_depend_on_the_endpoint() -> None:
    assert "scope: 'str | None' = <by token_endpoint>" in str(inspect.signature(ClientCredentials))


def test_a_copied_header_value_still_is_what_was_placed() -> None:
    value = HeaderValue("Bearer ", Token("token"))
    assert copy.copy(value) is value


def test_a_copied_hook_still_answers(sandbox: Sandbox) -> None:
    request = requests.Request("GET", sandbox.graphql_endpoint).prepare()
    RequestsAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)(request)
    (hook,) = request.hooks["response"]
    assert copy.copy(hook) is hook


def test_a_request_without_a_cookie_jar_is_sent_again_as_well(sandbox: Sandbox) -> None:
    auth = RequestsAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
    with requests.Session() as session:
        session.get(sandbox.graphql_endpoint, auth=auth)
        request = session.prepare_request(requests.Request("GET", sandbox.graphql_endpoint, auth=auth))
        request._cookies = None
        sandbox.revoke_all()
        assert session.send(request).status_code == 200


@pytest.mark.parametrize("url", [None, "http://ex%41mple.com/", "http://[::1].evil.example/"])
def test_a_url_on_which_parsers_disagree_is_nowhere(url: str | None) -> None:
    assert _origin(url) == UrlOrigin("", "", None)


def test_a_host_that_only_looks_like_an_address_stays_what_it_is() -> None:
    assert UrlOrigin.of("https", "not:an:address", None).host == "not:an:address"


def test_after_the_deadline_no_address_is_tried_and_no_socket_stays_open() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Deadline(0.0) as deadline:
        with pytest.raises(TimeoutError):
            list(iter(_SocketOptions(deadline, [(1, 2, 3)])))
        deadline.watch(ours)
        assert theirs.recv(1) == b""


class Slotted:
    """A source that nothing can refer to weakly."""

    __slots__ = ("given",)

    def __init__(self) -> None:
        self.given = Token("a")

    def token(self) -> Token:
        return self.given

    def discard(self, token: Token | str) -> None:
        self.given = Token("b")


def test_a_source_that_cannot_be_referred_to_weakly_recovers_as_well() -> None:
    def api(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if request.headers["Authorization"] == "Bearer b" else 401)

    auth = HTTPXAuth(Slotted())
    with httpx.Client(auth=auth, transport=httpx.MockTransport(api)) as client:
        assert client.get("https://streaming.bitquery.io/").status_code == 200


def test_a_crawlers_hosts_are_not_remembered_without_end() -> None:
    auth = RequestsAuth(StaticToken("token"), allowed_hosts=["*.example.com"])
    for number in range(600):
        request = requests.Request("GET", f"https://host{number}.example.com/{number}").prepare()
        assert auth(request).headers["Authorization"] == "Bearer token"
    assert len(auth._by_url) <= 256
    assert len(auth._destinations) <= 256


def test_nor_are_those_that_it_was_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    auth = RequestsAuth(StaticToken("token"), allowed_hosts=["example.com"])
    for number in range(600):
        assert "Authorization" not in auth(requests.Request("GET", f"https://host{number}.example/").prepare()).headers
    assert len(auth._warned_of) <= 256
    assert len(caplog.messages) == 600


def test_a_short_token_goes_to_bitquerys_hosts_by_default_only_where_it_comes_from_there() -> None:
    RequestsAuth(ShortTermToken(StaticToken("token")))
    with pytest.raises(ConfigurationError, match="allowed_hosts is required"):
        RequestsAuth(ShortTermToken(StaticToken("token"), endpoint="https://api.example.com/graphql"))


def test_a_websocket_of_bitquerys_gets_its_token_in_the_url() -> None:
    auth = HTTPXAuth(StaticToken("a+b"))
    request = next(auth.sync_auth_flow(httpx.Request("GET", "wss://streaming.bitquery.io/graphql?x=1")))
    assert str(request.url) == "wss://streaming.bitquery.io/graphql?x=1&token=a%2Bb"
    assert "Authorization" not in request.headers


def test_a_header_of_another_name_is_found_on_the_request_whatever_its_case() -> None:
    auth = HTTPXAuth(StaticToken("token"), header_name="X-Token", scheme="")
    request = next(auth.sync_auth_flow(httpx.Request("GET", "https://streaming.bitquery.io/")))
    assert "x-token" in request.headers
    assert "x-other" not in request.headers
    assert request.headers["x-TOKEN"] == "token"


def test_without_either_httpx_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(ImportError, match="pip install httpx"):
        httpx_module._installed()


def recovering(answer: httpx.Response) -> httpx.MockTransport:
    """An API that gives this answer first."""
    answers = iter([answer])
    return httpx.MockTransport(lambda _: next(answers, None) or httpx.Response(200))


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401, content=iter([b"x" * DRAIN_BYTES] * 3)),
        httpx.Response(401, content=iter([b"Unauthorized"]), extensions={"http_version": b"HTTP/2"}),
    ],
    ids=["longer than is read", "over HTTP/2"],
)
def test_a_refusal_that_is_not_worth_reading_is_left(answer: httpx.Response) -> None:
    with httpx.Client(auth=HTTPXAuth(Slotted()), transport=recovering(answer)) as client:
        second = client.get("https://streaming.bitquery.io/")
    assert second.status_code == 200
    assert second.history[0].content == b""


class Chunks(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"Unauthorized"


def test_nor_is_one_over_http2_in_tasks() -> None:
    answer = httpx.Response(401, stream=Chunks(), extensions={"http_version": b"HTTP/2"})

    async def main() -> httpx.Response:
        async with httpx.AsyncClient(auth=HTTPXAuth(Slotted()), transport=recovering(answer)) as client:
            return await client.get("https://streaming.bitquery.io/")

    second = asyncio.run(main())
    assert second.status_code == 200
    assert second.history[0].content == b""
