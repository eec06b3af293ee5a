"""Nothing is left behind: no objects, no threads, no open sockets."""

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.processes.script import run_script

GROWTH = """
import gc, threading, time

def threads_of_ours():
    return [thread for thread in threading.enumerate() if thread is not threading.main_thread()]

def wait_for_threads():
    end = time.monotonic() + 10
    while threads_of_ours() and time.monotonic() < end:
        time.sleep(0.001)
    return threads_of_ours()

def objects():
    wait_for_threads()
    gc.collect()
    return len(gc.get_objects())

def growth(work):
    work(20)  # caches fill once
    before = objects()
    work(100)
    return objects() - before
"""

WORK = {
    "fetches": """
def work(times):
    for _ in range(times):
        source.renew()
""",
    "failed fetches": """
def work(times):
    for _ in range(times):
        try:
            failing.renew()
        except Exception:
            pass
""",
    "async fetches": """
import asyncio
async def renew(times):
    for _ in range(times):
        await source.arenew()
def work(times):
    asyncio.run(renew(times))
""",
    "recoveries with requests": """
import itertools, requests
from bitquery_auth import RequestsAuth
turns = itertools.count()
session = requests.Session()
refused = lambda response: next(turns) % 2 == 0  # the first answer, and not that to the second try
session.auth = RequestsAuth(source, allowed_hosts=SETTINGS["hosts"], is_auth_failure=refused)
def work(times):
    for _ in range(times):
        assert len(session.get(SETTINGS["url"], timeout=20).history) == 1
""",
    "requests with httpx2": """
import httpx2
client = httpx2.Client(auth=httpx_auth(source))
def work(times):
    for _ in range(times):
        client.get(SETTINGS["url"])
""",
}


@pytest.mark.parametrize("name", WORK)
def test_work_done_100_times_leaves_no_growth(sandbox: Sandbox, name: str) -> None:
    """Hazard B5: a session and its classes are made for each fetch, and cycles among them have to go."""
    script = f"""
source = credentials()
source.token()
failing = credentials("wrong")
{WORK[name]}
left = growth(work)
print("no growth" if left < 50 else f"{{left}} objects more")
"""
    assert run_script(GROWTH + script, sandbox) == "no growth"


def test_no_threads_are_left_after_fetches(sandbox: Sandbox) -> None:
    """Hazards A6, P5: neither a fetch's own nor that of its deadline."""
    script = """
import anyio
from functools import partial
source = credentials()
for backend in ("asyncio", "trio"):
    async def renew():
        for _ in range(10):
            await source.arenew()
    anyio.run(renew, backend=backend)
for _ in range(10):
    source.renew()
print(wait_for_threads())
"""
    assert run_script(GROWTH + script, sandbox) == "[]"


@pytest.mark.parametrize("auth", ["requests_auth", "httpx_auth"])
def test_10000_auths_are_collected(sandbox: Sandbox, auth: str) -> None:
    """Hazard B5: one source, an auth for each request."""
    script = f"""
import weakref
source = credentials()
work = lambda times: [{auth}(source) for _ in range(times)] and None
work(10)
before = objects()
last = weakref.ref({auth}(source))
work(10000)
print(objects() - before < 50, last())
"""
    assert run_script(GROWTH + script, sandbox) == "True None"


@pytest.mark.parametrize("use", ["post(requests_auth(source))", "httpx2.get(SETTINGS['url'], auth=httpx_auth(source))"])
def test_10000_sources_that_were_used_are_collected(sandbox: Sandbox, use: str) -> None:
    """Hazard B5: nor do the registries of sources, for forks and refusals, keep them; used ones first of all."""
    script = f"""
import httpx2, weakref
from bitquery_auth import _auth, _reuse
source = credentials()
{use}
used = weakref.ref(source)
del source
for _ in range(10000):
    credentials()
gc.collect()
print(used(), len(_reuse._every_source), len(_auth._every_refusals))
"""
    assert run_script(GROWTH + script, sandbox) == "None 0 0"


def test_no_resource_is_left_open(sandbox: Sandbox) -> None:
    """Hazard A6: every socket of ours is closed, whatever became of its request."""
    sandbox.lifetime = 3600
    script = """
    import asyncio, gc, httpx, httpx2, requests
    import anyio

    source = credentials()
    auth = httpx_auth(source)
    with requests.Session() as session:
        session.auth = requests_auth(source)
        for _ in range(3):
            session.post(SETTINGS["url"], json=SETTINGS["query"], timeout=20)
            source.discard(source.token())
    for module in (httpx, httpx2):
        with module.Client(auth=auth) as client:
            client.post(SETTINGS["url"], json=SETTINGS["query"])
        async def main():
            async with module.AsyncClient(auth=auth) as client:
                source.discard(source.token())
                await client.post(SETTINGS["url"], json=SETTINGS["query"])
                with anyio.move_on_after(0):
                    await source.arenew()
        for backend in ("asyncio", "trio"):
            anyio.run(main, backend=backend)
    try:
        credentials("wrong").token()
    except Exception as error:
        error.__traceback__ = None
    try:
        credentials(timeout=0.001).token()
    except Exception as error:
        error.__traceback__ = None
    del source, auth, session, client
    gc.collect()
    """
    assert run_script(script, sandbox, "-W", "error::ResourceWarning") == ""
