"""The commands, their options, and their manual."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from bitquery_auth import __main__ as main_module
from bitquery_auth import __version__
from bitquery_auth._cli import _TOKEN_OPTIONS
from bitquery_auth._cli.arguments import make_parser
from bitquery_auth._cli.exit_codes import MEANINGS
from tests.cli.runner import Runner

COMMANDS = ["token", "query", "check", "revoke", "demo", "sandbox"]
VARIABLES = [
    "CACHE_DIR",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "CLIENT_SECRET_FILE",
    "ENDPOINT",
    "REVOCATION_ENDPOINT",
    "SCOPE",
    "TOKEN",
    "TOKEN_ENDPOINT",
    "TOKEN_ENDPOINT_AUTH_METHOD",
    "TOKEN_FILE",
]


def test_the_manual_names_every_command_variable_and_exit_code(command: Runner) -> None:
    code, out, err = command("--help")
    assert (code, err) == (0, "")
    assert all(f"\n    {name} " in out for name in COMMANDS)
    assert all(f"\n  {code}  " in out for code in MEANINGS)
    named = out.replace(",", " ").split()
    assert all(f"BITQUERY_{name}" in named for name in VARIABLES)
    assert command() == (2, "", out)


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS)])
def test_the_manual_of_each_command_is_ascii_in_80_columns(
    arguments: list[str], command: Runner
) -> None:
    code, out, err = command(*arguments, "--help", COLUMNS="200")
    assert (code, err) == (0, "")
    assert out.startswith(" ".join(["usage: bitquery-auth", *arguments]))
    assert out.isascii()
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("tokens", "invalid choice: 'tokens'"),
        ("query", "the following arguments are required: QUERY"),
        ("token more", "unrecognized arguments: more"),
        ("token --head", "unrecognized arguments: --head"),
        ("token --header --json", "not allowed with argument"),
        ("token --min-validity -1", "must be a number of seconds"),
        ("token --min-validity nan", "must be a number of seconds"),
        ("query {x} --timeout 0", "must be a number of seconds above zero"),
        ("check --timeout soon", "must be a number of seconds"),
        ("sandbox --port 65536", "must be a number from 0 to 65535"),
        ("sandbox --port http", "must be a number from 0 to 65535"),
        ("sandbox --lifetime inf", "must be a number of seconds"),
        ("sandbox --auth-method none", "invalid choice: 'none'"),
    ],
)
def test_a_usage_error_ends_with_2_and_shows_the_usage(
    arguments: str, message: str, command: Runner
) -> None:
    code, out, err = command(*arguments.split())
    assert (code, out) == (2, "")
    assert err.startswith("usage: bitquery-auth")
    assert message in err.splitlines()[-1]


def test_the_call_without_argparse_has_the_defaults_of_argparse() -> None:
    assert vars(make_parser().parse_args(["token"])) == _TOKEN_OPTIONS


def test_the_options_of_the_sandbox_are_parsed() -> None:
    options = "--port 8080 --lifetime 2.5 --auth-method client_secret_basic"
    parsed = vars(make_parser().parse_args(["sandbox", *options.split()]))
    parsed.pop("run")
    assert parsed == {"port": 8080, "lifetime": 2.5, "auth_method": "client_secret_basic"}


def test_the_version_is_printed(command: Runner) -> None:
    assert command("--version") == (0, f"bitquery_auth {__version__}\n", "")


def test_help_needs_no_library(process: Runner) -> None:
    libraries = ("authlib", "filelock", "httpx", "platformdirs", "requests")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({libraries})); "
        "from bitquery_auth._cli import main; main(['query', '--help'])"
    )
    ran = process.run_python(code)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("usage: bitquery-auth query")


def test_the_installed_command_is_the_same_as_the_module() -> None:
    (script,) = entry_points(group="console_scripts", name="bitquery-auth")
    assert script.load() is main_module.run


def test_the_package_can_be_run_as_a_module() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bitquery_auth", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("usage: bitquery-auth ")
