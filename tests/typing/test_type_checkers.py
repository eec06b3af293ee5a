"""mypy and pyright accept right code and find wrong code, also where httpx2 is not installed."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytest.importorskip("mypy")
pytest.importorskip("pyright")

pytestmark = pytest.mark.matrix

ROOT = Path(__file__).parents[2]
RIGHT = (Path(__file__).parent / "right.py").read_text(encoding="utf-8")

_IMPORTS = """\
import httpx
import requests
from bitquery_auth import *
from bitquery_auth import ClientCredentials, HTTPXAuth, RequestsAuth, StaticToken, Token
from bitquery_auth import FileTokenStore, ShortTermToken, TokenEndpointError, TokenSource
from bitquery_auth import TokenStore, from_env, websocket_url

class NoSource:
    def token(self) -> str:
        return "token"

class NoStore:
    def get(self, key: str) -> str:
        return ""

def no_predicate(response: requests.Response) -> str:
    return ""

source = ClientCredentials("id", "secret")
token = source.token()
error = TokenEndpointError("")
"""

WRONG = [
    'ClientCredentials("id")',
    'ClientCredentials("id", 5)',
    'ClientCredentials("id", "secret", "api")',
    'ClientCredentials("id", "secret", leway=5)',
    'ClientCredentials("id", "secret", leeway="5")',
    'ClientCredentials("id", "secret", timeout=None)',
    'ClientCredentials("id", "secret", token_endpoint_auth_method="none")',
    'ClientCredentials("id", "secret", token_endpoint_auth_method=lambda: None)',
    'ClientCredentials("id", "secret", token_headers=["x-api-key"])',
    'ClientCredentials("id", "secret", token_params={"audience": 5})',
    'ClientCredentials("id", "secret", verify=None)',
    'ClientCredentials("id", "secret", store=NoStore())',
    "StaticToken(5)",
    "StaticToken(lambda: 5)",
    'ShortTermToken("token")',
    "ShortTermToken(source, lifetime='600')",
    "RequestsAuth()",
    'RequestsAuth("id", "secret")',
    "RequestsAuth(NoSource())",
    "RequestsAuth(ClientCredentials)",
    'RequestsAuth(source, replay="always")',
    "RequestsAuth(source, is_auth_failure=no_predicate)",
    "RequestsAuth(source, allowed=())",
    'HTTPXAuth("id", "secret")',
    "HTTPXAuth(NoSource())",
    'HTTPXAuth(source, replay="always")',
    "HTTPXAuth(source, allowed=())",
    'httpx.get("https://localhost/", auth=RequestsAuth(source))',
    'httpx.get("https://localhost/", auth=source)',
    "httpx.Client(auth=HTTPXAuth)",
    'requests.get("https://localhost/", auth=HTTPXAuth(source))',
    'requests.get("https://localhost/", auth=source)',
    'Token("token", "Bearer")',
    'token.scope = "other"',
    "token.expires_in = 5",
    "token.access_tokn",
    "source.discard(5)",
    "source.tokn()",
    "token + 'x'",
    "error.status",
    "websocket_url(5, token)",
    "import bitquery_auth; bitquery_auth.Nothing",
    "FileTokenStore(5)",
    "s: TokenSource = NoSource()",
    "t: TokenStore = NoStore()",
]

_LINES_BEFORE = _IMPORTS.count("\n")


def _without_httpx2(folder: Path) -> Path:
    """Make an environment that has all packages of this one but httpx2."""
    builder = venv.EnvBuilder(symlinks=os.name != "nt")
    builder.create(folder)
    variables = {"base": str(folder)}
    packages = Path(sysconfig.get_path("purelib", "venv", vars=variables))
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        if not package.name.startswith("httpx2"):
            (packages / package.name).symlink_to(package)
    return Path(builder.ensure_directories(folder).env_exe)


@pytest.fixture(scope="module", params=["everything installed", "without httpx2"])
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment."""
    if request.param == "everything installed":
        return Path(sys.executable)
    return _without_httpx2(tmp_path_factory.mktemp("without") / "httpx2")


CHECKERS = {
    "mypy": "mypy --strict --python-executable {python} --cache-dir {folder}/cache "
    "--config-file {nothing} {folder}",
    "pyright": "pyright --pythonpath {python} --project {folder}",
}


@pytest.fixture(scope="module", params=CHECKERS)
def output(
    request: pytest.FixtureRequest, python: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """What a type checker says about the right and the wrong code."""
    folder = tmp_path_factory.mktemp("checked")
    lines = RIGHT.splitlines(keepends=True)
    if python != Path(sys.executable):
        lines = [line for line in lines if "httpx2" not in line]
    (folder / "right.py").write_text("".join(lines), encoding="utf-8")
    (folder / "wrong.py").write_text(_IMPORTS + "\n".join(WRONG) + "\n", encoding="utf-8")
    (folder / "pyrightconfig.json").write_text(f'{{"extraPaths": ["{ROOT}"]}}', encoding="utf-8")
    command = CHECKERS[request.param].format(python=python, folder=folder, nothing=os.devnull)
    return subprocess.run(
        [sys.executable, "-m", *command.split()],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=300,
        check=False,
        env={**os.environ, "MYPYPATH": str(ROOT)},
    ).stdout


@pytest.mark.parametrize("code", WRONG)
def test_a_type_checker_finds_wrong_code(output: str, code: str) -> None:
    number = _LINES_BEFORE + 1 + WRONG.index(code)
    assert re.search(rf"wrong\.py:{number}(:\d+)?(:| -) error", output)


def test_a_type_checker_accepts_right_code(output: str) -> None:
    assert [line for line in output.splitlines() if "right.py:" in line] == []
    numbers = re.findall(r"wrong\.py:(\d+)(?::\d+)?(?::| -) error", output)
    assert numbers
    assert min(map(int, numbers)) > _LINES_BEFORE, "what the wrong code stands on is wrong"
