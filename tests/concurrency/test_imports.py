"""What is imported when, in programs that have httpx, httpx2, both or neither; each in a fresh interpreter."""

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
            statuses.append(client.post(SETTINGS["url"], json=SETTINGS["query"]).status_code)
        statuses.append(asyncio.run(post(module)))
print(statuses)
"""


@pytest.mark.parametrize(
    ("missing", "statuses"), [(("httpx2",), [200] * 2), (("httpx",), [200] * 2), ((), [200] * 4)], ids=str
)
def test_httpx_auth_serves_whichever_is_installed(
    sandbox: Sandbox, missing: tuple[str, ...], statuses: list[int]
) -> None:
    """Hazards B1, B3: nor does it warn about the one that is not there."""
    assert run_script(POST_EVERY_WAY, sandbox, "-W", "error", missing=missing) == str(statuses)
    assert sandbox.token_requests == 1


def test_httpx_auth_without_either_says_what_to_install(sandbox: Sandbox) -> None:
    """Hazards B1, B2."""
    script = """
    try:
        from bitquery_auth import HTTPXAuth
    except ImportError as error:
        print(error)
    """
    said = run_script(script, sandbox, missing=("httpx", "httpx2"))
    assert said == "HTTPXAuth needs httpx or httpx2: pip install httpx, or pip install 'bitquery_auth[httpx2]'."


def test_everything_else_works_without_either(sandbox: Sandbox) -> None:
    """Hazard B1."""
    script = """
    import asyncio

    source = credentials()
    print(post(requests_auth(source)))
    asyncio.run(source.arenew())
    """
    assert run_script(script, sandbox, "-W", "error", missing=("httpx", "httpx2")) == "200"
    assert sandbox.token_requests == 2


def test_requests_auth_imports_neither_httpx(sandbox: Sandbox) -> None:
    """Hazard B1: nor does the token request, whichever of the two Authlib prefers."""
    script = """
    assert post(requests_auth(credentials())) == 200
    print({"httpx", "httpx2", "trio", "anyio"} & set(sys.modules))
    """
    assert run_script(script, sandbox) == "set()"


def test_the_package_imports_no_client(sandbox: Sandbox) -> None:
    script = """
    import bitquery_auth
    print({"httpx", "httpx2", "requests", "authlib", "urllib3", "asyncio"} & set(sys.modules))
    """
    assert run_script(script, sandbox) == "set()"


@pytest.mark.parametrize("first", ["httpx2.alias_httpx()", "pass"])
def test_httpx2_in_the_place_of_httpx_is_one_base_and_not_two(sandbox: Sandbox, first: str) -> None:
    """Hazard B1."""
    script = f"""
    import httpx2
    {first}
    import httpx
    auth = httpx_auth(credentials())
    bases = [each for each in type(auth).__mro__ if each.__name__ == "Auth" and each in (httpx.Auth, httpx2.Auth)]
    with httpx2.Client(auth=auth) as client:
        print(len(bases), client.post(SETTINGS["url"], json=SETTINGS["query"]).status_code)
    """
    assert run_script(script, sandbox) == ("1 200" if "alias" in first else "2 200")


USE_EVERY_NAME = """
import asyncio, pickle
import bitquery_auth
from bitquery_auth import *

used = {name: getattr(bitquery_auth, name) for name in bitquery_auth.__all__}
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
print(sorted(used) == sorted(bitquery_auth.__all__) == sorted(set(dir(bitquery_auth))))
"""


def test_nothing_public_warns_when_it_is_imported_and_used(sandbox: Sandbox) -> None:
    """Hazard B3."""
    assert run_script(USE_EVERY_NAME, sandbox, "-W", "error") == "True"


def test_a_name_that_is_not_there_is_an_attribute_error(sandbox: Sandbox) -> None:
    assert run_script("import bitquery_auth; print(hasattr(bitquery_auth, 'nothing'))", sandbox) == "False"


def test_making_a_source_imports_all_that_its_first_fetch_needs(sandbox: Sandbox) -> None:
    """Hazard P2: an import that a fetching thread is in the middle of survives a fork as a held lock."""
    script = """
    SETTINGS["endpoint"] = SETTINGS["endpoint"].replace("127.0.0.1", "localhost")
    source = credentials()
    before = set(sys.modules)
    source.token()
    print(sorted(set(sys.modules) - before))
    """
    assert run_script(script, sandbox) == "[]"
