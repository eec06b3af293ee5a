"""Settings that would send the secret somewhere else than it seems are refused before anything is sent."""

import logging

import pytest

from bitquery_auth import ClientCredentials, ConfigurationError, RequestsAuth, StaticToken, websocket_url
from tests.attacks.conftest import SECRET, TOKEN


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://oauth2.bitquery.io/oauth2/token",
        "http://localhost:80@evil.example/token",
        "http://localhost@evil.example/token",
        "http://127.0.0.1@evil.example/token",
        "http://127.0.0.1.evil.example/token",
        "http://localhost.evil.example/token",
        "http://127.evil.example/token",
        "http://[::1]@evil.example/token",
        "http://[::1].evil.example/token",
        "http://evil.example\\@localhost/token",
        "http://evil.example#@localhost/token",
        "http://evil.example?@localhost/token",
        "http://0x7f000001.example/token",
        "http://localhost\t.evil.example/token",
        "http://localhost\n/token",
        "http:\\\\localhost/token",
        "http:/localhost/token",
        "http:localhost/token",
        "//localhost/token",
        "https://user:password@oauth2.bitquery.io/token",
        "https://oauth2.bitquery.io@evil.example/token",
        "https://oauth2.bitquery.io\\.evil.example/token",
        "https://oauth2.bitquery.io/token#evil",
        "https://oauth2.bitquery.io/token?client_secret=x",
        "https://b\u0131tquery.io/token",
        "ftp://oauth2.bitquery.io/token",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https:///token",
        "https://[::1",
        "https://a:b/token",
        "https://a:99999/token",
    ],
)
@pytest.mark.parametrize("setting", ["token_endpoint", "revocation_endpoint"])
def test_an_endpoint_in_the_clear_or_in_disguise_is_refused(setting: str, endpoint: str) -> None:
    """Hazard S4."""
    with pytest.raises(ConfigurationError, match=setting) as caught:
        ClientCredentials("the-id", SECRET, **{setting: endpoint})  # type: ignore[arg-type]  # one of the two
    assert "evil" not in str(caught.value)
    assert "password" not in str(caught.value).replace("a user or a password", "")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_plain_http_stays_on_this_machine(host: str) -> None:
    ClientCredentials("the-id", SECRET, token_endpoint=f"http://{host}:8080/token")


def test_an_opt_in_to_plain_http_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Hazard S4."""
    ClientCredentials("the-id", SECRET, token_endpoint="http://auth.mesh.example/token", insecure_http=True)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert SECRET not in caplog.text


@pytest.mark.parametrize("name", ["X-Token\r\nX-Evil", "X Token", "X-Token:", "", "X-T\u00f6ken", "X-Token\x00", "\tX"])
def test_a_header_name_that_would_begin_another_header_is_refused(name: str) -> None:
    """Hazard S9."""
    with pytest.raises(ConfigurationError, match="header_name"):
        RequestsAuth(StaticToken(TOKEN), header_name=name)


@pytest.mark.parametrize("scheme", ["Bearer\r\nX-Evil: 1", "Be\u00e4rer", " Bearer", "Bearer\x00", "\n"])
def test_a_scheme_that_would_begin_another_header_is_refused(scheme: str) -> None:
    """Hazard S9."""
    with pytest.raises(ConfigurationError, match="scheme"):
        RequestsAuth(StaticToken(TOKEN), scheme=scheme)


@pytest.mark.parametrize("token", ["a\r\nX-Evil: 1", "a\nb", "a\x00b", "a\tb", "\u00e9", "a\x7fb"])
def test_a_pasted_token_that_would_begin_another_header_is_refused(token: str) -> None:
    """Hazard S9."""
    with pytest.raises(ConfigurationError, match="access_token"):
        StaticToken(token)


@pytest.mark.parametrize("client_id", ["a\r\nb", "a\x00b", "", " "])
def test_a_client_id_with_a_line_end_is_refused(client_id: str) -> None:
    with pytest.raises(ConfigurationError, match="client_id"):
        ClientCredentials(client_id, SECRET)


@pytest.mark.parametrize(
    "url",
    [
        "ws://streaming.bitquery.io/graphql",
        "ws://localhost@evil.example/",
        "ws://localhost:80@evil.example/",
        "ws://localhost.evil.example/",
        "ws://[::1].evil.example/",
        "https://streaming.bitquery.io/graphql",
        "wss:///graphql",
        "streaming.bitquery.io",
    ],
)
def test_a_websocket_in_the_clear_gets_no_token(url: str) -> None:
    """Hazards S4, S6."""
    with pytest.raises(ConfigurationError) as caught:
        websocket_url(url, TOKEN)
    assert TOKEN not in str(caught.value)


def test_a_token_in_a_websockets_url_cannot_add_a_field() -> None:
    url = websocket_url("wss://streaming.bitquery.io/graphql?a=1&token=old", "t&admin=1#x y")
    assert url == "wss://streaming.bitquery.io/graphql?a=1&token=t%26admin%3D1%23x%20y"
