"""Bodies that are streamed cannot be sent again: the 401 is returned, and the next one works.

Hazard R4.
"""

import io
from collections.abc import Callable
from typing import Any

import pytest

from bitquery_auth import RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.libraries.story import counts
from tests.kit.origin import Handler, Origin, answering
from tests.kit.recorded import api_calls


def test_an_upload_of_gql(
    sandbox: Sandbox, requests_auth: RequestsAuth, api: Callable[[Handler], Origin]
) -> None:
    gql = pytest.importorskip("gql")
    transport = pytest.importorskip("gql.transport.requests")
    exceptions = pytest.importorskip("gql.transport.exceptions")
    uploads = api(answering(200, '{"data": {"ok": true}}', **{"Content-Type": "application/json"}))
    client = gql.Client(
        transport=transport.RequestsHTTPTransport(uploads.at(), auth=requests_auth, timeout=60)
    )

    def upload() -> Any:
        mutation = gql.gql("mutation ($file: Upload!) { keep(file: $file) }")
        mutation.variable_values = {"file": gql.FileVar(io.BytesIO(b"content"), filename="a.txt")}
        return client.execute(mutation, upload_files=True)

    upload()
    sandbox.revoke_all()
    with pytest.raises(exceptions.TransportServerError) as raised:
        upload()
    assert raised.value.code == 401
    assert upload() == {"ok": True}
    assert counts(sandbox) == (2, 3, 1)


def test_a_form_that_requests_toolbelt_streams(
    sandbox: Sandbox, requests_auth: RequestsAuth
) -> None:
    """Sent again it would be empty, and the server would wait for the rest of it."""
    toolbelt = pytest.importorskip("requests_toolbelt")
    sessions = pytest.importorskip("requests_toolbelt.sessions")
    session = sessions.BaseUrlSession(sandbox.url)
    session.auth = requests_auth

    def send() -> int:
        form = toolbelt.MultipartEncoder({"file": ("a.txt", io.BytesIO(b"content"))})
        headers = {"Content-Type": form.content_type}
        status: int = session.post("/graphql", data=form, headers=headers, timeout=20).status_code
        return status

    with session:
        assert send() == 400  # not JSON, which the sandbox finds out after it accepted the token
        sandbox.revoke_all()
        assert send() == 401
        assert send() == 400
    assert counts(sandbox) == (2, 3, 1)
    assert all(b"content" in call.body for call in api_calls(sandbox))
