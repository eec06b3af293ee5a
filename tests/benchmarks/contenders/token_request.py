"""One token request, for the contenders that leave it to the program."""

from __future__ import annotations

from typing import Any

import requests

from tests.benchmarks.endpoint import Application


def request_token(app: Application) -> dict[str, Any]:
    """Ask for a token.

    Raises:
        requests.RequestException: there is none.
    """
    form = {
        "grant_type": "client_credentials",
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "scope": "api",
    }
    response = requests.post(app.token_endpoint, data=form, timeout=30)
    response.raise_for_status()
    granted: dict[str, Any] = response.json()
    return granted
