"""Requests at the end of a program, and programs that end while a token is being fetched."""

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.processes.script import run_script


@pytest.mark.parametrize("state", ["no token", "a token", "a token to renew", "a token to replace"])
def test_a_request_at_exit_is_answered(sandbox: Sandbox, state: str) -> None:
    """Hazard A6: Python 3.12 and later start no more threads there."""
    sandbox.lifetime = 100
    settings = {"a token to renew": "leeway=1, renew_ahead=99", "a token to replace": "leeway=20, renew_ahead=0"}
    script = f"""
    import atexit, time
    auth = requests_auth(source := credentials({settings.get(state, "")}))
    if {state != "no token"}:
        source.token()
    if {state == "a token to renew"} or {state == "a token to replace"}:
        time.monotonic, real = (lambda: real() + 85), time.monotonic
    atexit.register(lambda: print(post(auth)))
    """
    assert run_script(script, sandbox) == "200"
    # A renewal in the background may end with the program before it has asked.
    expected = {"no token": {1}, "a token": {1}, "a token to renew": {1, 2}, "a token to replace": {2}}
    assert sandbox.token_requests in expected[state]


def test_a_request_refused_at_exit_is_sent_again(sandbox: Sandbox) -> None:
    script = """
    import atexit
    auth = requests_auth(source := credentials())
    revoked = source.token()

    def last_words():
        import urllib.request
        urllib.request.urlopen(SETTINGS["endpoint"].replace("token", "revoke"), data=urllib.parse.urlencode(
            {"client_id": SETTINGS["id"], "client_secret": SETTINGS["secret"], "token": revoked.access_token}
        ).encode()).close()
        print(post(auth))

    import urllib.parse
    atexit.register(last_words)
    """
    assert run_script(script, sandbox) == "200"
    assert sandbox.api_refusals == 1
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("module", ["httpx", "httpx2"])
def test_an_async_request_at_exit_is_answered(sandbox: Sandbox, module: str) -> None:
    script = f"""
    import asyncio, atexit, {module} as module
    import anyio._backends._asyncio  # which nobody may import at exit
    auth = httpx_auth(credentials())

    async def async_post():
        async with module.AsyncClient(auth=auth) as client:
            print((await client.post(SETTINGS["url"], json=SETTINGS["query"])).status_code)

    atexit.register(lambda: asyncio.run(async_post()))
    """
    assert run_script(script, sandbox) == "200"
    assert sandbox.token_requests == 1


def test_a_source_of_ones_own_is_asked_at_exit_by_async_clients_too(sandbox: Sandbox) -> None:
    script = """
    import asyncio, atexit, httpx2
    import anyio._backends._asyncio
    source = credentials()

    class Own:
        def token(self):
            return source.token()
        def discard(self, token):
            source.discard(token)

    auth = httpx_auth(Own())

    async def async_post():
        async with httpx2.AsyncClient(auth=auth) as client:
            print((await client.post(SETTINGS["url"], json=SETTINGS["query"])).status_code)

    atexit.register(lambda: asyncio.run(async_post()))
    """
    assert run_script(script, sandbox) == "200"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_program_does_not_wait_for_a_fetch_that_nobody_waits_for(sandbox: Sandbox, backend: str) -> None:
    """Hazard P5: it ends at once and in silence, though the fetch never ends."""
    script = f"""
    import anyio, threading
    reached = threading.Event()

    def secret():
        reached.set()
        threading.Event().wait()

    source = credentials(secret)

    async def main():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(source.atoken)
            while not reached.is_set():
                await anyio.sleep(0.001)
            tasks.cancel_scope.cancel()

    anyio.run(main, backend={backend!r})
    print("left")
    """
    assert run_script(script, sandbox) == "left"


def test_a_program_that_ends_during_a_renewal_ends_in_silence(sandbox: Sandbox) -> None:
    """Hazard P5."""
    script = """
    import time
    source = credentials(leeway=1, renew_ahead=3500)
    source.token()
    time.monotonic, real = (lambda: real() + 3000), time.monotonic
    source.token()
    print("left")
    """
    assert run_script(script, sandbox) == "left"


def test_ctrl_c_during_a_fetch_ends_it_at_once(sandbox: Sandbox) -> None:
    sandbox.delay = 600
    script = """
    import os, signal, threading, time
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell begins in the background ignores it
    source = credentials()

    def interrupt():
        while source._flight is None:
            time.sleep(0.001)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    try:
        source.token()
    except KeyboardInterrupt:
        print("interrupted", source._flight)
    """
    assert run_script(script, sandbox) == "interrupted None"
