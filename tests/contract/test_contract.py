"""What the library promises, at every real server, over real sockets."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import requests

from bitquery_auth import ClientCredentials, RequestsAuth, TokenEndpointError
from tests.contract import applications
from tests.contract.applications import PLAIN, POST, READER, SHORT_LIVED, Application
from tests.kit import QUERY
from tests.kit.clients import AsyncHttpxClient, Client, OpenClient
from tests.kit.waiting import until
from tests.servers import SERVERS, AuthorizationServer


def at(servers: tuple[str, ...]) -> pytest.MarkDecorator:
    """Run a test at these servers only: the others do otherwise, which another test says."""
    return pytest.mark.parametrize("running_server", servers, indirect=True)


def assert_accepted(server: AuthorizationServer, source: ClientCredentials) -> None:
    """Assert that one token request gets a token that the API accepts."""
    assert api_status(server, source.token().access_token) == 200
    assert (server.token_requests, server.api_requests) == (1, 1)


def assert_rejected(
    client: Client, server: AuthorizationServer, error: str, hint: str
) -> TokenEndpointError:
    """Assert that a request fails with one token request, and that the error has this hint."""
    with pytest.raises(client.base_error, match=f"{error}.* {hint}") as raised:
        client.post(server.api_url, json=QUERY)
    assert (server.token_requests, server.api_requests) == (1, 0)
    assert isinstance(raised.value, TokenEndpointError)
    assert not raised.value.retryable
    return raised.value


# -- the first token -------------------------------------------------------------------------------


def test_the_first_request_fetches_a_token_and_the_next_one_uses_it(
    open_client: OpenClient, server: AuthorizationServer, application: Application
) -> None:
    """Hazards G1, F4."""
    client = open_client(application.at(server))
    for _ in range(2):
        outcome = client.post(server.api_url, json=QUERY)
        assert (outcome.status, outcome.history) == (200, ())
    assert (server.token_requests, server.api_requests) == (1, 2)


def test_a_token_has_the_type_the_scope_and_the_lifetime_of_the_response(
    server: AuthorizationServer,
) -> None:
    token = PLAIN[POST].at(server, scope="api read").token()
    assert (token.token_type, token.scope) == ("Bearer", "api read")
    assert token.expires_in is not None
    assert 3590 < token.expires_in <= 3600


def test_without_a_scope_the_token_has_the_one_that_the_server_grants(
    server: AuthorizationServer,
) -> None:
    scope = PLAIN[POST].at(server, scope=None).token().scope
    assert scope == applications.SCOPE_BY_DEFAULT[server.name]


# -- credentials -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", applications.ODD)
def test_any_character_of_ascii_may_be_in_id_and_secret(
    server: AuthorizationServer, method: str
) -> None:
    """Hazards K1, B4."""
    assert_accepted(server, applications.ODD[method].at(server))


@at(applications.ACCEPTS_ANY_CHARACTER)
@pytest.mark.parametrize("method", applications.BEYOND_ASCII)
def test_any_character_beyond_ascii_may_be_in_id_and_secret(
    server: AuthorizationServer, method: str
) -> None:
    """Hazard K2."""
    assert_accepted(server, applications.BEYOND_ASCII[method].at(server))


@at(applications.HYDRAS)
def test_the_error_names_the_method_that_is_right(
    open_client: OpenClient, server: AuthorizationServer, application: Application
) -> None:
    """Hazards K3, K4: no second try by another method, and a message that says what to set."""
    wrong = applications.OTHER_METHOD[application.method]
    client = open_client(application.at(server, token_endpoint_auth_method=wrong))
    hint = f"Set token_endpoint_auth_method='{application.method}'"
    assert_rejected(client, server, "401 invalid_client", hint)


@at(applications.ACCEPTS_ANY_METHOD)
def test_a_server_that_does_not_insist_on_a_method_accepts_both(
    server: AuthorizationServer, application: Application
) -> None:
    other = applications.OTHER_METHOD[application.method]
    assert_accepted(server, application.at(server, token_endpoint_auth_method=other))


def test_the_error_of_a_wrong_secret_says_where_to_look(
    open_client: OpenClient, server: AuthorizationServer, application: Application
) -> None:
    """Hazards F6, G7, S5."""
    client = open_client(application.mistaken.at(server))
    hint = "Check client_id and client_secret"
    error = assert_rejected(client, server, "401 invalid_client", hint)
    assert (error.error, error.status_code) == ("invalid_client", 401)
    assert application.mistaken.client_secret not in str(error)


@at(applications.REJECTS_UNKNOWN_SCOPES)
def test_the_error_of_an_unknown_scope_says_what_to_request(
    open_client: OpenClient, server: AuthorizationServer
) -> None:
    client = open_client(PLAIN[POST].at(server, scope="nope"))
    hint = "Request a scope that the application may have"
    assert_rejected(client, server, "400 invalid_scope", hint)


@at(applications.REJECTS_SCOPES_OF_OTHERS)
def test_the_error_of_a_scope_that_the_application_may_not_have_says_what_to_request(
    open_client: OpenClient, server: AuthorizationServer
) -> None:
    client = open_client(READER.at(server))
    hint = "Request a scope that the application may have"
    assert_rejected(client, server, "400 invalid_scope", hint)


# -- the end of a token ----------------------------------------------------------------------------


def test_a_token_that_the_server_has_revoked_is_replaced_within_the_request(
    open_client: OpenClient, server: AuthorizationServer
) -> None:
    """Hazard R1."""
    client = open_client(PLAIN[POST].at(server))
    assert client.post(server.api_url, json=QUERY).status == 200
    server.revoke_all()
    outcome = client.post(server.api_url, json=QUERY)
    assert (outcome.status, outcome.history) == (200, (401,))
    assert (server.token_requests, server.api_requests) == (2, 3)


def test_revoke_ends_the_token_and_the_next_request_fetches_another(
    open_client: OpenClient, server: AuthorizationServer, application: Application
) -> None:
    source = application.at(server)
    client = open_client(source)
    client.get(server.api_url)
    if isinstance(client, AsyncHttpxClient):
        client.call(source.arevoke)
    else:
        source.revoke()
    assert client.get(server.api_url).history == ()
    assert server.token_requests == 2
    first, second = server.api.tokens
    assert [api_status(server, first), api_status(server, second)] == [401, 200]


def api_status(server: AuthorizationServer, token: str | None) -> int:
    """Return what the API responds to a token."""
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(server.api_url, headers=headers, timeout=10).status_code


def test_no_request_is_rejected_while_one_token_after_the_other_expires(
    server_named: Callable[[str], AuthorizationServer], the_sandbox: AuthorizationServer
) -> None:
    """Hazards E1, E2, C4: in real time, as servers count in whole seconds, some of them down."""
    servers = [the_sandbox]
    for name in SERVERS:
        # Other tests at a server that cannot run are skipped, or fail, with the reason.
        with suppress(pytest.skip.Exception, pytest.fail.Exception):
            servers.append(server_named(name))
    with ThreadPoolExecutor(len(servers)) as pool:
        for future in [pool.submit(live_through_two_tokens, server) for server in servers]:
            future.result()


def live_through_two_tokens(server: AuthorizationServer) -> None:
    SHORT_LIVED.register(server)
    server.reset_counts()
    # Half of its life ahead, because some servers take up to a second from it.
    source = SHORT_LIVED.at(server, renew_ahead=1.5)
    auth = RequestsAuth(source, allowed_hosts=[server.api.allowed_host])

    def tokens_after_a_request() -> list[str | None]:
        response = requests.get(server.api_url, auth=auth, timeout=10)
        assert (response.status_code, response.history) == (200, [])
        return list(dict.fromkeys(server.api.tokens))

    assert len(tokens_after_a_request()) == 1
    until(lambda: len(tokens_after_a_request()) == 2, timeout=15)
    first, second = server.api.tokens[0], server.api.tokens[-1]
    assert api_status(server, first) == 200, "the token was replaced after its end"
    # An end that the server has rounded down comes before the one that the client was told.
    end = time.monotonic() + 3
    until(lambda: time.monotonic() > end and api_status(server, second) == 401, timeout=15)
    assert len(tokens_after_a_request()) == 3
    assert server.token_requests == 3
