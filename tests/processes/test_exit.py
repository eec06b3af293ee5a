"""Requests at the end of a program, and programs that end while a token is being fetched.

Hazard P5.
"""

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.processes.script import run_script, running


@pytest.mark.parametrize(
    ("settings", "token_requests"),
    [
        # A renewal in the background may end with the program before it has asked.
        ("leeway=1, renew_ahead=99", {1, 2}),
        ("leeway=20, renew_ahead=0", {2}),
    ],
    ids=["to be renewed", "to be replaced"],
)
def test_a_request_at_exit_is_sent_although_its_token_is_old(
    sandbox: Sandbox, settings: str, token_requests: set[int]
) -> None:
    sandbox.lifetime = 100
    script = f"""
    import atexit, time
    auth = requests_auth(source := credentials({settings}))
    source.token()
    time.monotonic, real = (lambda: real() + 85), time.monotonic
    atexit.register(lambda: print(post(auth)))
    """
    assert run_script(script, sandbox) == "200"
    assert sandbox.token_requests in token_requests


@pytest.mark.parametrize("post", ["post(requests_auth(source))", "asyncio.run(async_post(source))"])
def test_the_first_request_at_exit_fetches_a_token(sandbox: Sandbox, post: str) -> None:
    """Python 3.12 and later start no threads there."""
    script = f"""
    import asyncio, atexit
    import anyio._backends._asyncio  # it cannot be imported at exit
    source = credentials()
    atexit.register(lambda: print({post}))
    """
    assert run_script(script, sandbox) == "200"
    assert sandbox.token_requests == 1


def test_a_request_rejected_at_exit_is_sent_again(sandbox: Sandbox) -> None:
    script = """
    import atexit
    auth = requests_auth(source := credentials())
    post(auth)
    print("posted", flush=True)
    wait_for_the_test()
    atexit.register(lambda: print(post(auth)))
    """
    with running(script, sandbox) as program:
        assert program.read_line() == "posted"
        sandbox.revoke_all()
        program.go_on()
        assert program.result() == "200"
    assert (sandbox.api_refusals, sandbox.token_requests) == (1, 2)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_program_does_not_wait_for_a_fetch_whose_callers_were_cancelled(
    sandbox: Sandbox, backend: str
) -> None:
    """It ends at once and in silence, although the fetch would never end."""
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
