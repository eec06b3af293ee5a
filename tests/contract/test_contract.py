"""What the library promises, for every client, at every real server, over real sockets."""

import pytest
import requests

from bitquery_auth import TokenEndpointError
from tests.contract import applications
from tests.contract.applications import POST, Application
from tests.contract.conftest import Open
from tests.kit.clients import AsyncHttpxClient, Client
from tests.kit.origin import Origin
from tests.servers import AuthorizationServer, ClientAuthMethod

QUERY = {"query": "{ ok }"}


def at(servers: tuple[str, ...]) -> pytest.MarkDecorator:
    """Only at these servers: the others do otherwise, which another test says."""
    return pytest.mark.parametrize("running_server", servers, indirect=True)


# -- the first token, and its reuse
# -----------------------------------------------------------------


def test_the_first_request_fetches_a_token_and_is_answered(
    open_client: Open, server: AuthorizationServer, application: Application
) -> None:
    """Hazard G1."""
    outcome = open_client(application.at(server)).post(server.api_url, json=QUERY)
    assert (outcome.status, outcome.history) == (200, ())
    assert (server.token_requests, server.api_requests) == (1, 1)


def test_all_requests_use_one_token(open_client: Open, server: AuthorizationServer) -> None:
    """Hazard F4."""
    client = open_client(POST.at(server))
    for _ in range(5):
        assert client.get(server.api_url).text == '{"data":{"ok":true}}'
        assert client.post(server.api_url, json=QUERY).status == 200
    assert (server.token_requests, server.api_requests) == (1, 10)


def test_a_token_says_what_it_is_and_what_for(
    open_client: Open, server: AuthorizationServer
) -> None:
    source = POST.at(server, scope="api read")
    assert open_client(source).get(server.api_url).status == 200
    token = source.token()
    assert (token.token_type, token.scope) == ("Bearer", "api read")
    assert token.expires_in is not None
    assert 3590 < token.expires_in <= 3600
    assert server.token_requests == 1


# -- credentials
# ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", applications.ODD)
def test_any_character_of_ascii_may_be_in_id_and_secret(
    open_client: Open, server: AuthorizationServer, method: ClientAuthMethod
) -> None:
    """Hazards K1, B4."""
    outcome = open_client(applications.ODD[method].at(server)).post(server.api_url, json=QUERY)
    assert (outcome.status, server.token_requests) == (200, 1)


@at(applications.TAKES_ANY_CHARACTER)
@pytest.mark.parametrize("method", applications.BEYOND_ASCII)
def test_any_character_beyond_ascii_may_be_in_id_and_secret(
    open_client: Open, server: AuthorizationServer, method: ClientAuthMethod
) -> None:
    """Hazard K2."""
    outcome = open_client(applications.BEYOND_ASCII[method].at(server)).post(
        server.api_url, json=QUERY
    )
    assert (outcome.status, server.token_requests) == (200, 1)


@at(applications.KEEPS_ONE_METHOD)
def test_the_error_names_the_method_that_is_right(
    open_client: Open, server: AuthorizationServer, application: Application, kind: type[Client]
) -> None:
    """Hazards K3, K4: no second try by another method, and words that say what to set."""
    wrong = applications.OTHER_METHOD[application.method]
    client = open_client(application.at(server, token_endpoint_auth_method=wrong))
    words = f"401 invalid_client.* Set token_endpoint_auth_method='{application.method}'"
    with pytest.raises(kind.base_error, match=words) as raised:
        client.post(server.api_url, json=QUERY)
    assert isinstance(raised.value, TokenEndpointError)
    assert (server.token_requests, server.api_requests) == (1, 0)


@at(applications.TAKES_EITHER_METHOD)
def test_either_method_does_where_the_server_takes_either(
    open_client: Open, server: AuthorizationServer, application: Application
) -> None:
    other = applications.OTHER_METHOD[application.method]
    client = open_client(application.at(server, token_endpoint_auth_method=other))
    assert client.post(server.api_url, json=QUERY).status == 200


def test_the_error_of_a_wrong_secret_says_where_to_look(
    open_client: Open, server: AuthorizationServer, application: Application, kind: type[Client]
) -> None:
    """Hazards F6, G7, S5."""
    client = open_client(application.mistaken.at(server))
    with pytest.raises(
        kind.base_error, match=r"401 invalid_client.* Check client_id and client_secret"
    ) as raised:
        client.post(server.api_url, json=QUERY)
    assert isinstance(raised.value, TokenEndpointError)
    assert (raised.value.error, raised.value.status_code, raised.value.retryable) == (
        "invalid_client",
        401,
        False,
    )
    assert application.mistaken.client_secret not in str(raised.value)
    assert (server.token_requests, server.api_requests) == (1, 0)


def test_a_server_that_said_no_is_not_asked_again_at_once(
    open_client: Open, server: AuthorizationServer, kind: type[Client]
) -> None:
    """Hazard F3."""
    client = open_client(POST.mistaken.at(server))
    for _ in range(5):
        with pytest.raises(kind.base_error, match="invalid_client"):
            client.post(server.api_url, json=QUERY)
    assert (server.token_requests, server.api_requests) == (1, 0)


# -- scope
# ------------------------------------------------------------------------------------------


def test_without_a_scope_the_token_has_what_the_server_grants(
    open_client: Open, server: AuthorizationServer
) -> None:
    source = POST.at(server, scope=None)
    assert open_client(source).get(server.api_url).status == 200
    assert source.token().scope == applications.GRANTED_UNASKED[server.name]


@at(applications.REFUSES_UNKNOWN_SCOPES)
def test_a_scope_that_the_server_does_not_know_is_refused(
    open_client: Open, server: AuthorizationServer, kind: type[Client]
) -> None:
    client = open_client(POST.at(server, scope="nope"))
    with pytest.raises(
        kind.base_error, match=r"400 invalid_scope.* Request a scope that the application may have"
    ):
        client.get(server.api_url)
    assert (server.token_requests, server.api_requests) == (1, 0)


@at(applications.REFUSES_SCOPES_OF_OTHERS)
def test_a_scope_that_the_application_may_not_have_is_refused(
    open_client: Open, server: AuthorizationServer, kind: type[Client]
) -> None:
    client = open_client(applications.READER.at(server))
    with pytest.raises(
        kind.base_error, match=r"400 invalid_scope.* Request a scope that the application may have"
    ):
        client.get(server.api_url)
    assert (server.token_requests, server.api_requests) == (1, 0)


# -- the end of a token before its time
# -------------------------------------------------------------


def test_a_token_that_the_server_has_revoked_is_replaced_within_the_request(
    open_client: Open, server: AuthorizationServer
) -> None:
    """Hazard R1."""
    client = open_client(POST.at(server))
    assert client.post(server.api_url, json=QUERY).status == 200
    server.revoke_all()
    outcome = client.post(server.api_url, json=QUERY)
    assert (outcome.status, outcome.history) == (200, (401,))
    assert (server.token_requests, server.api_requests) == (2, 3)


def test_revoke_ends_the_token_and_the_next_request_fetches_another(
    open_client: Open, server: AuthorizationServer, application: Application, api_front: Origin
) -> None:
    source = application.at(server)
    client = open_client(source, allowed_hosts=[api_front.allowed_host])
    assert client.get(api_front.at()).status == 200
    if isinstance(client, AsyncHttpxClient):
        client.call(source.arevoke)
    else:
        source.revoke()
    assert client.get(api_front.at()).history == ()
    assert server.token_requests == 2
    first, second = api_front.tokens
    assert first != second
    assert statuses(server, first, second) == [401, 200]


def statuses(server: AuthorizationServer, *tokens: str | None) -> list[int]:
    """What the API answers to these tokens."""
    with requests.Session() as session:
        session.trust_env = False
        answers = [
            session.get(server.api_url, headers={"Authorization": f"Bearer {token}"})
            for token in tokens
        ]
    return [answer.status_code for answer in answers]


# -- what reaches the API
# ---------------------------------------------------------------------------


def test_the_bare_token_can_be_the_whole_header(
    open_client: Open, server: AuthorizationServer, api_front: Origin
) -> None:
    """Hazard G3."""
    source = POST.at(server)
    client = open_client(source, allowed_hosts=[api_front.allowed_host], scheme="")
    assert client.post(api_front.at(), json=QUERY).status == 200
    (sent,) = api_front.requests
    assert sent.headers["authorization"] == source.token().access_token


def test_headers_of_the_callers_own_reach_the_api_at_the_second_try_too(
    open_client: Open, server: AuthorizationServer, api_front: Origin
) -> None:
    client = open_client(POST.at(server), allowed_hosts=[api_front.allowed_host])
    headers = {"X-Request-Id": "7", "Accept": "application/json"}
    assert client.post(api_front.at(), json=QUERY, headers=headers).status == 200
    server.revoke_all()
    assert client.post(api_front.at(), json=QUERY, headers=headers).history == (401,)
    seen = [(sent.headers["x-request-id"], sent.headers["accept"]) for sent in api_front.requests]
    assert seen == [("7", "application/json")] * 3
