"""Requests to the sandbox that more than one test sends."""

from typing import Any

import requests

from bitquery_auth.sandbox import Sandbox


def token_form(sandbox: Sandbox, **fields: str | None) -> dict[str, str]:
    """Return a valid form, with these fields changed or, where None, left out."""
    form = {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "scope": "api",
    }
    return {name: value for name, value in (form | fields).items() if value is not None}


def request_token(sandbox: Sandbox, **fields: str | None) -> requests.Response:
    return requests.post(sandbox.token_endpoint, token_form(sandbox, **fields), timeout=10)


def new_token(sandbox: Sandbox, **fields: str | None) -> str:
    response = request_token(sandbox, **fields)
    assert response.status_code == 200, response.text
    return str(response.json()["access_token"])


def call_api(
    sandbox: Sandbox, access_token: str | None, method: str = "GET", **options: Any
) -> requests.Response:
    headers = {} if access_token is None else {"Authorization": f"Bearer {access_token}"}
    return requests.request(
        method, sandbox.graphql_endpoint, headers=headers, timeout=10, **options
    )


def query(sandbox: Sandbox, text: str, **body: Any) -> Any:
    """Send a query with a new token and return the JSON of the response."""
    response = call_api(sandbox, new_token(sandbox), "POST", json={"query": text, **body})
    assert response.status_code == 200, response.text
    return response.json()
