"""Nothing is left behind: no objects, no threads, no open sockets.

Hazards A6 and B5.
"""

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.processes.script import run_script

GROWTH = """
import gc, threading, time

def wait_for_threads():
    end = time.monotonic() + 10
    while threading.active_count() > 1 and time.monotonic() < end:
        time.sleep(0.001)
    return threading.active_count()

def objects():
    wait_for_threads()
    gc.collect()
    return len(gc.get_objects())

def grows(work, rounds=100):
    work(20)  # caches fill once
    before = objects()
    work(rounds)
    return objects() - before >= rounds / 2
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
import requests
from bitquery_auth import RequestsAuth
rejected = []
session = requests.Session()
session.auth = RequestsAuth(
    source,
    allowed_hosts=SETTINGS["hosts"],
    is_auth_failure=lambda response: response.request.headers["Authorization"] in rejected,
)
def work(times):
    for _ in range(times):
        rejected[:] = [f"Bearer {source.token().access_token}"]
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


SLOW = "recoveries with requests"
"""What was logged for each token is remembered, up to 256 of them: more rounds are needed."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.matrix if name == SLOW else ()) for name in WORK]
)
def test_work_done_many_times_leaves_no_objects(sandbox: Sandbox, name: str) -> None:
    """A session and its classes are made for each fetch, and cycles among them are collected."""
    rounds = ", 600" if name == SLOW else ""
    script = f"""
source = credentials()
source.token()
failing = credentials("wrong")
{WORK[name]}
print(grows(work{rounds}))
"""
    assert run_script(GROWTH + script, sandbox) == "False"


def test_no_threads_are_left_after_fetches(sandbox: Sandbox) -> None:
    script = """
import anyio
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
    assert run_script(GROWTH + script, sandbox) == "1"


@pytest.mark.parametrize("auth", ["requests_auth", "httpx_auth"])
def test_10000_auths_are_collected(sandbox: Sandbox, auth: str) -> None:
    """One source, and an auth for each request."""
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


@pytest.mark.parametrize(
    "use",
    ["post(requests_auth(source))", "httpx2.get(SETTINGS['url'], auth=httpx_auth(source))"],
    ids=["requests", "httpx2"],
)
def test_10000_sources_are_collected_and_so_are_used_ones(sandbox: Sandbox, use: str) -> None:
    """The tables of sources, for forks and for the recovery backoff, do not keep them."""
    script = f"""
import httpx2, weakref

def use_one():
    source = credentials()
    {use}
    return weakref.ref(source)

use_one()
before = objects()
used = use_one()
for _ in range(10000):
    credentials()
print(objects() - before < 50, used())
"""
    assert run_script(GROWTH + script, sandbox) == "True None"


def test_unpickled_sources_of_different_settings_are_not_kept_without_end(
    sandbox: Sandbox,
) -> None:
    script = """
import pickle, weakref
sources = weakref.WeakSet()
for number in range(1000):
    sources.add(pickle.loads(pickle.dumps(credentials(f"secret {number}"))))
gc.collect()
print(len(sources) <= 256)
"""
    assert run_script(GROWTH + script, sandbox) == "True"


def test_no_resource_is_left_open(sandbox: Sandbox) -> None:
    """Every socket of ours is closed, whatever became of its request."""
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
    for failing in (credentials("wrong"), credentials(timeout=0.001)):
        try:
            failing.token()
        except Exception as error:
            error.__traceback__ = None
    del source, auth, session, client, failing
    gc.collect()
    """
    assert run_script(script, sandbox, "-W", "error::ResourceWarning") == ""
