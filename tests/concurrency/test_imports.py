"""Programs that have httpx, httpx2, both or neither, each in a fresh interpreter (hazard B1)."""

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.processes.script import run_script

POST_EVERY_WAY = """
import asyncio
from importlib import import_module

auth = httpx_auth(credentials())
statuses = []

async def post(module):
    async with module.AsyncClient(auth=auth) as client:
        return (await client.post(SETTINGS["url"], json=SETTINGS["query"])).status_code

for name in ("httpx", "httpx2"):
    if name not in SETTINGS["missing"]:
        module = import_module(name)
        assert isinstance(auth, module.Auth)
        with module.Client(auth=auth) as client:
            response = client.post(SETTINGS["url"], json=SETTINGS["query"])
            statuses.append(response.status_code)
        statuses.append(asyncio.run(post(module)))
print(statuses)
"""


@pytest.mark.parametrize(
    ("missing", "statuses"),
    [(("httpx2",), [200] * 2), (("httpx",), [200] * 2), ((), [200] * 4)],
    ids=str,
)
def test_httpx_auth_serves_whichever_is_installed_without_a_warning(
    sandbox: Sandbox, missing: tuple[str, ...], statuses: list[int]
) -> None:
    printed = run_script(POST_EVERY_WAY, sandbox, "-W", "error", missing=missing)
    assert printed == str(statuses)
    assert sandbox.token_requests == 1


def test_httpx_auth_without_either_says_what_to_install(sandbox: Sandbox) -> None:
    script = """
    try:
        from bitquery_auth import HTTPXAuth
    except ImportError as error:
        print(error)
    """
    printed = run_script(script, sandbox, missing=("httpx", "httpx2"))
    assert "HTTPXAuth needs httpx or httpx2: pip install httpx" in printed


def test_everything_else_works_without_either_and_imports_neither(sandbox: Sandbox) -> None:
    """Authlib's clients would import one of them."""
    script = """
    import asyncio

    source = credentials()
    print(post(requests_auth(source)))
    asyncio.run(source.arenew())
    print({"httpx", "httpx2", "trio", "anyio"} & set(sys.modules))
    """
    printed = run_script(script, sandbox, "-W", "error", missing=("httpx", "httpx2"))
    assert printed.split("\n") == ["200", "set()"]
    assert sandbox.token_requests == 2


@pytest.mark.parametrize(("first", "bases"), [("httpx2.alias_httpx()", 1), ("pass", 2)])
def test_httpx2_under_the_name_of_httpx_is_one_base_and_not_two(
    sandbox: Sandbox, first: str, bases: int
) -> None:
    script = f"""
    import httpx2
    {first}
    import httpx
    auth = httpx_auth(credentials())
    print(len({{httpx.Auth, httpx2.Auth}} & set(type(auth).__mro__)))
    with httpx2.Client(auth=auth) as client:
        print(client.post(SETTINGS["url"], json=SETTINGS["query"]).status_code)
    """
    assert run_script(script, sandbox).split() == [str(bases), "200"]


USE_EVERY_NAME = """
import asyncio, pickle
import bitquery_auth
from bitquery_auth import *

source = credentials()
short = ShortTermToken(source, endpoint=SETTINGS["url"])
assert isinstance(source.token(), Token) and isinstance(short.token(), Token)
assert isinstance(StaticToken("abc"), TokenSource)
assert websocket_url("wss://streaming.bitquery.io/graphql", source.token())
for auth in (RequestsAuth, HTTPXAuth):
    pickle.loads(pickle.dumps(auth(short, allowed_hosts=SETTINGS["hosts"])))
for error in (TokenEndpointError, TokenRequestError, InvalidTokenResponseError, ConfigurationError):
    assert issubclass(error, BitqueryAuthError)
try:
    from_env()
except ConfigurationError:
    pass
asyncio.run(source.arenew())
source.discard(source.token())
print(sorted(getattr(bitquery_auth, "__all__")) == sorted(set(dir(bitquery_auth))))
"""


def test_nothing_public_warns_when_it_is_imported_and_used(sandbox: Sandbox) -> None:
    """Programs that treat warnings as errors go on (hazard B3)."""
    assert run_script(USE_EVERY_NAME, sandbox, "-W", "error") == "True"
