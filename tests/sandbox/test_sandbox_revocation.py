"""The sandbox's revocation endpoint (RFC 7009), as Hydra answers, and the other ways in which tokens end."""

from __future__ import annotations

from typing import Any

import requests

from bitquery_auth.sandbox import Sandbox

INVALID_CLIENT = (
    "Client authentication failed (e.g., unknown client, no client authentication included, or unsupported "
    "authentication method)."
)


def credentials(sandbox: Sandbox) -> dict[str, str]:
    return {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}


def token(sandbox: Sandbox, **fields: str) -> str:
    form = {"grant_type": "client_credentials", "scope": "api", **credentials(sandbox), **fields}
    return str(requests.post(sandbox.token_endpoint, data=form, timeout=10).json()["access_token"])


def api_status(sandbox: Sandbox, access_token: str) -> int:
    headers = {"Authorization": f"Bearer {access_token}"}
    return requests.get(sandbox.graphql_endpoint, headers=headers, timeout=10).status_code


def revoke(sandbox: Sandbox, data: Any, **options: Any) -> requests.Response:
    return requests.post(sandbox.revocation_endpoint, data=data, timeout=10, **options)


def test_a_revoked_token_stops_working_and_another_does_not(bitquery_sandbox: Sandbox) -> None:
    first, second = token(bitquery_sandbox), token(bitquery_sandbox)
    answer = revoke(bitquery_sandbox, {"token": first, **credentials(bitquery_sandbox)})
    assert (answer.status_code, answer.content) == (200, b"")
    assert "Content-Type" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert api_status(bitquery_sandbox, first) == 401
    assert api_status(bitquery_sandbox, second) == 200


def test_an_unknown_a_missing_and_a_revoked_token_are_answered_alike(bitquery_sandbox: Sandbox) -> None:
    mine = credentials(bitquery_sandbox)
    revoked = {"token": token(bitquery_sandbox), **mine}
    for data in (revoked, revoked, {"token": "ory_at_unknown", **mine}, mine):
        answer = revoke(bitquery_sandbox, data)
        assert (answer.status_code, answer.content) == (200, b"")
    assert bitquery_sandbox.revocation_requests == 4


def test_the_token_of_another_client_is_answered_alike_and_stays(bitquery_sandbox: Sandbox) -> None:
    bitquery_sandbox.add_client("other", "other-secret")
    mine = token(bitquery_sandbox)
    answer = revoke(bitquery_sandbox, {"token": mine, "client_id": "other", "client_secret": "other-secret"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert api_status(bitquery_sandbox, mine) == 200


def test_client_authentication_is_the_same_and_its_refusal_bare(bitquery_sandbox: Sandbox) -> None:
    mine = token(bitquery_sandbox)
    wrong_style = revoke(bitquery_sandbox, {"token": mine}, auth=tuple(credentials(bitquery_sandbox).values()))
    wrong_secret = revoke(bitquery_sandbox, {"token": mine, **credentials(bitquery_sandbox), "client_secret": "no"})
    for answer in (wrong_style, wrong_secret):
        assert answer.status_code == 401
        assert answer.json() == {"error": "invalid_client", "error_description": INVALID_CLIENT}
    assert api_status(bitquery_sandbox, mine) == 200


def test_a_request_that_is_no_form_is_refused(bitquery_sandbox: Sandbox) -> None:
    answers = [
        requests.post(bitquery_sandbox.revocation_endpoint, json={"token": "x"}, timeout=10),
        revoke(bitquery_sandbox, {"token": "x"}),
    ]
    for answer in answers:
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_request"
        assert answer.json()["error_description"].endswith("whitelisted the redirect_uri you specified.")


def test_revoke_all_ends_what_was_issued_and_nothing_later(bitquery_sandbox: Sandbox) -> None:
    before = [token(bitquery_sandbox) for _ in range(3)]
    bitquery_sandbox.revoke_all()
    assert [api_status(bitquery_sandbox, each) for each in before] == [401, 401, 401]
    assert api_status(bitquery_sandbox, token(bitquery_sandbox)) == 200


def test_a_deleted_application_is_unknown_and_its_tokens_are_dead(bitquery_sandbox: Sandbox) -> None:
    bitquery_sandbox.add_client("other", "other-secret")
    mine = token(bitquery_sandbox)
    others = token(bitquery_sandbox, client_id="other", client_secret="other-secret")
    bitquery_sandbox.delete_application()
    assert bitquery_sandbox.revoked_client
    assert api_status(bitquery_sandbox, mine) == 401
    assert api_status(bitquery_sandbox, others) == 200
    form = {"grant_type": "client_credentials", **credentials(bitquery_sandbox)}
    answer = requests.post(bitquery_sandbox.token_endpoint, data=form, timeout=10)
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_client", "error_description": INVALID_CLIENT}


def test_revoked_client_shuts_the_application_out_for_as_long_as_it_is_set(bitquery_sandbox: Sandbox) -> None:
    mine = token(bitquery_sandbox)
    bitquery_sandbox.revoked_client = True
    assert api_status(bitquery_sandbox, mine) == 401
    bitquery_sandbox.revoked_client = False
    assert api_status(bitquery_sandbox, mine) == 200
