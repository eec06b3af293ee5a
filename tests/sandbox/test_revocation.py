"""How tokens end: at the revocation endpoint (RFC 7009), as Hydra responds, and all at once."""

from typing import Any

import pytest
import requests

from bitquery_auth.sandbox import Sandbox
from tests.sandbox.calls import call_api, new_token, request_token
from tests.sandbox.test_token_endpoint import GENERAL_HINT, INVALID_CLIENT


def credentials(sandbox: Sandbox) -> dict[str, str]:
    return {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}


def revoke(sandbox: Sandbox, data: Any, **options: Any) -> requests.Response:
    return requests.post(sandbox.revocation_endpoint, data, timeout=10, **options)


def api_statuses(sandbox: Sandbox, *tokens: str) -> list[int]:
    return [call_api(sandbox, token).status_code for token in tokens]


def test_a_revoked_token_is_rejected_and_another_one_is_not(sandbox: Sandbox) -> None:
    first, second = new_token(sandbox), new_token(sandbox)
    response = revoke(sandbox, {"token": first, **credentials(sandbox)})
    assert (response.status_code, response.content) == (200, b"")
    assert "Content-Type" not in response.headers
    assert response.headers["Cache-Control"] == "no-store"
    assert api_statuses(sandbox, first, second) == [401, 200]


def test_the_response_does_not_tell_which_tokens_there_are(sandbox: Sandbox) -> None:
    sandbox.add_client("other", "other-secret")
    token_of_other = new_token(sandbox, client_id="other", client_secret="other-secret")
    revoked = {"token": new_token(sandbox)}
    unknown, of_other = {"token": "ory_at_unknown"}, {"token": token_of_other}
    for fields in (revoked, revoked, unknown, of_other, {}):
        response = revoke(sandbox, fields | credentials(sandbox))
        assert (response.status_code, response.content) == (200, b"")
    assert sandbox.revocation_requests == 5
    assert api_statuses(sandbox, token_of_other) == [200]


def test_client_authentication_fails_without_a_hint(sandbox: Sandbox) -> None:
    token = new_token(sandbox)
    wrong_method = revoke(sandbox, {"token": token}, auth=tuple(credentials(sandbox).values()))
    wrong_secret = {"client_id": sandbox.client_id, "client_secret": "wrong"}
    for response in (wrong_method, revoke(sandbox, {"token": token, **wrong_secret})):
        assert response.status_code == 401
        assert response.json() == {"error": "invalid_client", "error_description": INVALID_CLIENT}
    assert api_statuses(sandbox, token) == [200]


@pytest.mark.parametrize("body", ["json", "data"])
def test_a_request_without_a_form_or_without_credentials_is_a_bad_request(
    sandbox: Sandbox, body: str
) -> None:
    options: Any = {body: {"token": "x"}}
    response = requests.request("POST", sandbox.revocation_endpoint, timeout=10, **options)
    assert response.status_code == 400
    assert response.json()["error_description"].endswith(GENERAL_HINT)


def test_revoke_all_ends_the_tokens_issued_so_far(sandbox: Sandbox) -> None:
    tokens = [new_token(sandbox) for _ in range(3)]
    sandbox.revoke_all()
    assert api_statuses(sandbox, *tokens, new_token(sandbox)) == [401, 401, 401, 200]


def test_a_deleted_application_is_unknown_and_its_tokens_are_rejected(sandbox: Sandbox) -> None:
    sandbox.add_client("other", "other-secret")
    token = new_token(sandbox)
    token_of_other = new_token(sandbox, client_id="other", client_secret="other-secret")
    sandbox.delete_application()
    assert sandbox.revoked_client
    assert api_statuses(sandbox, token, token_of_other) == [401, 200]
    assert request_token(sandbox).json()["error_description"] == INVALID_CLIENT


def test_revoked_client_rejects_the_application_while_it_is_set(sandbox: Sandbox) -> None:
    token = new_token(sandbox)
    sandbox.revoked_client = True
    assert api_statuses(sandbox, token) == [401]
    sandbox.revoked_client = False
    assert api_statuses(sandbox, token) == [200]
