"""Settings from environment variables: errors name variables, never their values."""

from pathlib import Path
from typing import Any

import pytest

from bitquery_auth import ClientCredentials, StaticToken, from_env
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.kit.recorded import form_of, token_posts
from tests.settings.conftest import SENTINEL, message_of

TOKEN = f"ory_at_{SENTINEL}"

Patch = pytest.MonkeyPatch


def setenv(monkeypatch: Patch, prefix: str = "BITQUERY_", **variables: object) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(prefix + name, str(value))


@pytest.fixture
def credentials(monkeypatch: Patch, sandbox: Sandbox) -> Sandbox:
    """The sandbox, whose application is described by the environment."""
    setenv(
        monkeypatch,
        CLIENT_ID=sandbox.client_id,
        CLIENT_SECRET=sandbox.client_secret,
        TOKEN_ENDPOINT=sandbox.token_endpoint,
    )
    return sandbox


# -- client credentials ----------------------------------------------------------------------------


def test_id_and_secret_make_client_credentials_at_bitquery(monkeypatch: Patch) -> None:
    setenv(monkeypatch, CLIENT_ID="the-id", CLIENT_SECRET=SENTINEL, TOKEN=TOKEN)
    for source in (from_env(), ClientCredentials.from_env()):
        assert isinstance(source, ClientCredentials)
        assert "client_id='the-id'" in repr(source)
        assert "https://oauth2.bitquery.io/oauth2/token" in repr(source)
        assert SENTINEL not in repr(source)


def test_the_optional_variables_are_settings_as_well(
    monkeypatch: Patch, credentials: Sandbox
) -> None:
    setenv(monkeypatch, SCOPE="  ", TOKEN_ENDPOINT_AUTH_METHOD="", REVOCATION_ENDPOINT="''")
    assert from_env().token().access_token, "a blank one counts as one that is not set"
    credentials.token_endpoint_auth_method = "client_secret_basic"
    credentials.allowed_scopes = ("api", "other")
    setenv(
        monkeypatch,
        TOKEN_ENDPOINT_AUTH_METHOD="client_secret_basic",
        SCOPE="api other",
        REVOCATION_ENDPOINT=credentials.revocation_endpoint,
    )
    source = ClientCredentials.from_env()
    assert source.token().scope == "api other"
    assert source.revoke()
    assert credentials.revocation_requests == 1


def test_settings_that_are_given_win_over_the_environment_and_need_not_be_in_it(
    monkeypatch: Patch, sandbox: Sandbox
) -> None:
    given: dict[str, Any] = {
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "token_endpoint": sandbox.token_endpoint,
        "scope": "api",
    }
    assert from_env(**given).token().access_token
    setenv(monkeypatch, SCOPE="nonsense", CLIENT_SECRET="wrong")
    for source in (from_env(**given), ClientCredentials.from_env(**given)):
        source.token()
        assert form_of(token_posts(sandbox)[-1])["scope"] == "api"


def test_another_prefix_is_the_only_one_that_is_read(
    monkeypatch: Patch, credentials: Sandbox
) -> None:
    setenv(monkeypatch, "MY_", CLIENT_ID="mine", CLIENT_SECRET=SENTINEL)
    assert "client_id='mine'" in repr(ClientCredentials.from_env("MY_"))
    assert credentials.token_endpoint not in repr(ClientCredentials.from_env(prefix="MY_"))


@pytest.mark.parametrize(("prefix", "blank"), [("BITQUERY_", None), ("MY_", " \n"), ("", "''")])
def test_every_missing_variable_is_named_at_once(
    monkeypatch: Patch, prefix: str, blank: str | None
) -> None:
    """Hazard G8: a variable that is set but empty is the usual slip of a deployment."""
    if blank is not None:
        setenv(monkeypatch, prefix, CLIENT_ID=blank, CLIENT_SECRET=blank)
    message = message_of(lambda: ClientCredentials.from_env(prefix))
    assert f"{prefix}CLIENT_ID and {prefix}CLIENT_SECRET are not set" in message
    setenv(monkeypatch, prefix, CLIENT_ID=SENTINEL)
    message = message_of(lambda: ClientCredentials.from_env(prefix))
    assert f"{prefix}CLIENT_SECRET is not set" in message


@pytest.mark.parametrize("name", ["TOKEN_ENDPOINT", "REVOCATION_ENDPOINT", "SCOPE"])
def test_a_bad_variable_is_an_error_that_names_the_setting(monkeypatch: Patch, name: str) -> None:
    setenv(monkeypatch, CLIENT_ID="the-id", CLIENT_SECRET=SENTINEL, **{name: f"{SENTINEL}  x"})
    assert name.lower() in message_of(from_env)


@pytest.mark.parametrize(
    ("given", "secret"),
    [
        (' "with\'quotes" \n', "with'quotes"),
        ("'with\"quotes'", 'with"quotes'),
        ("' padded '", "padded"),
        ("'half", "'half"),
        ('half"', 'half"'),
        ("'two kinds\"", "'two kinds\""),
    ],
)
def test_one_pair_of_quotes_around_a_value_comes_off(
    monkeypatch: Patch, credentials: Sandbox, given: str, secret: str
) -> None:
    """``docker run --env-file`` keeps the quotes of ``KEY="value"``."""
    credentials.client_secret = secret
    setenv(monkeypatch, CLIENT_SECRET=given, CLIENT_ID=f"'{credentials.client_id}'")
    assert from_env().token().access_token


@pytest.mark.parametrize("url", [SENTINEL, f"https://[{SENTINEL}", f"https://{SENTINEL}:port/"])
def test_an_endpoint_that_is_not_a_url_is_an_error_that_names_the_variable(
    monkeypatch: Patch, url: str
) -> None:
    setenv(monkeypatch, TOKEN="x", ENDPOINT=url)
    assert "BITQUERY_ENDPOINT must be a URL" in message_of(from_env)


# -- tokens ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["TOKEN", "ACCESS_TOKEN", "API_KEY"])
def test_a_token_makes_a_static_token_and_a_v1_key_is_an_error_that_says_so(
    monkeypatch: Patch, name: str
) -> None:
    for value in (TOKEN, f"Bearer {TOKEN}", f'"{TOKEN}"', f"Authorization: Bearer {TOKEN}"):
        setenv(monkeypatch, **{name: value})
        source = from_env()
        assert isinstance(source, StaticToken)
        assert source.token().access_token == TOKEN
    for value in (f"BQY{SENTINEL}", f'"BQY{SENTINEL}"'):
        setenv(monkeypatch, **{name: value})
        message = message_of(lambda: from_env().token())
        assert f"BITQUERY_{name} holds a V1 key" in message
        assert "BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SECRET" in message


def test_the_first_token_variable_that_is_set_counts(monkeypatch: Patch) -> None:
    setenv(monkeypatch, TOKEN=" ", ACCESS_TOKEN="second", API_KEY="ory_at_third", CLIENT_ID="id")
    assert from_env().token().access_token == "second"
    setenv(monkeypatch, TOKEN="first")
    assert from_env().token().access_token == "first"


@pytest.mark.parametrize(
    ("name", "value", "rules"),
    [
        ("API_KEY", SENTINEL, ["BITQUERY_API_KEY holds no OAuth token (ory_at_…)", "_TOKEN"]),
        ("TOKEN", f"{SENTINEL}\r\nX: y", ["printable ASCII"]),
        ("CLIENT_ID", SENTINEL, ["Set BITQUERY_CLIENT_SECRET, or BITQUERY_TOKEN", "Automatic"]),
        ("OTHER", "", ["Set BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SECRET, or BITQUERY_TOKEN"]),
    ],
)
def test_without_a_usable_variable_the_error_says_what_to_set(
    monkeypatch: Patch, name: str, value: str, rules: list[str]
) -> None:
    setenv(monkeypatch, **{name: value})
    message = message_of(from_env)
    assert [rule for rule in rules if rule not in message] == []
    assert ("Automatic" in message) is (name == "CLIENT_ID"), "only there a secret is missing"


# -- files -----------------------------------------------------------------------------------------


def test_a_secret_in_a_file_is_read_at_each_fetch(
    monkeypatch: Patch, credentials: Sandbox, tmp_path: Path
) -> None:
    """Hazard K8: Docker and Kubernetes mount secrets as files, and replace them when rotated."""
    path = tmp_path / "secret"
    monkeypatch.delenv("BITQUERY_CLIENT_SECRET")
    setenv(monkeypatch, CLIENT_SECRET_FILE=path)
    source = from_env()
    for secret in (credentials.client_secret, "rotated"):
        credentials.client_secret = secret
        path.write_text(f"{secret}\n", encoding="utf-8")
        source.renew()
    assert [form_of(post)["client_secret"] for post in token_posts(credentials)][1] == "rotated"


def test_a_token_in_a_file_is_read_each_time(monkeypatch: Patch, tmp_path: Path) -> None:
    path = tmp_path / "token"
    setenv(monkeypatch, TOKEN_FILE=path)
    source = from_env()
    for token, encoding in (("first", "utf-8"), ("second", "utf-8-sig")):
        path.write_text(f"Bearer {token}\n", encoding=encoding)
        assert source.token().access_token == token
    path.write_text(f"BQY{SENTINEL}", encoding="utf-8")
    assert "V1 key" in message_of(source.token)


def test_the_variable_of_a_file_that_is_gone_is_named_in_the_log_as_well(
    monkeypatch: Patch,
    credentials: Sandbox,
    clock: Clock,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "secret"
    path.write_text(credentials.client_secret, encoding="utf-8")
    monkeypatch.delenv("BITQUERY_CLIENT_SECRET")
    setenv(monkeypatch, CLIENT_SECRET_FILE=path)
    source = from_env(renew_ahead=0)
    token = source.token()
    path.unlink()
    clock.advance(credentials.lifetime - 30)
    assert source.token() == token
    assert "BITQUERY_CLIENT_SECRET_FILE: the file cannot be read" in caplog.text


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file"), (b"\n", "empty"), (b"\xff\xfe", "UTF-8")]
)
def test_a_file_that_cannot_be_read_is_an_error_that_names_the_variable(
    monkeypatch: Patch, credentials: Sandbox, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.delenv("BITQUERY_CLIENT_SECRET")
    setenv(monkeypatch, CLIENT_SECRET_FILE=path)
    message = message_of(from_env().token)
    assert "BITQUERY_CLIENT_SECRET_FILE" in message
    assert reason in message
    assert credentials.token_requests == 0
