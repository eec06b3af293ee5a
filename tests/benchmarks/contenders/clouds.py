"""How two clouds cache a token: azure-core's policy, botocore's refreshable credentials."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from azure.core.credentials import AccessToken
from azure.core.pipeline import Pipeline, PipelineContext, PipelineRequest
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from botocore.credentials import DeferredRefreshableCredentials
from requests.auth import AuthBase

from tests.benchmarks.contenders.contender import request_token
from tests.benchmarks.contenders.on_requests import OnRequests
from tests.benchmarks.endpoint import STUB_URL, Application


class _AzureCredential:
    def __init__(self, app: Application) -> None:
        self._app = app

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        granted = request_token(self._app)
        return AccessToken(granted["access_token"], int(time.time() + granted["expires_in"]))


class AzureCore(OnRequests):
    """In a pipeline of nothing else, over requests."""

    name = distribution = "azure-core"
    module = "azure.core.pipeline.policies"

    def make_auth(self) -> Any:
        return BearerTokenCredentialPolicy(_AzureCredential(self.app), "api")

    def make_session(self) -> requests.Session:
        session = requests.Session()
        self._pipeline: Any = Pipeline(
            RequestsTransport(session=session, session_owner=False), [self.auth]
        )
        self._request: Any = PipelineRequest(HttpRequest("POST", STUB_URL), PipelineContext(None))
        return session

    def post(self, url: str, body: Any) -> requests.Response:
        ran = self._pipeline.run(HttpRequest("POST", url, content=body), enforce_https=False)
        return ran.http_response.internal_response

    def authorize(self, request: requests.PreparedRequest) -> object:
        return self.auth.on_request(self._request)


class _BotocoreAuth(AuthBase):
    def __init__(self, credentials: DeferredRefreshableCredentials) -> None:
        self._credentials = credentials

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers["Authorization"] = f"Bearer {self._credentials.get_frozen_credentials().token}"
        return r


class Botocore(OnRequests):
    """Put on requests by an auth of five lines."""

    name = distribution = "botocore"
    module = "botocore.credentials"

    def make_auth(self) -> Any:
        credentials = DeferredRefreshableCredentials(self._refresh, "benchmark")
        if self.app.leeway is not None:
            credentials._advisory_refresh_timeout = self.app.leeway
            credentials._mandatory_refresh_timeout = self.app.leeway / 2
        return _BotocoreAuth(credentials)

    def _refresh(self) -> dict[str, str]:
        granted = request_token(self.app)
        ends = datetime.now(UTC) + timedelta(seconds=granted["expires_in"])
        keys = {"access_key": "none", "secret_key": "none"}
        return {**keys, "token": granted["access_token"], "expiry_time": ends.isoformat()}
