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

from bitquery_auth import TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import REQUESTS, SYNC, Client, OpenClient, only

LOAD = "import pickle, sys; print(repr(pickle.load(sys.stdin.buffer)))"


def pickled_without_secrets(what: Any, sandbox: Sandbox, looks_like: str) -> Any:
    """Return what a pickle holds, once a process that has imported nothing has loaded it too."""
    pickled = pickle.dumps(what)
    assert sandbox.client_secret.encode() not in pickled
    assert sandbox.client_id.encode() not in pickled
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        input=pickled,
        capture_output=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parent,
    )
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert done.stdout.decode().startswith(looks_like)
    return pickle.loads(pickled)


@only(SYNC)
def test_a_pickled_response_after_a_recovery_holds_its_history_and_the_header(
    open_client: OpenClient, sandbox: Sandbox
) -> None:
    source = sandbox.credentials()
    client = open_client(source)
    client.get(sandbox.graphql_endpoint)
    sandbox.revoke_all()
    response = client.get(sandbox.graphql_endpoint).raw
    twin = pickled_without_secrets(response, sandbox, "<Response")
    assert [each.status_code for each in (*twin.history, twin)] == [401, 200]
    request = pickled_without_secrets(response.request, sandbox, "<")
    for each in (request, twin.request):
        assert each.headers["Authorization"] == f"Bearer {source.token().access_token}"


@only(SYNC)
def test_a_pickled_error_of_a_request_loads_anywhere(
    open_client: OpenClient, sandbox: Sandbox, kind: type[Client]
) -> None:
    sandbox.outage = 503
    with pytest.raises(kind.base_error) as raised:
        open_client(sandbox.credentials()).get(sandbox.graphql_endpoint)
    twin = pickled_without_secrets(raised.value, sandbox, "TokenEndpointError")
    assert type(twin) is type(raised.value)
    assert isinstance(twin, TokenEndpointError)
    assert (str(twin), twin.status_code, twin.retryable) == (str(raised.value), 503, True)


@only(REQUESTS)
def test_the_hook_in_a_pickled_request_does_nothing(
    open_client: OpenClient, sandbox: Sandbox
) -> None:
    request = open_client(sandbox.credentials()).get(sandbox.graphql_endpoint).raw.request
    twin = pickle.loads(pickle.dumps(request))
    with requests.Session() as session:
        assert session.send(twin, timeout=20).status_code == 200
        sandbox.revoke_all()
        response = session.send(twin, timeout=20)
    assert (response.status_code, response.history) == (401, [])
    assert dispatch_hook("response", twin.hooks, response) is response
    assert sandbox.token_requests == 1
