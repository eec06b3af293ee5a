"""Pickled requests, responses and errors.

A pickled request holds the header that was sent, as with any auth. Neither source nor secret is in
it, and the hook of requests does nothing there.
"""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.hooks import dispatch_hook

from bitquery_auth import ClientCredentials, TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import REQUESTS, SYNC, Client, OpenClient, only

LOAD = "import pickle, sys; print(repr(pickle.load(sys.stdin.buffer)))"


def loaded_elsewhere(pickled: bytes) -> str:
    """Return the repr of what it is in a process that has imported nothing else."""
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


@pytest.fixture
def source(sandbox: Sandbox) -> ClientCredentials:
    return sandbox.credentials()


@only(SYNC)
@pytest.mark.parametrize(
    "header_name", [pytest.param("Authorization", marks=pytest.mark.matrix), "X-Token"]
)
@pytest.mark.parametrize("part", ["response", "request"])
def test_a_pickle_holds_the_header_but_no_secret_and_loads_anywhere(
    open_client: OpenClient,
    source: ClientCredentials,
    sandbox: Sandbox,
    header_name: str,
    part: str,
) -> None:
    client = open_client(source, header_name=header_name)
    response = client.get(sandbox.graphql_endpoint).raw
    pickled = pickle.dumps(response if part == "response" else response.request)
    assert sandbox.client_secret.encode() not in pickled
    assert sandbox.client_id.encode() not in pickled
    assert loaded_elsewhere(pickled).startswith("<")
    twin = pickle.loads(pickled)
    request = twin.request if part == "response" else twin
    assert request.headers[header_name] == f"Bearer {source.token().access_token}"


@only(SYNC)
def test_a_pickled_response_after_a_recovery_holds_its_history(
    open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox
) -> None:
    client = open_client(source)
    client.get(sandbox.graphql_endpoint)
    sandbox.revoke_all()
    pickled = pickle.dumps(client.get(sandbox.graphql_endpoint).raw)
    assert sandbox.client_secret.encode() not in pickled
    twin = pickle.loads(pickled)
    assert [each.status_code for each in (*twin.history, twin)] == [401, 200]


@only(SYNC)
def test_a_pickled_error_of_a_request_loads_anywhere(
    open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox, kind: type[Client]
) -> None:
    sandbox.outage = 503
    with pytest.raises(kind.base_error) as raised:
        open_client(source).get(sandbox.graphql_endpoint)
    pickled = pickle.dumps(raised.value)
    assert sandbox.client_secret.encode() not in pickled
    assert loaded_elsewhere(pickled).startswith("TokenEndpointError")
    twin: Any = pickle.loads(pickled)
    assert type(twin) is type(raised.value)
    assert isinstance(twin, TokenEndpointError)
    assert (str(twin), twin.status_code, twin.retryable) == (str(raised.value), 503, True)


@only(REQUESTS)
def test_the_hook_in_a_pickled_request_does_nothing(
    open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox
) -> None:
    request = open_client(source).get(sandbox.graphql_endpoint).raw.request
    twin = pickle.loads(pickle.dumps(request))
    with requests.Session() as session:
        assert session.send(twin, timeout=20).status_code == 200
        sandbox.revoke_all()
        response = session.send(twin, timeout=20)
    assert (response.status_code, response.history) == (401, [])
    assert dispatch_hook("response", twin.hooks, response) is response
    assert sandbox.token_requests == 1
