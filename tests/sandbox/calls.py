"""Requests to the sandbox that more than one test sends."""

import http.client
import socket
import threading
from typing import Any
from urllib.parse import urlencode

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


def request_token(
    sandbox: Sandbox, authorization: str | None = None, **fields: str | None
) -> requests.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    form = token_form(sandbox, **fields)
    return requests.post(sandbox.token_endpoint, form, headers=headers, timeout=10)


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


def connect(sandbox: Sandbox) -> socket.socket:
    return socket.create_connection((sandbox.host, sandbox.port), timeout=10)


def raw_token_request(sandbox: Sandbox, *headers: str) -> tuple[bytes, bytes]:
    """Return head and body of a token request; without further headers, the head has a length."""
    form = urlencode(token_form(sandbox)).encode()
    headers = headers or (f"Content-Length: {len(form)}",)
    lines = [
        "POST /oauth2/token HTTP/1.1",
        "Content-Type: application/x-www-form-urlencoded",
        *headers,
        "\r\n",
    ]
    return "\r\n".join(lines).encode(), form


def http_connection(sandbox: Sandbox) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(sandbox.host, sandbox.port, timeout=10)


def threads_of(sandbox: Sandbox) -> list[threading.Thread]:
    name = f"bitquery-sandbox-{sandbox.port}"
    return [thread for thread in threading.enumerate() if thread.name == name]
