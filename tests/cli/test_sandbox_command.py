"""``bitquery-auth sandbox``: a stand-in for programs in any language, until it is told to stop."""

import os
import shlex
import signal
import socket
from pathlib import Path

import pytest

from bitquery_auth._cli import main, serve
from bitquery_auth.sandbox import Sandbox
from tests.cli.running import Command, run, start, stopped


def _exported(lines: list[str]) -> dict[str, str]:
    """What a shell makes of them."""
    words = [shlex.split(line) for line in lines]
    assert all(first == "export" for first, _ in words)
    return dict(setting.split("=", 1) for _, setting in words)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_its_settings_work_in_another_process_and_a_signal_ends_it(number: signal.Signals, tmp_path: Path) -> None:
    with start("sandbox") as serving:
        assert serving.stdout is not None
        settings = _exported([serving.stdout.readline() for _ in range(6)])
        environment = os.environ | settings | {"BITQUERY_CACHE_DIR": str(tmp_path)}
        token = run("token", environment=environment)
        query = run("query", "{ x }", environment=environment)
        code, out, err = stopped(serving, number)
    assert (token.code, query.code) == (0, 0)
    assert (code, out) == (0, "")
    assert err.endswith("Stopped after 1 token requests and 1 API requests, 0 of which were refused.\n")
    assert f"allowed_hosts=('{settings['BITQUERY_ENDPOINT'].split('/')[2]}',)" in err


def test_port_and_lifetime_are_as_asked(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Sandbox] = []

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    def remembered(**settings: object) -> Sandbox:
        served.append(Sandbox(**settings))  # type: ignore[arg-type]
        return served[0]

    monkeypatch.setattr(serve, "Sandbox", remembered)
    monkeypatch.setattr("time.sleep", interrupted)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert main(["sandbox", "--port", str(port), "--lifetime", "2.5"]) == 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert (served[0].port, served[0].lifetime) == (port, 2.5)
    assert f"export BITQUERY_ENDPOINT=http://127.0.0.1:{port}/graphql\n" in capsys.readouterr().out


def test_a_port_that_is_taken_is_a_configuration_error(command: Command, sandbox: Sandbox) -> None:
    code, out, err = command("sandbox", "--port", str(sandbox.port))
    assert (code, out) == (2, "")
    assert err.startswith(f"bitquery-auth: --port: {sandbox.port} cannot be served on: Address already in use")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--port", "65536"),
        ("--port", "-1"),
        ("--port", "http"),
        ("--lifetime", "0"),
        ("--lifetime", "-1"),
        ("--lifetime", "nan"),
        ("--lifetime", "inf"),
        ("--lifetime", "long"),
    ],
)
def test_settings_that_make_no_sense_are_refused(arguments: tuple[str, str], command: Command) -> None:
    code, out, err = command("sandbox", *arguments)
    assert (code, out) == (2, "")
    assert f"argument {arguments[0]}: " in err
