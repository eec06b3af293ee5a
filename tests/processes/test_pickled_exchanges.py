"""Pickled and copied requests, responses and errors: no secret and no token travels in them."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import requests

from bitquery_auth import BitqueryAuthError, HTTPXAuth, RequestsAuth, TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from tests.concurrency.crowd import attempt, source_with

LOAD = "import pickle, sys; print(repr(pickle.load(sys.stdin.buffer)))"


def loaded_elsewhere(pickled: bytes) -> str:
    """The repr of what a process makes of it in which nothing else was imported."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        input=pickled,
        capture_output=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parent,
    )
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return done.stdout.decode().strip()


def secrets_in(pickled: bytes, sandbox: Sandbox) -> list[str]:
    """Which of the secrets of a sandbox, and of the tokens it has issued, are in a pickle."""
    return [secret for secret in (sandbox.client_secret, *sandbox._tokens._tokens) if secret.encode() in pickled]


def get(sandbox: Sandbox, kind: str, **settings: Any) -> Any:
    """The response of one of the clients."""
    url, source = sandbox.graphql_endpoint, sandbox.credentials()
    settings["allowed_hosts"] = sandbox.allowed_hosts
    if kind == "requests":
        return requests.get(url, auth=RequestsAuth(source, **settings), timeout=20)
    module = {"httpx": httpx, "httpx2": httpx2}[kind]
    return module.get(url, auth=HTTPXAuth(source, **settings))


@pytest.mark.parametrize("kind", ["requests", "httpx", "httpx2"])
def test_a_pickled_response_holds_neither_secret_nor_token_and_loads_anywhere(sandbox: Sandbox, kind: str) -> None:
    """Hazards P1, S5."""
    pickled = pickle.dumps(get(sandbox, kind))
    assert secrets_in(pickled, sandbox) == []
    assert "200" in loaded_elsewhere(pickled)


@pytest.mark.parametrize("kind", ["requests", "httpx", "httpx2"])
def test_a_pickled_request_holds_neither_secret_nor_token_and_loads_anywhere(sandbox: Sandbox, kind: str) -> None:
    """Hazards P1, S5."""
    pickled = pickle.dumps(get(sandbox, kind).request)
    assert secrets_in(pickled, sandbox) == []
    assert "GET" in loaded_elsewhere(pickled)


@pytest.mark.parametrize("kind", ["requests", "httpx", "httpx2"])
def test_a_response_to_a_header_of_another_name_pickles_as_well(sandbox: Sandbox, kind: str) -> None:
    """Hazards P1, G3, S5."""
    pickled = pickle.dumps(get(sandbox, kind, header_name="X-Token"))
    assert secrets_in(pickled, sandbox) == []
    assert "401" in loaded_elsewhere(pickled)


@pytest.mark.parametrize("kind", ["requests", "httpx", "httpx2"])
def test_a_pickled_answer_to_a_recovered_request_holds_no_token_either(sandbox: Sandbox, kind: str) -> None:
    """Hazards P1, S5: there the refused response and its request are in the history."""
    source = sandbox.credentials()
    source.token()
    revoked = source.token().access_token
    sandbox.revoke_all()
    url = sandbox.graphql_endpoint
    if kind == "requests":
        response: Any = requests.get(url, auth=RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts), timeout=20)
    else:
        module: Any = {"httpx": httpx, "httpx2": httpx2}[kind]
        response = module.get(url, auth=HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts))
    assert [each.status_code for each in response.history] == [401]
    pickled = pickle.dumps(response)
    assert revoked.encode() not in pickled
    assert secrets_in(pickled, sandbox) == []


@pytest.mark.parametrize("kind", ["requests", "httpx", "httpx2"])
def test_a_pickled_error_holds_no_secret_and_loads_anywhere(sandbox: Sandbox, kind: str) -> None:
    """Hazards P1, S5, F6: an error that is also one of the client's."""
    sandbox.outage = 503
    error: Any = attempt(lambda: get(sandbox, kind))
    base = {"requests": requests.RequestException, "httpx": httpx.HTTPError, "httpx2": httpx2.HTTPError}[kind]
    assert isinstance(error, base)
    pickled = pickle.dumps(error)
    assert secrets_in(pickled, sandbox) == []
    assert loaded_elsewhere(pickled).startswith("TokenEndpointError")
    twin: Any = pickle.loads(pickled)
    assert (str(twin), twin.status_code, twin.retryable) == (str(error), 503, True)
    assert type(twin) is type(error)


def test_an_error_of_a_source_pickles_with_all_it_says(sandbox: Sandbox) -> None:
    """Hazard P1."""
    source = source_with(sandbox, "wrong")
    error: Any = attempt(source.token)
    twin = pickle.loads(pickle.dumps(error))
    assert isinstance(twin, TokenEndpointError)
    assert vars(twin) == vars(error)
    assert str(twin) == str(error)
    assert loaded_elsewhere(pickle.dumps(error)).startswith("TokenEndpointError")


def test_an_error_about_an_unreadable_secret_leaves_its_cause_behind(sandbox: Sandbox) -> None:
    """Hazards P1, S5."""

    def secret() -> str:
        msg = f"could not decrypt {sandbox.client_secret}"
        raise LookupError(msg)

    error = attempt(source_with(sandbox, secret).token)
    assert isinstance(error, BitqueryAuthError)
    assert secrets_in(pickle.dumps(error), sandbox) == []


def test_a_deepcopied_request_still_recovers(sandbox: Sandbox) -> None:
    """Hazards P1, E10: in the same process a copy works as the original does."""
    auth = RequestsAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
    with requests.Session() as session:
        prepared = session.prepare_request(requests.Request("GET", sandbox.graphql_endpoint, auth=auth))
        twin = copy.deepcopy(prepared)
        sandbox.revoke_all()
        response = session.send(twin, timeout=20)
    assert response.status_code == 200
    assert [each.status_code for each in response.history] == [401]
    assert sandbox.token_requests == 2


def test_the_request_of_a_deepcopied_response_still_recovers(sandbox: Sandbox) -> None:
    """Hazard P1."""
    first = copy.deepcopy(get(sandbox, "requests"))
    sandbox.revoke_all()
    with requests.Session() as session:
        again = session.send(first.request, timeout=20)
    assert again.status_code == 200
    assert sandbox.token_requests == 2


def test_an_unpickled_request_is_sent_without_recovery_and_without_harm(sandbox: Sandbox) -> None:
    """Hazard P1: it has no token any more, and its hook does nothing."""
    request = pickle.loads(pickle.dumps(get(sandbox, "requests").request))
    with requests.Session() as session:
        assert session.send(request, timeout=20).status_code == 401
    assert sandbox.token_requests == 1
