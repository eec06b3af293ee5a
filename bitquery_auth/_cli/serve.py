"""``bitquery-auth sandbox``: the stand-in, until stopped."""

from __future__ import annotations

import signal
import threading

from bitquery_auth.sandbox import Sandbox


def sandbox(*, port: int, lifetime: float) -> int:
    """Serve until SIGINT or SIGTERM.

    Args:
        port: To serve on; 0: a free one.
        lifetime: Seconds that a token lives.
    """
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with Sandbox(port=port, lifetime=lifetime) as running:
        print(_settings(running), flush=True)
        stopped.wait()
    print(
        f"Stopped after {running.token_requests} token requests and {running.api_requests} API requests, "
        f"{running.api_refusals} of which were refused."
    )
    return 0


def _settings(sandbox: Sandbox) -> str:
    return f"""\
A stand-in for Bitquery is at {sandbox.url} until you press Ctrl+C. For a shell:

export BITQUERY_CLIENT_ID={sandbox.client_id}
export BITQUERY_CLIENT_SECRET='{sandbox.client_secret}'
export BITQUERY_TOKEN_ENDPOINT={sandbox.token_endpoint}
export BITQUERY_REVOCATION_ENDPOINT={sandbox.revocation_endpoint}
export BITQUERY_SCOPE=api
export BITQUERY_ENDPOINT={sandbox.graphql_endpoint}

For Python, with those set:

auth = HTTPXAuth(ClientCredentials.from_env(), allowed_hosts={sandbox.allowed_hosts!r})
"""
