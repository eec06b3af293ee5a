"""The README's section on the command line: its commands, its exit codes and its example."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.docs import code_in, rows_of, section, shell_of
from tests.kit.waiting import until
from tests.kit.world import world


@pytest.fixture(scope="module")
def help_of() -> Callable[[str], str]:
    """Return what ``--help`` prints, of the whole or of a command."""

    def printed(command: str = "") -> str:
        return subprocess.run(
            [sys.executable, "-m", "bitquery_auth", *command.split(), "--help"],
            stdout=subprocess.PIPE,
            encoding="utf-8",
            timeout=60,
            check=True,
        ).stdout

    return printed


def test_the_commands_and_options_in_the_readme_exist(help_of: Callable[[str], str]) -> None:
    described = {}
    for command, does in rows_of("Command line"):
        if (name := re.match(r"`bitquery-auth ([a-z]+)", command)) is not None:
            described[name[1]] = re.findall(r"`(--[a-z-]+)", does)
    assert set(described) == set(re.findall(r"^    ([a-z]+) ", help_of(""), re.MULTILINE))
    for name, options in described.items():
        assert set(options) <= set(re.findall(r"--[a-z-]+", help_of(name)))


def test_the_exit_codes_in_the_readme_are_those_of_the_manual(
    help_of: Callable[[str], str],
) -> None:
    manual = help_of("").partition("exit codes:")[2]
    (sentence,) = re.findall(r"exit codes, (.*)\.$", section("Command line"), re.MULTILINE)
    codes = re.findall(r"^  (\d) ", manual, re.MULTILINE)
    assert re.findall(r"\d", sentence) == [code for code in codes if code > "1"]


@pytest.fixture
def running() -> Iterator[Sandbox]:
    """A sandbox that reads the real clock, as the command does."""
    with Sandbox() as sandbox:
        yield sandbox


def sh(command: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a command in a folder, and return what it prints."""
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def needs(command: str) -> None:
    if shutil.which(command) is None:
        pytest.skip(f"{command} is not installed")


def test_the_credentials_are_exported_and_checked(tmp_path: Path) -> None:
    """Against Bitquery's own host names, on loopback."""
    commands, _ = code_in(section("Get an id and a secret"), "sh")
    with world(tmp_path) as bitquery:
        commands = commands.replace("my-client-id", bitquery.sandbox.client_id)
        commands = commands.replace("my-client-secret", bitquery.sandbox.client_secret)
        environment = shell_of(bitquery.sandbox, tmp_path) | bitquery.environment
        for name in bitquery.sandbox.environment():
            del environment[name]
        sh(commands, tmp_path, environment)
        assert bitquery.sandbox.token_requests == 1


def test_the_settings_of_the_sandbox_are_those_of_another_shell(
    tmp_path: Path, running: Sandbox
) -> None:
    _, commands = code_in(section("Get an id and a secret"), "sh")
    serve, use = commands.splitlines()
    environment = shell_of(running, tmp_path)
    for name in running.environment():
        del environment[name]
    settings = tmp_path / "settings.sh"
    with subprocess.Popen(
        ["sh", "-c", serve], cwd=tmp_path, env=environment, stdin=subprocess.PIPE, text=True
    ) as shell:
        try:
            until(lambda: settings.exists() and settings.read_text().count("\n") > 3)
            sh(use, tmp_path, environment)
        finally:
            shell.communicate("quit\n", timeout=20)
    assert shell.returncode == 0


def test_the_example_with_curl_gets_a_response_from_the_api(
    tmp_path: Path, running: Sandbox
) -> None:
    needs("curl")
    (example,) = code_in(section("Command line"), "sh")
    assert "Number" in sh(example, tmp_path, shell_of(running, tmp_path))
    assert (running.token_requests, running.api_requests, running.api_refusals) == (1, 1, 0)


@pytest.mark.parametrize(
    ("program", "options", "call", "template"),
    [
        (
            "node",
            ["-e"],
            "execFileSync(",
            "const {{execFileSync}} = require('child_process'); process.stdout.write({})",
        ),
        ("php", ["-r"], "trim(shell_exec(", "echo {};"),
    ],
)
def test_the_token_is_there_in_another_language(
    program: str, options: list[str], call: str, template: str, tmp_path: Path, running: Sandbox
) -> None:
    needs(program)
    (code,) = re.findall(rf"`({re.escape(call)}[^`]*)`", section("Command line"))
    done = subprocess.run(
        [program, *options, template.format(code)],
        env=shell_of(running, tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert re.fullmatch(r"ory_at_[\w.-]+", done.stdout)
