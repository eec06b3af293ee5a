"""``bitquery-auth sandbox``: serves the stand-in for Bitquery until it is stopped."""

from __future__ import annotations

import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from bitquery_auth._cli.exit_codes import OK
from bitquery_auth._cli.messages import print_to_stderr
from bitquery_auth._environment import PREFIX
from bitquery_auth._errors import ConfigurationError
from bitquery_auth.sandbox import AuthMethod, Recorded, Sandbox

_HOUR = 3600.0


def sandbox(*, port: int, lifetime: float, auth_method: AuthMethod) -> int:
    """Serve until the command ``quit``, SIGINT or SIGTERM.

    Args:
        port: The port to listen on; 0 takes a free one.
        lifetime: Seconds that a token is valid.
        auth_method: How clients must authenticate at the token endpoint.

    Raises:
        ConfigurationError: The port is not available.
    """
    stand_in = Sandbox(
        port=port, lifetime=lifetime, token_endpoint_auth_method=auth_method, on_request=_log
    )
    try:
        stand_in.start()
    except OSError as error:
        raise ConfigurationError(
            f"--port: {port} is not available: {error.strerror}. Leave it out to use a free port."
        ) from None
    with stand_in, _stoppable(), suppress(KeyboardInterrupt):
        variables = stand_in.environment()
        for name, value in variables.items():
            print(f"export {name}={shlex.quote(value)}", flush=True)
        print_to_stderr(
            f"A stand-in for Bitquery is at {stand_in.url}, and its settings are on stdout.\n"
            "Type revoke, out, in or quit and press Enter. Ctrl+C stops it, too."
        )
        if f"{PREFIX}WEBSOCKET_ENDPOINT" not in variables:
            print_to_stderr(
                "It serves no streams. For these, pip install websockets and start it again."
            )
        _obey_commands(stand_in)
    print_to_stderr(
        f"Stopped. Token requests: {stand_in.token_requests}. "
        f"API requests: {stand_in.api_requests}, of which {stand_in.api_refusals} got a 401."
    )
    return OK


@contextmanager
def _stoppable() -> Iterator[None]:
    """Treat SIGTERM as Ctrl+C, and let a background job be stopped by either."""
    # A shell makes its background jobs ignore SIGINT.
    interrupt = signal.default_int_handler
    handlers: dict[int, Any] = {signal.SIGINT: interrupt, signal.SIGTERM: interrupt}
    if sys.platform != "win32":
        # A background job that reads from the terminal is suspended, unless it ignores this: then
        # its read fails.
        handlers[signal.SIGTTIN] = signal.SIG_IGN
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _obey_commands(stand_in: Sandbox) -> None:
    """Carry out commands until ``quit``. The end of stdin is not a command."""
    with suppress(OSError):
        for line in sys.stdin or ():
            command = line.strip()
            if command == "quit":
                return
            _obey(stand_in, command)
    while True:
        time.sleep(_HOUR)


def _obey(stand_in: Sandbox, command: str) -> None:
    match command:
        case "revoke":
            stand_in.revoke_all()
            print_to_stderr("Every token is revoked.")
        case "out":
            stand_in.outage = 503
            print_to_stderr("The token endpoint fails with status 503.")
        case "in":
            stand_in.outage = None
            print_to_stderr("The token endpoint works.")
        case _:
            print_to_stderr(f"{command!r} is not a command. Type revoke, out, in or quit.")


def _log(record: Recorded) -> None:
    print_to_stderr(f"{time.strftime('%H:%M:%S')} {record}")
