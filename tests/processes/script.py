"""Programs of their own: a script in a fresh interpreter, which uses the sandbox of its test."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY

_BEGINNING = """
import json, sys

SETTINGS = json.loads(sys.argv[1])

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in SETTINGS["missing"]:
            raise ImportError(f"No module named {name!r} here", name=name)

sys.meta_path.insert(0, Missing())

def credentials(secret=SETTINGS["secret"], **settings):
    from bitquery_auth import ClientCredentials
    settings = {"token_endpoint": SETTINGS["endpoint"], "scope": "api"} | settings
    return ClientCredentials(SETTINGS["id"], secret, **settings)

def requests_auth(source):
    from bitquery_auth import RequestsAuth
    return RequestsAuth(source, allowed_hosts=SETTINGS["hosts"])

def httpx_auth(source):
    from bitquery_auth import HTTPXAuth
    return HTTPXAuth(source, allowed_hosts=SETTINGS["hosts"])

def post(auth):
    import requests
    return requests.post(SETTINGS["url"], json=SETTINGS["query"], auth=auth, timeout=20).status_code

async def async_post(source):
    import httpx2
    async with httpx2.AsyncClient(auth=httpx_auth(source)) as client:
        return (await client.post(SETTINGS["url"], json=SETTINGS["query"])).status_code

def wait_for_the_test():
    sys.stdin.readline()
"""


class Program:
    """A script that is running.

    Args:
        process: Its process.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def go_on(self) -> None:
        """Let ``wait_for_the_test()`` return."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def read_line(self) -> str:
        """Return the next line that it prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def result(self) -> str:
        """Wait until it ends well, and return the rest of what it prints."""
        stdout, stderr = self._process.communicate(timeout=60)
        assert (self._process.returncode, stderr) == (0, "")
        return stdout.strip()


@contextmanager
def running(
    script: str, sandbox: Sandbox, *options: str, missing: tuple[str, ...] = ()
) -> Iterator[Program]:
    """Start a script, and end it at the latest with the context.

    Args:
        script: It begins with the names ``SETTINGS``, ``credentials()``, ``requests_auth()``,
            ``httpx_auth()``, ``post()``, ``async_post()`` and ``wait_for_the_test()``.
        sandbox: What it uses.
        options: Options of the interpreter.
        missing: Packages that are not installed for it.
    """
    settings: dict[str, Any] = {
        "missing": missing,
        "id": sandbox.client_id,
        "secret": sandbox.client_secret,
        "endpoint": sandbox.token_endpoint,
        "url": sandbox.graphql_endpoint,
        "hosts": sandbox.allowed_hosts,
        "query": QUERY,
    }
    with subprocess.Popen(
        [sys.executable, *options, "-c", _BEGINNING + dedent(script), json.dumps(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent,
    ) as process:
        try:
            yield Program(process)
        finally:
            process.kill()


def run_script(script: str, sandbox: Sandbox, *options: str, missing: tuple[str, ...] = ()) -> str:
    """Run a script, as `running` does, until it ends well without a word on stderr.

    Returns:
        What it printed.
    """
    with running(script, sandbox, *options, missing=missing) as program:
        return program.result()
