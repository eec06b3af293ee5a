"""Libraries around requests call an auth and its hook in ways of their own.

Hazards E10 and R9.
"""

import copy
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.hooks import dispatch_hook

from bitquery_auth import ClientCredentials, RequestsAuth, StaticToken, TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.origin import Origin
from tests.kit.recorded import api_calls


@pytest.fixture
def auth(sandbox: Sandbox, source: ClientCredentials) -> RequestsAuth:
    return RequestsAuth(source, allowed_hosts=[*sandbox.allowed_hosts, "127.0.0.1", "localhost"])


@pytest.fixture
def session(auth: RequestsAuth) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.auth = auth
        yield session


@pytest.fixture
def prepared(session: requests.Session, sandbox: Sandbox) -> requests.PreparedRequest:
    """A request to the API, with its token."""
    return session.prepare_request(requests.Request("POST", sandbox.graphql_endpoint, json=QUERY))


def test_an_auth_called_several_times_for_one_request_recovers_once(
    session: requests.Session,
    prepared: requests.PreparedRequest,
    auth: RequestsAuth,
    sandbox: Sandbox,
) -> None:
    """singer-sdk and airbyte-cdk call it once more than the session, or before each retry."""
    sandbox.accept_nothing = True
    for _ in range(3):
        prepared = auth(prepared)
    assert len(prepared.hooks["response"]) == 1
    assert session.send(prepared, timeout=20).status_code == 401
    assert (sandbox.api_requests, sandbox.token_requests) == (2, 2)


def test_two_auths_on_one_request_recover_once(
    session: requests.Session,
    prepared: requests.PreparedRequest,
    source: ClientCredentials,
    sandbox: Sandbox,
) -> None:
    sandbox.accept_nothing = True
    request = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)(prepared)
    assert len(request.hooks["response"]) == 1
    session.send(request, timeout=20)
    assert (sandbox.api_requests, sandbox.token_requests) == (2, 2)


def test_hooks_of_the_user_see_only_the_response_after_recovery(
    session: requests.Session, sandbox: Sandbox
) -> None:
    seen = []

    def hook(response: requests.Response, **_: Any) -> None:
        seen.append(response.status_code)
        response.raise_for_status()

    session.hooks["response"].append(hook)
    session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20)
    for hooks in (None, {"response": hook}):
        sandbox.revoke_all()
        session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20, hooks=hooks)
    assert seen == [200] * 3
    assert sandbox.token_requests == 3


def test_a_hook_dispatched_a_second_time_with_other_arguments_does_nothing(
    session: requests.Session, prepared: requests.PreparedRequest, sandbox: Sandbox
) -> None:
    """requests-cache does so, with an argument that no adapter takes."""
    sandbox.accept_nothing = True
    response = session.send(prepared, timeout=20)
    options = {"allow_redirects": True, "cert": None, "other": "argument"}
    again = dispatch_hook("response", response.request.hooks, response, **options)
    assert again is response
    assert (sandbox.api_requests, sandbox.token_requests) == (2, 2)


def test_a_hook_with_arguments_that_no_adapter_takes_recovers(
    session: requests.Session, prepared: requests.PreparedRequest, sandbox: Sandbox
) -> None:
    sandbox.revoke_all()
    hooks, prepared.hooks = prepared.hooks, {"response": []}
    rejected = session.send(prepared, timeout=20)
    assert rejected.status_code == 401
    options = {"allow_redirects": True, "timeout": 20, "other": "argument"}
    assert dispatch_hook("response", hooks, rejected, **options).status_code == 200


def test_a_401_without_a_connection_is_returned_unchanged(
    prepared: requests.PreparedRequest, sandbox: Sandbox
) -> None:
    """Such as one from a cache."""
    cached = requests.Response()
    cached.status_code, cached.request, cached.url = 401, prepared, sandbox.graphql_endpoint
    assert dispatch_hook("response", prepared.hooks, cached) is cached
    assert (sandbox.api_requests, sandbox.token_requests) == (0, 1)


class SocketlessAdapter(BaseAdapter):
    """Responds 401 without a socket, as one that stands for a file or a server."""

    def __init__(self) -> None:
        super().__init__()
        self.responses: list[requests.Response] = []

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # pyright: ignore[reportIncompatibleMethodOverride] - options by keyword
        response = requests.Response()
        response.status_code, response.url, response.request = 401, request.url or "", request
        vars(response).update(connection=self, _content=b"no")
        self.responses.append(response)
        return response

    def close(self) -> None:
        """Nothing is open."""


def test_a_401_that_came_from_no_socket_is_returned_unchanged(
    session: requests.Session, sandbox: Sandbox
) -> None:
    adapter = SocketlessAdapter()
    session.mount("http://", adapter)
    response = session.get("http://localhost/graphql", timeout=20)
    assert adapter.responses == [response]
    assert (response.status_code, response.text, response.history) == (401, "no", [])
    assert sandbox.token_requests == 1


class RewritesHeaders(HTTPAdapter):
    """Rebuilds every header before it sends a request."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # pyright: ignore[reportIncompatibleMethodOverride] - options by keyword
        for name, value in list(request.headers.items()):
            request.headers[name] = "".join(map(str, value))
        return super().send(request, **options)


class SendsACopy(HTTPAdapter):
    """Leaves the request of the session as it is."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # pyright: ignore[reportIncompatibleMethodOverride] - options by keyword
        return super().send(request.copy(), **options)


@pytest.mark.parametrize("adapter", [RewritesHeaders, SendsACopy])
def test_a_401_is_recovered_from_through_an_adapter_that_does_not_send_the_request_itself(
    session: requests.Session, api: Origin, adapter: type[HTTPAdapter], sandbox: Sandbox
) -> None:
    session.mount("http://", adapter())
    response = session.post(api.at(), data=b"query", timeout=20)
    assert [each.status_code for each in (*response.history, response)] == [401, 200]
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("adapter", [RewritesHeaders, SendsACopy])
def test_such_adapters_cost_no_more_tokens_at_an_api_that_always_says_401(
    session: requests.Session, adapter: type[HTTPAdapter], sandbox: Sandbox
) -> None:
    sandbox.accept_nothing = True
    session.mount("http://", adapter())
    for _ in range(30):
        assert session.get(sandbox.graphql_endpoint, timeout=20).status_code == 401
    assert sandbox.token_requests == 2


def test_a_prepared_request_with_a_replaced_token_is_sent_again_with_the_current_one(
    session: requests.Session,
    prepared: requests.PreparedRequest,
    source: ClientCredentials,
    sandbox: Sandbox,
) -> None:
    sandbox.revoke_all()
    source.renew()
    assert session.send(prepared, timeout=20).status_code == 200
    assert sandbox.token_requests == 2


def test_a_prepared_request_is_not_rejected_for_ever_if_the_current_token_is_revoked_too(
    session: requests.Session,
    prepared: requests.PreparedRequest,
    source: ClientCredentials,
    sandbox: Sandbox,
) -> None:
    source.renew()
    sandbox.revoke_all()
    assert session.send(prepared, timeout=20).status_code == 401
    assert session.send(prepared, timeout=20).status_code == 200
    assert session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20).history == []
    assert sandbox.token_requests == 3


def test_a_request_is_prepared_in_one_thread_and_sent_in_another(
    session: requests.Session, prepared: requests.PreparedRequest, sandbox: Sandbox
) -> None:
    sandbox.revoke_all()
    statuses: list[int] = []
    thread = threading.Thread(
        target=lambda: statuses.append(session.send(prepared, timeout=20).status_code)
    )
    thread.start()
    thread.join(20)
    assert statuses == [200]


def test_a_deep_copy_of_a_request_recovers_as_well(
    session: requests.Session, prepared: requests.PreparedRequest, sandbox: Sandbox
) -> None:
    twin = copy.deepcopy(prepared)
    sandbox.revoke_all()
    response = session.send(twin, timeout=20)
    assert [each.status_code for each in (*response.history, response)] == [401, 200]
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("copied", [lambda response: response, copy.deepcopy])
def test_the_request_of_a_response_recovers_when_it_is_sent_again(
    session: requests.Session, sandbox: Sandbox, copied: Any
) -> None:
    """Also one that carries the second token of a recovery."""
    for _ in range(3):
        response = copied(session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20))
        sandbox.revoke_all()
        assert session.send(response.request, timeout=20).status_code == 200
        sandbox.revoke_all()


def test_a_request_without_a_cookie_jar_recovers_as_well(
    session: requests.Session, prepared: Any, sandbox: Sandbox
) -> None:
    prepared._cookies = None
    sandbox.revoke_all()
    assert session.send(prepared, timeout=20).status_code == 200


def test_the_second_try_has_the_cookies_and_headers_of_the_first(
    session: requests.Session, sandbox: Sandbox
) -> None:
    session.headers["X-Trace"] = "7"
    session.cookies.set("sticky", "a", domain="127.0.0.1")
    session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20)
    sandbox.revoke_all()
    response = session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20)
    assert [each.status_code for each in response.history] == [401]
    assert response.elapsed.total_seconds() > 0
    rejected, again = api_calls(sandbox)[1:]
    for name in ("x-trace", "cookie", "content-type", "user-agent"):
        assert rejected.headers[name] == again.headers[name]


def _with_one_connection(session: requests.Session) -> None:
    session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=1, pool_block=True))


def test_a_pool_of_one_connection_is_enough_for_the_second_try(
    session: requests.Session, sandbox: Sandbox
) -> None:
    """A streamed response holds its connection until it is read or closed."""
    _with_one_connection(session)
    session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20)
    sandbox.revoke_all()
    response = session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20, stream=True)
    assert response.json()["data"]
    assert session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20).status_code == 200


def test_a_401_without_a_new_token_returns_its_connection_to_the_pool(
    session: requests.Session, sandbox: Sandbox
) -> None:
    """Even while somebody keeps the error, and with it the response."""
    _with_one_connection(session)
    session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20)
    sandbox.revoke_all()
    sandbox.outage = 503
    with pytest.raises(TokenEndpointError) as kept:
        session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20, stream=True)
    session.auth = RequestsAuth(StaticToken("other"), allowed_hosts=sandbox.allowed_hosts)
    statuses: list[int] = []
    other = threading.Thread(
        target=lambda: statuses.append(session.get(sandbox.graphql_endpoint).status_code),
        daemon=True,
    )
    other.start()
    other.join(20)
    assert (statuses, kept.value.status_code) == ([401], 503)


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy])
def test_a_cloned_session_shares_the_token(
    session: requests.Session, sandbox: Sandbox, clone: Any
) -> None:
    """dlt clones whole configurations."""
    with clone(session) as cloned:
        for each in (session, cloned):
            each.post(sandbox.graphql_endpoint, json=QUERY, timeout=20).raise_for_status()
    assert sandbox.token_requests == 1


def test_an_auth_is_never_falsy() -> None:
    """A falsy one would be replaced by a netrc's entry."""
    assert bool(RequestsAuth(StaticToken("t")))
