"""Nothing is left behind: no objects, no threads, no open sockets.

Hazards A6 and B5.
"""

from textwrap import dedent

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.processes.script import run_script

GROWTH = """
import gc, threading, time, weakref

def objects():
    end = time.monotonic() + 10
    while threading.active_count() > 1:
        assert time.monotonic() < end, threading.enumerate()
        time.sleep(0.001)
    gc.collect()
    return len(gc.get_objects())

def grows(work, rounds=100):
    work(20)  # caches fill once
    before = objects()
    work(rounds)
    return objects() - before >= rounds / 2

source = credentials()
source.token()
"""

WORK = {
    "fetches": """
        def work(times):
            for _ in range(times):
                source.renew()
        """,
    "failed fetches": """
        failing = credentials("wrong")
        def work(times):
            for _ in range(times):
                try:
                    failing.renew()
                except Exception:
                    pass
        """,
    "async fetches": """
        import anyio
        async def renew(times):
            for _ in range(times):
                await source.arenew()
        def work(times):
            for backend in ("asyncio", "trio"):
                anyio.run(renew, times, backend=backend)
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
def test_work_done_many_times_leaves_no_objects_and_no_threads(sandbox: Sandbox, name: str) -> None:
    """A session and its classes are made for each fetch, and cycles among them are collected."""
    rounds = 600 if name == SLOW else 100
    script = f"{GROWTH}{dedent(WORK[name])}\nprint(grows(work, {rounds}))"
    assert run_script(script, sandbox) == "False"


@pytest.mark.parametrize(
    "use",
    ["post(requests_auth(one))", "httpx2.get(SETTINGS['url'], auth=httpx_auth(one))"],
    ids=["requests", "httpx2"],
)
def test_10000_sources_and_auths_are_collected_and_so_are_used_ones(
    sandbox: Sandbox, use: str
) -> None:
    """The tables of sources, for forks and for the recovery backoff, do not keep them."""
    script = f"""
    import httpx2

    def use_one():
        one = credentials()
        {use}
        return weakref.ref(one)

    def make(times):
        for _ in range(times):
            credentials()
            {"requests" if "requests" in use else "httpx"}_auth(source)

    make(10)
    use_one()
    before = objects()
    used = use_one()
    make(10000)
    print(objects() - before < 50, used())
    """
    assert run_script(GROWTH + dedent(script), sandbox) == "True None"


def test_unpickled_sources_of_different_settings_are_not_kept_without_end(
    sandbox: Sandbox,
) -> None:
    script = """
    import pickle
    sources = weakref.WeakSet()
    for number in range(1000):
        sources.add(pickle.loads(pickle.dumps(credentials(f"secret {number}"))))
    gc.collect()
    print(len(sources) <= 256)
    """
    assert run_script(GROWTH + dedent(script), sandbox) == "True"


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
