"""Programs of their own: a script in a fresh interpreter, which uses the sandbox of the test that runs it."""

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

from bitquery_auth.sandbox import Sandbox

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
    endpoint = SETTINGS["endpoint"]
    return ClientCredentials(SETTINGS["id"], secret, token_endpoint=endpoint, scope="api", **settings)

def requests_auth(source):
    from bitquery_auth import RequestsAuth
    return RequestsAuth(source, allowed_hosts=SETTINGS["hosts"])

def httpx_auth(source):
    from bitquery_auth import HTTPXAuth
    return HTTPXAuth(source, allowed_hosts=SETTINGS["hosts"])

def post(auth):
    import requests
    return requests.post(SETTINGS["url"], json=SETTINGS["query"], auth=auth, timeout=20).status_code
"""


def run_script(script: str, sandbox: Sandbox, *options: str, missing: tuple[str, ...] = ()) -> str:
    """Run a script; it must end well and write nothing to stderr.

    Args:
        script: After names to begin with: ``SETTINGS``, ``credentials()``, ``requests_auth()``, ``httpx_auth()``,
            ``post()``.
        sandbox: What it uses.
        options: Of the interpreter.
        missing: Packages that are not installed for it.

    Returns:
        What it printed.
    """
    settings: dict[str, Any] = {
        "missing": missing,
        "id": sandbox.client_id,
        "secret": sandbox.client_secret,
        "endpoint": sandbox.token_endpoint,
        "url": sandbox.graphql_endpoint,
        "hosts": sandbox.allowed_hosts,
        "query": {"query": "{ EVM { Blocks { Block { Number } } } }"},
    }
    done = subprocess.run(
        [sys.executable, *options, "-c", _BEGINNING + dedent(script), json.dumps(settings)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parent,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()
