"""Libraries that are clients: Authlib's sessions, requests-oauthlib, google-auth's session."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import google.auth.credentials
import google.auth.transport.requests as google_requests
import httpx2
import requests
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Client
from authlib.integrations.requests_client import OAuth2Session
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session as OAuthlibSession

from tests.benchmarks.contenders.contender import request_token
from tests.benchmarks.contenders.on_httpx import OnAsyncHttpx, OnHttpx
from tests.benchmarks.contenders.on_requests import OnRequests
from tests.benchmarks.endpoint import STUB_URL, Application

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # oauthlib's only way to let plain http be used


def _authlib_settings(app: Application) -> dict[str, Any]:
    """Return settings with an expired token: without one, it raises MissingTokenError."""
    return {
        "token": {"access_token": "none", "token_type": "bearer", "expires_at": 1},
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "token_endpoint": app.token_endpoint,
        "token_endpoint_auth_method": "client_secret_post",
        "grant_type": "client_credentials",
        "scope": "api",
    } | ({} if app.leeway is None else {"leeway": app.leeway})


class AuthlibRequests(OnRequests):
    name = "Authlib"
    distribution = "Authlib"
    module = "authlib.integrations.requests_client"

    def make_auth(self) -> Any:
        return OAuth2Session(**_authlib_settings(self.app))

    def make_session(self) -> requests.Session:
        return self.auth

    def authorize(self, request: requests.PreparedRequest) -> object:
        return self.auth.token_auth(request)


class AuthlibHttpx2(OnHttpx):
    name = "Authlib"
    distribution = "Authlib"
    module = "authlib.integrations.httpx_client"
    client = "httpx2"  # on httpx only where httpx2 is not installed
    module_of_client = httpx2

    def make_auth(self, **options: Any) -> Any:
        return OAuth2Client(**_authlib_settings(self.app), **options)

    def open(self) -> None:
        self.auth = self.http = self.make_auth(**self._options())

    def before_flow(self) -> None:
        self.http.ensure_active_token(self.http.token)

    def flow_auth(self) -> Any:
        return self.http.token_auth


class AuthlibAsyncHttpx2(OnAsyncHttpx, AuthlibHttpx2):
    client = "httpx2 async"

    def make_auth(self, **options: Any) -> Any:
        return AsyncOAuth2Client(**_authlib_settings(self.app), **options)

    async def before_aflow(self) -> None:
        await self.http.ensure_active_token(self.http.token)


class RequestsOAuthlib(OnRequests):
    name = distribution = "requests-oauthlib"
    module = "requests_oauthlib"
    cannot = dict.fromkeys(
        ("herd", "steady"), "renews with a refresh token only, which this grant does not have"
    )

    def make_auth(self) -> Any:
        return OAuthlibSession(client=BackendApplicationClient(self.app.client_id))

    def make_session(self) -> requests.Session:
        return self.auth

    def post(self, url: str, body: Any) -> requests.Response:
        if not self.auth.token:
            self.auth.fetch_token(
                self.app.token_endpoint,
                client_secret=self.app.client_secret,
                include_client_id=True,
            )
        return super().post(url, body)

    def authorize(self, request: requests.PreparedRequest) -> object:
        return self.auth._client.add_token(
            STUB_URL, http_method="POST", body=request.body, headers={}
        )


class _GoogleCredentials(google.auth.credentials.Credentials):
    """The client-credentials grant, which google-auth leaves to its users."""

    def __init__(self, app: Application) -> None:
        super().__init__()
        self._app = app

    def refresh(self, request: Any) -> None:
        granted = request_token(self._app)
        ends = datetime.now(UTC) + timedelta(seconds=granted["expires_in"])
        self.token, self.expiry = granted["access_token"], ends.replace(tzinfo=None)


class GoogleAuth(OnRequests):
    name = distribution = "google-auth"
    module = "google.auth.transport.requests"
    _transport = google_requests.Request()

    def make_auth(self) -> Any:
        return _GoogleCredentials(self.app)

    def make_session(self) -> requests.Session:
        return google_requests.AuthorizedSession(self.auth)

    def authorize(self, request: requests.PreparedRequest) -> object:
        return self.auth.before_request(self._transport, "POST", STUB_URL, {})


class GoogleAuthInBackground(GoogleAuth):
    name = "google-auth, non-blocking"

    def make_auth(self) -> Any:
        credentials = super().make_auth()
        credentials.with_non_blocking_refresh()
        return credentials
