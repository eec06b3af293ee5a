"""A process forks while its threads fetch: the child has no such threads, and must not wait.

Hazard P2.
"""

import os
from pathlib import Path
from textwrap import dedent

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.processes.script import run_script

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is POSIX's")

CHILD = """
import asyncio, os, signal, threading, time, traceback

def in_child(work):
    pid = os.fork()
    if pid:
        return pid
    signal.alarm(15)  # a child that hangs must not outlive the test
    status = 1
    try:
        status = 0 if work() == 200 else 2
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)

def ended_well(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""


def forked(script: str, sandbox: Sandbox) -> str:
    """Return what a script prints that forks while it has threads, of which Python 3.12 warns."""
    return run_script(CHILD + dedent(script), sandbox, "-W", "ignore::DeprecationWarning")


@pytest.mark.parametrize("post", ["post(requests_auth(source))", "asyncio.run(async_post(source))"])
def test_a_child_forked_during_a_fetch_finishes_its_request(sandbox: Sandbox, post: str) -> None:
    """The thread that fetches does not exist in the child."""
    script = f"""
    reached, opened = threading.Event(), threading.Event()

    def secret():
        reached.set()
        opened.wait(20)
        return SETTINGS["secret"]

    def work():
        opened.set()
        return {post}

    source = credentials(secret)
    thread = threading.Thread(target=source.token)
    thread.start()
    reached.wait(20)
    child = in_child(work)
    print(ended_well(child))
    opened.set()
    thread.join()
    print({post})
    """
    assert forked(script, sandbox).split() == ["True", "200"]
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("library", ["authlib", "filelock"])
def test_a_child_forked_during_the_first_imports_of_a_fetch_finishes_its_request(
    sandbox: Sandbox, tmp_path: Path, library: str
) -> None:
    """An import that another thread is in the middle of is a lock that the child would inherit."""
    script = f"""
    from bitquery_auth import FileTokenStore
    importing, forking = threading.Event(), threading.Event()

    class SlowImport:
        def find_spec(self, name, path=None, target=None):
            if name.startswith({library!r}) and not importing.is_set():
                importing.set()
                forking.wait(20)

    auth = requests_auth(source := credentials(store=FileTokenStore({str(tmp_path)!r})))
    sys.meta_path.insert(0, SlowImport())
    sys.unraisablehook = bool  # filelock's hook after a fork misses what the one before it notes
    os.register_at_fork(before=forking.set)
    thread = threading.Thread(target=source.token)
    thread.start()
    importing.wait(20)
    sys.setswitchinterval(20)  # the import goes on only if the fork waits for it
    child = in_child(lambda: post(auth))
    thread.join()
    print(ended_well(child), post(auth))
    """
    assert forked(script, sandbox) == "True 200"


def test_children_use_the_token_of_their_parent(sandbox: Sandbox) -> None:
    """As with a server that loads its application before it forks."""
    script = """
    auth = requests_auth(credentials())
    post(auth)
    children = [in_child(lambda: post(auth)) for _ in range(4)]
    print([ended_well(child) for child in children])
    """
    assert forked(script, sandbox) == str([True] * 4)
    assert sandbox.token_requests == 1


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
        children.append(in_child(lambda: post(auth)))
    well = [ended_well(child) for child in children]
    stop.set()
    for thread in threads:
        thread.join()
    print(well.count(True))
    """
    assert forked(script, sandbox) == "30"
