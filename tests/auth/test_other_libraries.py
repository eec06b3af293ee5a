"""Libraries around requests call an auth and its hook in ways of their own.

Hazards E10 and R9.
"""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from requests.hooks import dispatch_hook
from trustme import CA

from bitquery_auth import ClientCredentials, RequestsAuth, StaticToken, TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.crowd import at_once
from tests.kit.origin import Origin, answering
from tests.kit.recorded import api_calls


@pytest.fixture
def session(sandbox: Sandbox, source: ClientCredentials) -> Iterator[requests.Session]:
    hosts = [*sandbox.allowed_hosts, "127.0.0.1"]
    with requests.Session() as session:
        session.auth = RequestsAuth(source, allowed_hosts=hosts)
        session.headers["X-Trace"] = "7"
        session.cookies.set("sticky", "a", domain="127.0.0.1")
        yield session


@pytest.fixture
def prepared(session: requests.Session, sandbox: Sandbox) -> requests.PreparedRequest:
    """A request to the API, with its token."""
    return session.prepare_request(requests.Request("POST", sandbox.graphql_endpoint, json=QUERY))


def statuses(response: requests.Response) -> list[int]:
    """Return the status of a response and of those before it."""
    return [each.status_code for each in (*response.history, response)]


# -- hooks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("of_one_auth", [True, False])
def test_several_calls_for_one_request_recover_once(
    session: requests.Session,
    prepared: requests.PreparedRequest,
    source: ClientCredentials,
    sandbox: Sandbox,
    of_one_auth: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    """singer-sdk and airbyte-cdk call an auth once more than the session, or before each retry."""
    sandbox.accept_nothing = True
    auth: Any = session.auth if of_one_auth else RequestsAuth(source, allowed_hosts=["127.0.0.1"])
    for _ in range(3):
        prepared = auth(prepared)
    assert len(prepared.hooks["response"]) == 1
    assert session.send(prepared, timeout=20).status_code == 401
    assert (sandbox.api_requests, sandbox.token_requests) == (2, 2)


def test_an_auth_called_for_a_prepared_request_keeps_its_other_hooks(
    session: requests.Session, sandbox: Sandbox
) -> None:
    seen = []
    own: Any = {"response": lambda response, **_: seen.append(response.status_code)}
    request = requests.Request("POST", sandbox.graphql_endpoint, json=QUERY, hooks=own).prepare()
    auth: Any = session.auth
    request = auth(auth(request))
    sandbox.revoke_all()
    assert statuses(session.send(request, timeout=20)) == [401, 200]
    assert seen == [200]


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


def test_a_hook_without_arguments_trusts_no_certificate_that_requests_would_not(
    session: requests.Session, secure_origin: Origin, authority: tuple[CA, Path]
) -> None:
    secure_origin.handler = answering(401)
    url = secure_origin.at(scheme="https")
    prepared = session.prepare_request(requests.Request("POST", url))
    hooks, prepared.hooks = prepared.hooks, {"response": []}
    rejected = session.send(prepared, verify=str(authority[1]), timeout=20)
    with pytest.raises(requests.exceptions.SSLError):
        dispatch_hook("response", hooks, rejected)


@pytest.mark.parametrize("attributes", [{}, {"connection": None}, {"connection": HTTPAdapter()}])
def test_a_401_that_came_over_no_connection_is_returned_unchanged(
    prepared: requests.PreparedRequest, sandbox: Sandbox, attributes: dict[str, Any]
) -> None:
    """Such as one from a cache, or from an adapter that stands for a file or a server."""
    response = requests.Response()
    response.status_code, response.request, response.url = 401, prepared, sandbox.graphql_endpoint
    vars(response).update(attributes)
    assert dispatch_hook("response", prepared.hooks, response) is response
    assert (sandbox.api_requests, sandbox.token_requests) == (0, 1)


class SendsACopy(HTTPAdapter):
    """Leaves the request of the session as it is."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # pyright: ignore[reportIncompatibleMethodOverride] - options by keyword
        return super().send(request.copy(), **options)


def test_a_401_is_recovered_from_through_an_adapter_that_does_not_send_the_request_itself(
    session: requests.Session, api: Origin, sandbox: Sandbox
) -> None:
    session.mount("http://", SendsACopy())
    assert statuses(session.post(api.at(), data=b"query", timeout=20)) == [401, 200]
    assert sandbox.token_requests == 2
    api.handler = answering(401)
    for _ in range(30):
        assert session.get(api.at(), timeout=20).status_code == 401
    assert sandbox.token_requests == 3


# -- prepared requests -----------------------------------------------------------------------------


def without_cookie_jar(request: Any) -> requests.PreparedRequest:
    request._cookies = None
    return request


@pytest.mark.parametrize("changed", [lambda it: it, copy.deepcopy, without_cookie_jar])
def test_a_prepared_request_recovers_on_another_thread(
    session: requests.Session,
    prepared: requests.PreparedRequest,
    sandbox: Sandbox,
    changed: Callable[[Any], requests.PreparedRequest],
) -> None:
    """The second try has the headers and cookies of the first."""
    sandbox.revoke_all()
    request = changed(prepared)
    (response,) = at_once([lambda: session.send(request, timeout=20)])
    assert statuses(response) == [401, 200]
    assert 0 < response.elapsed.total_seconds() < 20
    assert sandbox.token_requests == 2
    rejected, again = api_calls(sandbox)
    for name, value in {"x-trace": "7", "cookie": "sticky=a"}.items():
        assert [rejected.headers[name], again.headers[name]] == [value] * 2


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


def test_a_401_without_a_new_token_returns_its_connection_to_the_pool(
    session: requests.Session, sandbox: Sandbox
) -> None:
    """Even while somebody keeps the error, and with it the response."""
    session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=1, pool_block=True))
    session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20)
    sandbox.revoke_all()
    sandbox.outage = 503
    with pytest.raises(TokenEndpointError) as kept:
        session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20, stream=True)
    session.auth = RequestsAuth(StaticToken("other"), allowed_hosts=sandbox.allowed_hosts)
    assert at_once([lambda: session.get(sandbox.graphql_endpoint).status_code]) == [401]
    assert kept.value.status_code == 503
