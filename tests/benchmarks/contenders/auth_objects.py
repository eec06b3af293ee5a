"""Libraries with an auth object: requests-oauth2client, requests-auth, httpx-auth."""

from __future__ import annotations

from typing import Any

import httpx
import httpx_auth
import requests_auth
import requests_oauth2client

from tests.benchmarks.contenders.on_httpx import OnAsyncHttpx, OnHttpx
from tests.benchmarks.contenders.on_requests import OnRequests


class RequestsOAuth2Client(OnRequests):
    name = "requests-oauth2client"
    distribution = "requests_oauth2client"
    module = "requests_oauth2client"

    def make_auth(self) -> Any:
        app = self.app
        client = requests_oauth2client.OAuth2Client(
            token_endpoint=app.token_endpoint,
            client_id=app.client_id,
            client_secret=app.client_secret,
            testing=True,  # lets it use plain http
        )
        leeway = {} if app.leeway is None else {"leeway": int(app.leeway)}
        return requests_oauth2client.OAuth2ClientCredentialsAuth(client, scope="api", **leeway)


def _settings(contender: Any) -> dict[str, Any]:
    leeway = contender.app.leeway
    return {"scope": "api"} | ({} if leeway is None else {"early_expiry": leeway})


class RequestsAuthLibrary(OnRequests):
    name = distribution = "requests-auth"
    module = "requests_auth"
    method = "client_secret_basic"

    def make_auth(self) -> Any:
        app = self.app
        return requests_auth.OAuth2ClientCredentials(
            app.token_endpoint,
            client_id=app.client_id,
            client_secret=app.client_secret,
            **_settings(self),
        )


class HttpxAuthLibrary(OnHttpx):
    name = distribution = "httpx-auth"
    module = "httpx_auth"
    method = "client_secret_basic"
    client = "httpx"
    module_of_client = httpx

    def make_auth(self) -> Any:
        app = self.app
        return httpx_auth.OAuth2ClientCredentials(
            app.token_endpoint,
            client_id=app.client_id,
            client_secret=app.client_secret,
            **_settings(self),
        )


class HttpxAuthLibraryAsync(OnAsyncHttpx, HttpxAuthLibrary):
    client = "httpx async"
