"""One of many processes that share a token by a file."""

from __future__ import annotations

import time

import bitquery_auth
from tests.benchmarks.workers import given, report, wait_for_go


def _main() -> None:
    _, app, options = given()
    source = bitquery_auth.ClientCredentials(
        app.client_id,
        app.client_secret,
        token_endpoint=app.token_endpoint,
        scope="api",
        store=bitquery_auth.FileTokenStore(options["path"]),
    )
    wait_for_go()
    began = time.perf_counter()
    token = source.token()
    report({"seconds": time.perf_counter() - began, "token": hash(token.access_token) != 0})


if __name__ == "__main__":
    _main()
