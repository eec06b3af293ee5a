"""Settings from the environment: what each variable gives, and errors that name variables and no value."""

import pytest

from bitquery_auth import ClientCredentials, ConfigurationError, StaticToken, from_env

SENTINEL = "S3NTINEL"
TOKEN = f"ory_at_{SENTINEL}"

Patch = pytest.MonkeyPatch


def setenv(monkeypatch: Patch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def refusal_of_from_env(prefix: str | None = None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        from_env() if prefix is None else ClientCredentials.from_env(prefix)
    assert SENTINEL not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_id_and_secret_give_client_credentials(monkeypatch: Patch) -> None:
    setenv(monkeypatch, BITQUERY_CLIENT_ID="the-id", BITQUERY_CLIENT_SECRET=SENTINEL)
    for source in (from_env(), ClientCredentials.from_env()):
        assert isinstance(source, ClientCredentials)
        assert "client_id='the-id'" in repr(source)
        assert source.token_endpoint == "https://oauth2.bitquery.io/oauth2/token"
        assert SENTINEL not in repr(source)


@pytest.mark.parametrize("missing", [("CLIENT_ID",), ("CLIENT_SECRET",), ("CLIENT_ID", "CLIENT_SECRET")])
@pytest.mark.parametrize("blank", [None, "", "  ", "\n"])
@pytest.mark.parametrize("prefix", ["BITQUERY_", "MY_", ""])
def test_every_missing_or_blank_variable_is_named_at_once(
    monkeypatch: Patch, missing: tuple[str, ...], blank: str | None, prefix: str
) -> None:
    """Hazard G8."""
    for name in ("CLIENT_ID", "CLIENT_SECRET"):
        if name not in missing:
            monkeypatch.setenv(prefix + name, SENTINEL)
        elif blank is None:
            monkeypatch.delenv(prefix + name, raising=False)
        else:
            monkeypatch.setenv(prefix + name, blank)
    message = refusal_of_from_env(prefix)
    names = " and ".join(prefix + name for name in missing)
    assert message == f"{names} {'is' if len(missing) == 1 else 'are'} not set (or blank) in the environment."


def test_a_prefix_of_ones_own_is_the_only_one_that_is_read(monkeypatch: Patch) -> None:
    """Hazard G8."""
    setenv(monkeypatch, BITQUERY_CLIENT_ID="theirs", BITQUERY_CLIENT_SECRET=SENTINEL)
    setenv(monkeypatch, MY_CLIENT_ID="mine", MY_CLIENT_SECRET=SENTINEL)
    assert "client_id='mine'" in repr(ClientCredentials.from_env("MY_"))
    assert "client_id='mine'" in repr(ClientCredentials.from_env(prefix="MY_"))


def test_the_optional_variables_are_settings_too(monkeypatch: Patch) -> None:
    setenv(
        monkeypatch,
        BITQUERY_CLIENT_ID="the-id",
        BITQUERY_CLIENT_SECRET=SENTINEL,
        BITQUERY_TOKEN_ENDPOINT="https://auth.example.com/token",
        BITQUERY_REVOCATION_ENDPOINT="https://auth.example.com/revoke",
        BITQUERY_TOKEN_ENDPOINT_AUTH_METHOD="client_secret_basic",
        BITQUERY_SCOPE="a b",
    )
    source = from_env()
    assert isinstance(source, ClientCredentials)
    settings = source._settings
    assert settings["client_secret"] == SENTINEL
    assert settings["token_endpoint"] == source.token_endpoint == "https://auth.example.com/token"
    assert settings["revocation_endpoint"] == "https://auth.example.com/revoke"
    assert settings["token_endpoint_auth_method"] == "client_secret_basic"
    assert settings["scope"] == "a b"


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("TOKEN_ENDPOINT", f"http://{SENTINEL}.com/", "token_endpoint"),
        ("REVOCATION_ENDPOINT", SENTINEL, "revocation_endpoint"),
        ("TOKEN_ENDPOINT_AUTH_METHOD", SENTINEL, "token_endpoint_auth_method"),
        ("SCOPE", f'"{SENTINEL}"', "scope"),
    ],
)
def test_a_bad_variable_is_told_like_the_setting(monkeypatch: Patch, name: str, value: str, field: str) -> None:
    setenv(monkeypatch, BITQUERY_CLIENT_ID="the-id", BITQUERY_CLIENT_SECRET=SENTINEL)
    monkeypatch.setenv(f"BITQUERY_{name}", value)
    assert field in refusal_of_from_env()


@pytest.mark.parametrize("name", ["TOKEN_ENDPOINT", "REVOCATION_ENDPOINT", "TOKEN_ENDPOINT_AUTH_METHOD", "SCOPE"])
def test_a_blank_optional_variable_counts_as_missing(monkeypatch: Patch, name: str) -> None:
    """Hazard G8."""
    setenv(monkeypatch, BITQUERY_CLIENT_ID="the-id", BITQUERY_CLIENT_SECRET=SENTINEL)
    without = ClientCredentials.from_env()._settings
    monkeypatch.setenv(f"BITQUERY_{name}", "  ")
    assert ClientCredentials.from_env()._settings == without


def test_space_around_a_value_is_none_of_it(monkeypatch: Patch) -> None:
    setenv(monkeypatch, BITQUERY_CLIENT_ID=" the-id ", BITQUERY_CLIENT_SECRET=f"{SENTINEL}\r\n")
    settings = ClientCredentials.from_env()._settings
    assert (settings["client_id"], settings["client_secret"]) == ("the-id", SENTINEL)


@pytest.mark.parametrize("name", ["BITQUERY_TOKEN", "BITQUERY_ACCESS_TOKEN", "BITQUERY_API_KEY"])
@pytest.mark.parametrize("value", [TOKEN, f"Bearer {TOKEN}", f'"{TOKEN}"', f" {TOKEN}\n"])
def test_a_token_gives_a_static_token(monkeypatch: Patch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    source = from_env()
    assert isinstance(source, StaticToken)
    assert source.token().access_token == TOKEN


@pytest.mark.parametrize("name", ["BITQUERY_TOKEN", "BITQUERY_ACCESS_TOKEN"])
def test_a_variable_for_tokens_takes_any_token(monkeypatch: Patch, name: str) -> None:
    monkeypatch.setenv(name, "BQY-not-judged-here")
    assert from_env().token().access_token == "BQY-not-judged-here"


def test_id_and_secret_come_before_a_token(monkeypatch: Patch) -> None:
    setenv(monkeypatch, BITQUERY_CLIENT_ID="the-id", BITQUERY_CLIENT_SECRET=SENTINEL, BITQUERY_TOKEN=TOKEN)
    assert isinstance(from_env(), ClientCredentials)


@pytest.mark.parametrize("name", ["BITQUERY_CLIENT_ID", "BITQUERY_CLIENT_SECRET"])
def test_one_of_the_two_leaves_the_place_to_a_token(monkeypatch: Patch, name: str) -> None:
    setenv(monkeypatch, **{name: SENTINEL, "BITQUERY_TOKEN": TOKEN})
    assert isinstance(from_env(), StaticToken)


def test_the_first_token_that_is_set_counts(monkeypatch: Patch) -> None:
    setenv(monkeypatch, BITQUERY_TOKEN=" ", BITQUERY_ACCESS_TOKEN="second", BITQUERY_API_KEY="ory_at_third")
    assert from_env().token().access_token == "second"
    monkeypatch.setenv("BITQUERY_TOKEN", "first")
    assert from_env().token().access_token == "first"


def test_with_nothing_set_every_way_is_named() -> None:
    """Hazard G8."""
    assert refusal_of_from_env() == (
        "Set BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SECRET, or BITQUERY_TOKEN to a token from the account page."
    )


def test_with_one_of_the_two_set_only_the_other_is_named(monkeypatch: Patch) -> None:
    """Hazard G8."""
    monkeypatch.setenv("BITQUERY_CLIENT_ID", SENTINEL)
    message = refusal_of_from_env()
    assert message.startswith("Set BITQUERY_CLIENT_SECRET, or BITQUERY_TOKEN")


@pytest.mark.parametrize("value", [f"BQY{SENTINEL}", f"bqy{SENTINEL}", f'"BQY{SENTINEL}"', f" 'BQY{SENTINEL}' "])
def test_a_v1_key_gets_an_error_that_says_so(monkeypatch: Patch, value: str) -> None:
    monkeypatch.setenv("BITQUERY_API_KEY", value)
    message = refusal_of_from_env()
    assert "BITQUERY_API_KEY holds a V1 key" in message
    assert "BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SECRET" in message


def test_an_api_key_that_is_no_token_is_told_where_tokens_go(monkeypatch: Patch) -> None:
    monkeypatch.setenv("BITQUERY_API_KEY", SENTINEL)
    message = refusal_of_from_env()
    assert "BITQUERY_API_KEY holds no OAuth token (ory_at_…)" in message
    assert "BITQUERY_TOKEN" in message


def test_a_token_that_no_header_can_carry_is_told_without_it(monkeypatch: Patch) -> None:
    """Hazard S9."""
    monkeypatch.setenv("BITQUERY_TOKEN", f"{SENTINEL}\r\nX: y")
    refusal_of_from_env()
