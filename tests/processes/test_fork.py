"""A process forks while its threads fetch: the child has no such threads, and must not wait.

Hazard P2.
"""

import os
from textwrap import dedent

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.kit.waiting import until
from tests.processes.script import run_script, running

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is POSIX's")

# Programs with threads that fork are the subject here; Python 3.12 and later warn about them.
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
    """The thread that fetches does not exist in the child."""
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


def test_a_child_forked_while_a_token_request_is_on_the_wire_makes_its_own(
    sandbox: Sandbox,
) -> None:
    """Processes do not share sockets."""
    sandbox.delay = 0.3
    script = """
    auth = requests_auth(source := credentials())
    thread = threading.Thread(target=source.token)
    thread.start()
    wait_for_the_test()
    child = in_child(lambda: post(auth) == 200)
    print(ended_well(child), post(auth))
    thread.join()
    """
    with running(CHILD + dedent(script), sandbox, *FORKING) as program:
        until(lambda: sandbox.token_requests == 1)
        program.go_on()
        assert program.result() == "True 200"
    assert sandbox.token_requests == 2


def test_a_child_forked_during_the_first_imports_of_a_fetch_finishes_its_request(
    sandbox: Sandbox,
) -> None:
    """An import that another thread is in the middle of is a lock that the child would inherit."""
    script = """
    importing = threading.Event()

    class SlowImport:
        def find_spec(self, name, path=None, target=None):
            if name.startswith("authlib") and not importing.is_set():
                importing.set()
                time.sleep(0.3)

    sys.meta_path.insert(0, SlowImport())
    auth = requests_auth(source := credentials())
    thread = threading.Thread(target=source.token)
    thread.start()
    importing.wait(20)
    child = in_child(lambda: post(auth) == 200)
    thread.join()
    print(ended_well(child), post(auth))
    """
    assert run_script(CHILD + dedent(script), sandbox, *FORKING) == "True 200"


def test_a_child_that_uses_httpx_on_asyncio_finishes_its_request(sandbox: Sandbox) -> None:
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


def test_children_use_the_token_of_their_parent(sandbox: Sandbox) -> None:
    """As with a server that loads its application before it forks."""
    script = """
    auth = requests_auth(credentials())
    post(auth)
    children = [in_child(lambda: post(auth) == 200) for _ in range(4)]
    print([ended_well(child) for child in children])
    """
    assert run_script(CHILD + dedent(script), sandbox, *FORKING) == str([True] * 4)
    assert sandbox.token_requests == 1


def test_a_grandchild_forked_during_a_fetch_of_the_child_finishes_its_request(
    sandbox: Sandbox,
) -> None:
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


def test_children_forked_at_any_moment_of_busy_threads_finish_their_requests(
    sandbox: Sandbox,
) -> None:
    """Wherever in the package, or in what it uses, the threads of the parent are."""
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
