"""``bitquery-auth sandbox``: a stand-in for programs in any language, until it is stopped."""

import io
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from bitquery_auth import ClientCredentials, ConfigurationError
from bitquery_auth._cli import main, serve
from bitquery_auth.sandbox import Sandbox
from tests.cli.runner import COMMAND, TIMEOUT
from tests.kit.waiting import until

PROGRAM = """
import os
import bitquery_auth
import requests
auth = bitquery_auth.RequestsAuth(bitquery_auth.from_env())
query = {"query": "{ EVM { Blocks(limit: {count: 1}) { Block { Number } } } }"}
print(requests.post(os.environ["BITQUERY_ENDPOINT"], json=query, auth=auth).json()["data"])
"""


class Served:
    """A running ``bitquery-auth sandbox``, whose output goes to files."""

    def __init__(self, folder: Path, *options: str, stdin: int = subprocess.PIPE) -> None:
        self.settings, self.log = folder / "settings.sh", folder / "log"
        with self.settings.open("wb") as stdout, self.log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [*COMMAND, "sandbox", *options],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                text=True,
                bufsize=1,
            )
        self.wait_for_log("Ctrl+C stops it")

    def wait_for_log(self, text: str) -> None:
        until(lambda: text in self.log.read_text(), timeout=TIMEOUT)

    def command(self, line: str, reply: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.wait_for_log(reply)

    def setting(self, name: str) -> str:
        found = re.search(
            f"^export BITQUERY_{name}='?(.*?)'?$", self.settings.read_text(), re.MULTILINE
        )
        assert found is not None
        return found[1]

    def api_status(self, access_token: str) -> int:
        headers = {"Authorization": f"Bearer {access_token}"}
        return requests.get(self.setting("ENDPOINT"), headers=headers, timeout=10).status_code


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Run the command, until the end of the test at the latest."""
    with ExitStack() as stack:

        def start(*options: str, stdin: int = subprocess.PIPE) -> Served:
            served = Served(tmp_path, *options, stdin=stdin)
            stack.enter_context(served.process)
            stack.callback(served.process.kill)
            return served

        yield start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_program_runs_with_the_settings_until_a_signal_stops_the_sandbox(
    number: signal.Signals, serving: Callable[..., Served]
) -> None:
    sandbox = serving(stdin=subprocess.DEVNULL)
    shell = ["sh", "-c", '. "$0" && exec "$1" -W error -c "$2"', sandbox.settings]
    printed = subprocess.run(
        [*shell, sys.executable, PROGRAM],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    ).stdout
    assert printed == "{'EVM': {'Blocks': [{'Block': {'Number': 1}}]}}\n"
    assert sandbox.setting("WEBSOCKET_ENDPOINT").startswith("ws://127.0.0.1:")
    sandbox.process.send_signal(number)
    assert sandbox.process.wait(10) == 0
    log = sandbox.log.read_text().splitlines()
    assert [line.partition(" ")[2] for line in log[2:4]] == [
        "POST /oauth2/token: 200",
        "POST /graphql: 200",
    ]
    assert log[4:] == ["Stopped. Token requests: 1. API requests: 1, of which 0 got a 401."]


def test_commands_revoke_tokens_and_make_an_outage(serving: Callable[..., Served]) -> None:
    sandbox = serving()
    endpoint = sandbox.setting("TOKEN_ENDPOINT")
    client = (sandbox.setting("CLIENT_ID"), sandbox.setting("CLIENT_SECRET"))
    token = ClientCredentials(*client, token_endpoint=endpoint).token().access_token
    assert sandbox.api_status(token) == 200
    sandbox.command("revoke", "Every token is revoked.")
    assert sandbox.api_status(token) == 401
    sandbox.command("out", "The token endpoint fails")
    assert requests.post(endpoint, timeout=10).status_code == 503
    sandbox.command(" in ", "The token endpoint works.")
    sandbox.command("help", "'help' is not a command. Type revoke, out, in or quit.")
    assert requests.post(endpoint, timeout=10).status_code == 400
    sandbox.command("quit", "Stopped.")
    assert sandbox.process.wait(10) == 0
    assert token not in sandbox.log.read_text()


def test_port_lifetime_and_auth_method_are_as_asked(serving: Callable[..., Served]) -> None:
    with Sandbox() as before:
        port = before.port
    options = f"--port {port} --lifetime 2.5 --auth-method client_secret_basic"
    sandbox = serving(*options.split())
    assert sandbox.setting("ENDPOINT") == f"http://127.0.0.1:{port}/graphql"
    assert sandbox.setting("TOKEN_ENDPOINT_AUTH_METHOD") == "client_secret_basic"
    auth = (sandbox.setting("CLIENT_ID"), sandbox.setting("CLIENT_SECRET"))
    form = {"grant_type": "client_credentials"}
    response = requests.post(sandbox.setting("TOKEN_ENDPOINT"), form, auth=auth, timeout=10)
    assert response.json()["expires_in"] == 2


@pytest.mark.parametrize("end", ["quit\n", ""], ids=["quit", "interrupt"])
def test_signal_handlers_of_the_process_are_restored(
    end: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"revoke\nout\nin\nhelp\n{end}"))
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    assert main(["sandbox"]) == 0
    assert [signal.getsignal(number) for number in numbers] == before
    assert "Stopped." in capsys.readouterr().err


def test_without_websockets_the_log_says_what_streams_need(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "websockets", None)
    monkeypatch.setattr("sys.stdin", io.StringIO("quit\n"))
    assert main(["sandbox"]) == 0
    output = capsys.readouterr()
    assert "WEBSOCKET_ENDPOINT" not in output.out
    assert "pip install websockets" in output.err


def test_a_port_that_is_taken_is_a_configuration_error(sandbox: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match=f"--port: {sandbox.port} is not available"):
        serve.sandbox(port=sandbox.port, lifetime=60, auth_method="client_secret_post")
