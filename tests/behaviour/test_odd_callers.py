"""Libraries around requests call an auth in ways of their own, and hand on what it left on a request."""

import copy
import pickle
import threading
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from requests.hooks import dispatch_hook

from bitquery_auth import ClientCredentials, RequestsAuth, StaticToken, TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from tests.behaviour.conftest import QUERY, api_calls


@pytest.fixture
def source(sandbox: Sandbox) -> ClientCredentials:
    return sandbox.credentials()


@pytest.fixture
def auth(sandbox: Sandbox, source: ClientCredentials) -> RequestsAuth:
    return RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)


@pytest.fixture
def session(auth: RequestsAuth) -> Any:
    with requests.Session() as session:
        session.auth = auth
        yield session


def prepared(session: requests.Session, sandbox: Sandbox) -> requests.PreparedRequest:
    return session.prepare_request(requests.Request("POST", sandbox.graphql_endpoint, json=QUERY))


# -- calls and hooks --------------------------------------------------------------------------------


def test_an_auth_called_several_times_for_one_request_answers_its_refusal_once(
    session: requests.Session, sandbox: Sandbox, auth: RequestsAuth
) -> None:
    """singer-sdk and airbyte-cdk do so: by the session, and once more, or before each try."""
    sandbox.accept_nothing = True
    request = prepared(session, sandbox)
    for _ in range(3):
        request = auth(request)
    assert len(request.hooks["response"]) == 1
    assert session.send(request, timeout=20).status_code == 401
    assert (sandbox.api_requests, sandbox.token_requests) == (2, 2)


def test_two_auths_on_one_request_answer_its_refusal_once(
    session: requests.Session, sandbox: Sandbox, source: ClientCredentials
) -> None:
    """The last one called is the one whose token is on it."""
    sandbox.accept_nothing = True
    request = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)(prepared(session, sandbox))
    assert len(request.hooks["response"]) == 1
    session.send(request, timeout=20)
    assert (sandbox.api_requests, sandbox.token_requests) == (2, 2)


def test_two_auths_on_one_source_share_its_token(sandbox: Sandbox, source: ClientCredentials) -> None:
    """Hazard C2."""
    for _ in range(2):
        auth = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)
        assert requests.post(sandbox.graphql_endpoint, json=QUERY, auth=auth, timeout=20).status_code == 200
    assert sandbox.token_requests == 1


def test_the_callers_hooks_see_the_good_answer_only(session: requests.Session, sandbox: Sandbox) -> None:
    """Hazard R7: raise_for_status in a hook is fine with requests, on the session and on a request."""
    seen = []

    def raising(response: requests.Response, **_: Any) -> None:
        seen.append(response.status_code)
        response.raise_for_status()

    session.hooks["response"].append(raising)
    session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20)
    sandbox.revoke_all()
    session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20)
    sandbox.revoke_all()
    session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20, hooks={"response": raising})
    assert seen == [200] * 3
    assert sandbox.token_requests == 3


def test_hooks_dispatched_a_second_time_with_odd_arguments_do_nothing_more(
    session: requests.Session, sandbox: Sandbox
) -> None:
    """requests-cache does so, with allow_redirects, which no adapter takes."""
    sandbox.accept_nothing = True
    request = prepared(session, sandbox)
    response = session.send(request, timeout=20)
    again = dispatch_hook("response", response.request.hooks, response, allow_redirects=True, cert=None, odd="argument")
    assert again.status_code == 401
    assert (sandbox.api_requests, sandbox.token_requests) == (2, 2)


def test_a_refusal_first_seen_by_a_hook_with_odd_arguments_is_answered(
    session: requests.Session, sandbox: Sandbox
) -> None:
    request = prepared(session, sandbox)
    sandbox.revoke_all()
    hooks, request.hooks = request.hooks, {"response": []}
    refused = session.send(request, timeout=20)
    assert refused.status_code == 401
    answered = dispatch_hook("response", hooks, refused, allow_redirects=True, timeout=20, odd="argument")
    assert answered.status_code == 200


def test_a_response_without_a_connection_is_handed_back_untouched(session: requests.Session, sandbox: Sandbox) -> None:
    """A cache's 401."""
    request = prepared(session, sandbox)
    cached = requests.Response()
    cached.status_code, cached.request, cached.url = 401, request, sandbox.graphql_endpoint
    assert dispatch_hook("response", request.hooks, cached) is cached
    assert (sandbox.api_requests, sandbox.token_requests) == (0, 1)


# -- requests that were prepared earlier ------------------------------------------------------------


def test_a_prepared_request_sent_again_with_an_old_token_gets_the_present_one(
    session: requests.Session, sandbox: Sandbox, source: ClientCredentials
) -> None:
    """Hazard E10: the source has long since another one, which costs nothing."""
    request = prepared(session, sandbox)
    assert session.send(request, timeout=20).status_code == 200
    sandbox.revoke_all()
    source.renew()
    assert session.send(request, timeout=20).status_code == 200
    assert sandbox.token_requests == 2


def test_a_prepared_request_whose_present_token_is_dead_too_is_not_refused_for_ever(
    session: requests.Session, sandbox: Sandbox, source: ClientCredentials
) -> None:
    """Hazard E10: one second try; what it finds out helps the next."""
    request = prepared(session, sandbox)
    source.renew()
    sandbox.revoke_all()
    assert session.send(request, timeout=20).status_code == 401
    assert session.send(request, timeout=20).status_code == 200
    assert session.send(prepared(session, sandbox), timeout=20).history == []
    assert sandbox.token_requests == 3


def test_a_request_is_prepared_in_one_thread_and_sent_in_another(session: requests.Session, sandbox: Sandbox) -> None:
    """Hazard R9."""
    request = prepared(session, sandbox)
    sandbox.revoke_all()
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(session.send(request, timeout=20).status_code))
    thread.start()
    thread.join(20)
    assert statuses == [200]


# -- connections ------------------------------------------------------------------------------------


@pytest.mark.parametrize("outage", [None, 503])
def test_the_only_connection_of_a_pool_is_free_for_the_second_try(
    session: requests.Session, sandbox: Sandbox, outage: int | None
) -> None:
    """A streamed refusal holds its connection until it is read or closed: here, or nobody else gets one."""
    session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=1, pool_block=True))
    session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20)
    sandbox.revoke_all()
    sandbox.outage = outage
    if outage is not None:
        with pytest.raises(TokenEndpointError):
            session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20, stream=True)
        return
    response = session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20, stream=True)
    assert response.json()["data"]
    assert session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20).status_code == 200


def test_the_second_try_goes_with_the_cookies_and_headers_of_the_first(
    session: requests.Session, sandbox: Sandbox
) -> None:
    session.headers["X-Trace"] = "7"
    session.cookies.set("sticky", "a", domain="127.0.0.1")
    session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20)
    sandbox.revoke_all()
    response = session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20)
    assert [each.status_code for each in response.history] == [401]
    assert response.elapsed.total_seconds() > 0
    refused, again = api_calls(sandbox)[1:]
    for name in ("x-trace", "cookie", "content-type", "user-agent"):
        assert refused.headers[name] == again.headers[name]


# -- copies -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy])
def test_a_cloned_session_shares_the_token(session: requests.Session, sandbox: Sandbox, clone: Any) -> None:
    """Hazard P1: dlt clones whole configurations."""
    with clone(session) as cloned:
        for each in (session, cloned):
            assert each.post(sandbox.graphql_endpoint, json=QUERY, timeout=20).status_code == 200
    assert sandbox.token_requests == 1


def test_a_pickled_session_works_with_a_token_of_its_own(session: requests.Session, sandbox: Sandbox) -> None:
    """Hazard P1: settings travel, tokens do not."""
    session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20)
    token = api_calls(sandbox)[0].headers["authorization"].removeprefix("Bearer ")
    pickled = pickle.dumps(session)
    assert token.encode() not in pickled
    with pickle.loads(pickled) as unpickled:
        assert unpickled.post(sandbox.graphql_endpoint, json=QUERY, timeout=20).status_code == 200
    assert sandbox.token_requests == 2


def test_a_pickled_response_holds_neither_token_nor_secret(session: requests.Session, sandbox: Sandbox) -> None:
    """Hazards S5, P1: celery and joblib pickle responses; one that was refused first, with its history."""
    session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20)
    sandbox.revoke_all()
    response = session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20)
    pickled = pickle.dumps(response)
    for call in api_calls(sandbox):
        assert call.headers["authorization"].removeprefix("Bearer ").encode() not in pickled
    assert sandbox.client_secret.encode() not in pickled
    again = pickle.loads(pickled)
    assert (again.status_code, again.json()) == (200, response.json())
    assert dispatch_hook("response", again.request.hooks, again) is again


def test_a_copied_request_keeps_its_hook(session: requests.Session, sandbox: Sandbox) -> None:
    """Copies within the process go on working."""
    request = copy.deepcopy(prepared(session, sandbox))
    sandbox.revoke_all()
    assert session.send(request, timeout=20).status_code == 200


def test_an_auth_is_never_falsy() -> None:
    """Hazard S7: a falsy one would lose to a netrc."""
    assert bool(RequestsAuth(StaticToken("t")))
