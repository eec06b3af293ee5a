"""A process forks while its threads fetch: the child has no such threads, and must not wait for them."""

import os
from textwrap import dedent

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.processes.script import run_script

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

# Programs with threads that fork are what this is about; Python 3.12 and later warn of them.
FORKING = ("-W", "ignore::DeprecationWarning")

CHILD = """
import os, signal, threading, time, traceback

def in_child(work):
    pid = os.fork()
    if pid:
        return pid
    signal.alarm(15)  # a child that hangs must not outlive the test
    status = 1
    try:
        status = 0 if work() else 2
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)

def ended_well(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""

HELD_FETCH = (
    CHILD
    + """
reached, opened = threading.Event(), threading.Event()

def secret():
    reached.set()
    opened.wait(20)
    return SETTINGS["secret"]
"""
)


def test_a_child_forked_during_a_fetch_finishes_its_request(sandbox: Sandbox) -> None:
    """Hazard P2: the fetch was another thread's, which does not exist in the child."""
    script = """
    auth = requests_auth(source := credentials(secret))
    thread = threading.Thread(target=source.token)
    thread.start()
    reached.wait(20)

    def work():
        opened.set()
        return post(auth) == 200

    child = in_child(work)
    print(ended_well(child))
    opened.set()
    thread.join()
    print(post(auth))
    """
    assert run_script(HELD_FETCH + dedent(script), sandbox, *FORKING).split() == ["True", "200"]
    assert sandbox.token_requests == 2


def test_a_child_forked_while_the_token_request_is_on_the_wire_finishes_its_own(sandbox: Sandbox) -> None:
    """Hazard P2: sockets are not shared, each process makes a request of its own."""
    sandbox.delay = 0.3
    script = """
    auth = requests_auth(source := credentials())
    thread = threading.Thread(target=source.token)
    thread.start()
    while source._flight is None:
        time.sleep(0.001)
    time.sleep(0.1)
    child = in_child(lambda: post(auth) == 200)
    print(ended_well(child), post(auth))
    thread.join()
    """
    assert run_script(CHILD + dedent(script), sandbox, *FORKING) == "True 200"
    assert sandbox.token_requests == 2


def test_a_child_forked_with_the_lock_held_finishes_its_request(sandbox: Sandbox) -> None:
    """Hazard P2: whoever held the lock lives on in the parent only."""
    script = """
    auth = requests_auth(source := credentials())
    with source._lock:
        child = in_child(lambda: post(auth) == 200)
    print(ended_well(child), post(auth))
    """
    assert run_script(CHILD + dedent(script), sandbox, *FORKING) == "True 200"


def test_a_child_that_uses_httpx_on_asyncio_finishes_too(sandbox: Sandbox) -> None:
    """Hazards P2, A3."""
    script = """
    import asyncio, httpx2
    auth = httpx_auth(source := credentials(secret))
    thread = threading.Thread(target=source.token)
    thread.start()
    reached.wait(20)

    async def async_post():
        async with httpx2.AsyncClient(auth=auth) as client:
            return (await client.post(SETTINGS["url"], json=SETTINGS["query"])).status_code

    def work():
        opened.set()
        return asyncio.run(async_post()) == 200

    child = in_child(work)
    print(ended_well(child))
    opened.set()
    thread.join()
    """
    assert run_script(HELD_FETCH + dedent(script), sandbox, *FORKING) == "True"
    assert sandbox.token_requests == 2


def test_a_child_goes_on_with_the_token_of_its_parent(sandbox: Sandbox) -> None:
    """Hazards P2, F4: as with a server that loads its application before it forks."""
    script = """
    auth = requests_auth(credentials())
    post(auth)
    children = [in_child(lambda: post(auth) == 200) for _ in range(4)]
    print([ended_well(child) for child in children])
    """
    assert run_script(CHILD + dedent(script), sandbox, *FORKING) == str([True] * 4)
    assert sandbox.token_requests == 1


def test_a_grandchild_finishes_its_request(sandbox: Sandbox) -> None:
    """Hazard P2: the second fork is made during a fetch of the child's."""
    script = """
    auth = requests_auth(source := credentials(secret))

    def child():
        thread = threading.Thread(target=source.token)
        thread.start()
        reached.wait(20)

        def grandchild():
            opened.set()
            return post(auth) == 200

        well = ended_well(in_child(grandchild))
        opened.set()
        thread.join()
        return well

    print(ended_well(in_child(child)))
    """
    assert run_script(HELD_FETCH + dedent(script), sandbox, *FORKING) == "True"
    assert sandbox.token_requests == 2


def test_children_forked_at_any_moment_of_busy_threads_finish_their_requests(sandbox: Sandbox) -> None:
    """Hazard P2: wherever in the package, or in what it uses, the threads of the parent are."""
    script = """
    auth = requests_auth(source := credentials())
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            source.renew()
            source.discard(source.token())

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    children = []
    for _ in range(30):
        time.sleep(0.003)
        children.append(in_child(lambda: post(auth) == 200))
    well = [ended_well(child) for child in children]
    stop.set()
    for thread in threads:
        thread.join()
    print(well.count(True))
    """
    assert run_script(CHILD + dedent(script), sandbox, *FORKING) == "30"
