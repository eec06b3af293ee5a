"""bitquery_auth, at its defaults but for the hosts: the benchmark's API is none of Bitquery's."""

from __future__ import annotations

from typing import Any

import httpx
import httpx2

from bitquery_auth import ClientCredentials, HTTPXAuth, RequestsAuth
from tests.benchmarks.contenders.contender import Contender
from tests.benchmarks.contenders.on_httpx import OnAsyncHttpx, OnHttpx
from tests.benchmarks.contenders.on_requests import OnRequests

_HOSTS = ("127.0.0.1", "api.stub.test")


class _Ours(Contender):
    name = distribution = "bitquery_auth"
    module = "bitquery_auth"
    auth_class: Any

    def make_auth(self) -> Any:
        app = self.app
        source = ClientCredentials(
            app.client_id, app.client_secret, token_endpoint=app.token_endpoint, scope="api"
        )
        return self.auth_class(source, allowed_hosts=_HOSTS)


class OursRequests(_Ours, OnRequests):
    auth_class = RequestsAuth


class OursHttpx(_Ours, OnHttpx):
    client = "httpx"
    module_of_client = httpx
    auth_class = HTTPXAuth


class OursAsyncHttpx(OnAsyncHttpx, OursHttpx):
    client = "httpx async"


class OursHttpx2(OursHttpx):
    client = "httpx2"
    module_of_client = httpx2


class OursAsyncHttpx2(OnAsyncHttpx, OursHttpx2):
    client = "httpx2 async"
