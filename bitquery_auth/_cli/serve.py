"""``bitquery-auth sandbox``: the stand-in, until stopped."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bitquery_auth._cli.exits import OK
from bitquery_auth._errors import ConfigurationError
from bitquery_auth.sandbox import Sandbox

_WINK = 3600.0


def sandbox(*, port: int, lifetime: float) -> int:
    """Serve until SIGINT or SIGTERM.

    Args:
        port: To serve on; 0: a free one.
        lifetime: Seconds that a token lives.

    Raises:
        ConfigurationError: the port cannot be had.
    """
    stand_in = Sandbox(port=port, lifetime=lifetime)
    try:
        stand_in.start()
    except OSError as error:
        raise ConfigurationError(
            f"--port: {port} cannot be served on: {error.strerror}. Leave it out for a free one."
        ) from None
    with stand_in, _signals_as_interrupts(), suppress(KeyboardInterrupt):
        print(_settings(stand_in), flush=True)
        print(_words(stand_in), file=sys.stderr, flush=True)
        while True:
            time.sleep(_WINK)
    print(
        f"Stopped after {stand_in.token_requests} token requests and {stand_in.api_requests} API requests, "
        f"{stand_in.api_refusals} of which were refused.",
        file=sys.stderr,
    )
    return OK


@contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """Hear SIGTERM as Ctrl+C, and that itself: a shell's background jobs are started deaf to it."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _settings(sandbox: Sandbox) -> str:
    return f"""\
export BITQUERY_CLIENT_ID={sandbox.client_id}
export BITQUERY_CLIENT_SECRET='{sandbox.client_secret}'
export BITQUERY_TOKEN_ENDPOINT={sandbox.token_endpoint}
export BITQUERY_REVOCATION_ENDPOINT={sandbox.revocation_endpoint}
export BITQUERY_SCOPE=api
export BITQUERY_ENDPOINT={sandbox.graphql_endpoint}"""


def _words(sandbox: Sandbox) -> str:
    return f"""
A stand-in for Bitquery is at {sandbox.url} until you press Ctrl+C.
The lines above are its settings, for another shell. With those set, in Python:

auth = HTTPXAuth(ClientCredentials.from_env(), allowed_hosts={sandbox.allowed_hosts!r})
"""
