"""What the environment configures: credentials, files of them, and where the token is kept."""

from pathlib import Path

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.cli.runner import Runner


def test_without_credentials_the_variables_are_named(process: Runner) -> None:
    code, out, err = process("token", BITQUERY_CLIENT_ID=None, BITQUERY_CLIENT_SECRET=None)
    assert (code, out) == (2, "")
    assert err == (
        "bitquery-auth: Set BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SECRET, or BITQUERY_TOKEN to a "
        "token from the account page.\n"
    )


@pytest.mark.parametrize("quote", ['"', "'"])
def test_quotes_of_an_env_file_are_removed(
    quote: str, command: Runner, environment: dict[str, str]
) -> None:
    names = ("CLIENT_ID", "CLIENT_SECRET", "TOKEN_ENDPOINT", "ENDPOINT", "CACHE_DIR")
    quoted = {
        f"BITQUERY_{name}": f"{quote}{environment[f'BITQUERY_{name}']}{quote}" for name in names
    }
    assert command("check", **quoted).code == 0
    assert Path(environment["BITQUERY_CACHE_DIR"]).is_dir()


def test_the_secret_is_read_from_a_file(command: Runner, sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{sandbox.client_secret}\n")
    settings = {"BITQUERY_CLIENT_SECRET": None, "BITQUERY_CLIENT_SECRET_FILE": str(file)}
    assert command("check", **settings).code == 0
    file.unlink()
    code, _, err = command("token", **settings)
    assert code == 2
    assert err.startswith("bitquery-auth: BITQUERY_CLIENT_SECRET_FILE: the file cannot be read: ")


def test_a_token_is_read_from_a_file(command: Runner, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("ory_at_abc\n")
    settings = {"BITQUERY_CLIENT_ID": None, "BITQUERY_TOKEN_FILE": str(tmp_path / "token")}
    assert command("token", **settings) == (0, "ory_at_abc\n", "")
    assert sandbox.token_requests == 0


def test_the_token_is_kept_in_the_named_folder(
    command: Runner, environment: dict[str, str]
) -> None:
    command("token")
    folder = Path(environment["BITQUERY_CACHE_DIR"])
    assert len(list(folder.glob("*.json"))) == 1


def test_the_token_is_kept_in_the_users_cache_folder_by_default(
    process: Runner, sandbox: Sandbox, tmp_path: Path
) -> None:
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": None, "LOCALAPPDATA": str(tmp_path)}
    for _ in range(2):
        assert process("token", BITQUERY_CACHE_DIR=None, **home).code == 0
    assert sandbox.token_requests == 1
    assert list(tmp_path.rglob("bitquery_auth"))


def test_without_the_libraries_of_the_store_they_are_named_and_a_token_is_printed(
    process: Runner, sandbox: Sandbox
) -> None:
    code = (
        "import sys; sys.modules['filelock'] = None; "
        "from bitquery_auth._cli import main; sys.exit(main(['token']))"
    )
    for _ in range(2):
        ran = process.run_python(code)
        assert (ran.code, ran.out[:7]) == (0, "ory_at_")
        assert ran.err.startswith("the token is not kept between runs: ")
        assert "pip install filelock platformdirs" in ran.err
    assert sandbox.token_requests == 2


def test_a_pasted_token_needs_no_store(process: Runner) -> None:
    variables = {"BITQUERY_CLIENT_ID": None, "BITQUERY_TOKEN": "ory_at_abc"}
    ran = process("token", BITQUERY_CACHE_DIR="~nobody-of-this-name/cache", **variables)
    assert ran == (0, "ory_at_abc\n", "")


@pytest.mark.parametrize("folder", ["~nobody-of-this-name/cache", "{file}"])
def test_a_folder_that_cannot_be_used_costs_a_warning_and_no_token(
    folder: str, command: Runner, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    ran = command("token", BITQUERY_CACHE_DIR=folder.format(file=tmp_path / "file"))
    assert (ran.code, ran.out[:7], ran.err) == (0, "ory_at_", "")
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize(
    "url", ["https://streaming.bitquery.io:1/graphql", "https://[::1]:1/graphql"]
)
def test_the_endpoint_may_have_a_port_and_an_ipv6_address(url: str, command: Runner) -> None:
    code, _, err = command(
        "query", "{ x }", "--endpoint", url, BITQUERY_CLIENT_ID=None, BITQUERY_TOKEN="t"
    )
    assert code == 4
    assert "No response from" in err
