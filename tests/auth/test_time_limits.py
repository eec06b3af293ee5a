"""An exception that a signal handler raises within a request, such as Celery's soft time limit."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bitquery_auth import BitqueryAuthError
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import SYNC, OpenClient, only
from tests.kit.origin import Gate, Origin

pytestmark = [
    only(SYNC),
    pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals are POSIX's"),
]


class SoftTimeLimitError(Exception):
    """An ordinary exception, as Celery's is."""


@contextmanager
def soft_time_limit(reached: threading.Event) -> Iterator[None]:
    """Raise it on this thread once the event is set."""

    def on_signal(*_: object) -> None:
        raise SoftTimeLimitError

    before = signal.signal(signal.SIGUSR1, on_signal)
    main = threading.get_ident()

    def interrupt() -> None:
        assert reached.wait(10)
        signal.pthread_kill(main, signal.SIGUSR1)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("state", ["no token", "a revoked token"])
def test_it_reaches_the_caller_as_it_is_and_the_next_request_works(
    open_client: OpenClient, sandbox: Sandbox, origin: Origin, gate: Gate, state: str
) -> None:
    """No backoff follows, because the token endpoint has not failed."""
    source = sandbox.credentials(token_endpoint=origin.at("/oauth2/token"))
    client = open_client(source)
    if state == "a revoked token":
        client.post(sandbox.graphql_endpoint, json=QUERY)
        sandbox.revoke_all()
    gate.close()
    with pytest.raises(SoftTimeLimitError) as raised, soft_time_limit(gate.reached):
        client.post(sandbox.graphql_endpoint, json=QUERY)
    assert type(raised.value) is SoftTimeLimitError
    assert not isinstance(raised.value, BitqueryAuthError)
    gate.open()
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
