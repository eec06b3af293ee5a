"""Endpoints: where the secret is sent, so https, or this machine, and nothing in the URL that gets logged."""

from functools import partial

import pytest

from bitquery_auth._checks import check_endpoint, sends_in_the_clear
from bitquery_auth._errors import ConfigurationError

check = partial(check_endpoint, "the_field", insecure_http=False)
SENTINEL = "S3NTINEL"


def refusal_of(value: str) -> str:
    """The message of the ConfigurationError, which names the field and shows no value."""
    with pytest.raises(ConfigurationError) as caught:
        check(value)
    message = str(caught.value)
    assert message.startswith("the_field")
    assert message.endswith(".")
    assert SENTINEL.lower() not in message.lower()
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return message


@pytest.mark.parametrize(
    "value",
    [
        "https://auth.example.com/oauth2/token",
        "https://auth.example.com",
        "https://auth.example.com:8443/token?tenant=a&p=",
        "HTTPS://AUTH.EXAMPLE.COM/token",
        "https://[2001:db8::1]/token",
        "https://xn--bcher-kva.example/token",
        "http://localhost:8080/token",
        "http://127.0.0.1/token",
        "http://127.255.0.1/token",
        "http://[::1]:8080/token",
        "http://LOCALHOST./token",
    ],
)
def test_https_anywhere_and_http_on_this_machine_are_taken_as_they_are(value: str) -> None:
    assert check(value) == value


@pytest.mark.parametrize(
    "value",
    [
        f"http://{SENTINEL}.example.com/token",
        "http://localhost.evil.com/token",
        "http://127.0.0.1.evil.com/token",
        "http://10.0.0.1/token",
        "http://127.1/token",
        "http://0.0.0.0/token",
        "http://[::2]/token",
        "http://localhost%2eevil.com/token",
        "http://localhost;evil.com/token",
    ],
)
def test_http_beyond_this_machine_is_refused(value: str) -> None:
    """Hazard S4."""
    message = refusal_of(value)
    assert "must be https: credentials would cross the network readable" in message
    assert "insecure_http=True" in message


def test_insecure_http_lets_http_be_used_and_nothing_else() -> None:
    insecure = partial(check_endpoint, "field", insecure_http=True)
    assert insecure("http://auth.mesh/token") == "http://auth.mesh/token"
    with pytest.raises(ConfigurationError, match="scheme and host"):
        insecure("ftp://auth.mesh/token")


@pytest.mark.parametrize(
    "value",
    [
        f"https://{SENTINEL}@auth.example.com/token",
        f"https://id:{SENTINEL}@auth.example.com/token",
        "https://@auth.example.com/token",
        f"http://localhost:80@{SENTINEL}.com/token",
        f"http://localhost@{SENTINEL}.com/token",
    ],
)
def test_a_user_in_the_url_is_refused(value: str) -> None:
    """Hazard S4: also where it looks like the host."""
    assert "must not hold a user or a password: they have settings of their own" in refusal_of(value)


@pytest.mark.parametrize("value", [f"https://auth.example.com/token#{SENTINEL}", "https://auth.example.com/#"])
def test_a_fragment_is_refused(value: str) -> None:
    assert "must not have a fragment" in refusal_of(value)


@pytest.mark.parametrize(
    "name", ["token", "access_token", "client_secret", "TOKEN", "Client_Secret", "client%5Fsecret"]
)
@pytest.mark.parametrize("form", ["?{}=S3NTINEL", "?a=b&{}=S3NTINEL", "?{}=", "?{}=S3NTINEL&{}=again"])
def test_a_secret_in_the_query_is_refused(name: str, form: str) -> None:
    """Hazards S5, S6: URLs are logged."""
    message = refusal_of("https://auth.example.com/token" + form.replace("{}", name))
    assert "must not hold a token or secret in its query" in message


@pytest.mark.parametrize("value", ["https://h/token?tokens=1", "https://h/access_token", "https://h/?a=token"])
def test_what_is_no_secret_in_the_query_is_taken(value: str) -> None:
    assert check(value) == value


@pytest.mark.parametrize(
    "value",
    [
        SENTINEL,
        f"{SENTINEL}/token",
        f"//{SENTINEL}/token",
        f"ftp://{SENTINEL}/token",
        f"ws://{SENTINEL}/token",
        f"file:///{SENTINEL}",
        f"https:/{SENTINEL}",
        f"https:{SENTINEL}",
        f"https:///{SENTINEL}",
        "https://",
        "https://:443/token",
        f"httpss://{SENTINEL}",
    ],
)
def test_what_has_no_scheme_or_host_is_refused(value: str) -> None:
    assert "must be a URL with scheme and host, such as https://host/path" in refusal_of(value)


@pytest.mark.parametrize(
    "value", [f"https://[{SENTINEL}/token", f"https://{SENTINEL}:99999/", f"https://{SENTINEL}:port/", "https://[::g]/"]
)
def test_what_cannot_be_parsed_is_refused(value: str) -> None:
    assert "is not a URL: it should look like https://host/path" in refusal_of(value)


@pytest.mark.parametrize(
    "value",
    [
        f"https://{SENTINEL}.com/to ken",
        f" https://{SENTINEL}.com/",
        f"https://{SENTINEL}.com/\n",
        f"https://{SENTINEL}.com\\@evil.com/",
        f"https://{SENTINEL}é.com/",
        f"https://{SENTINEL}.com/\t",
        f"https://{SENTINEL}\u2100.com/",
        f"https://{SENTINEL}.com/\x7f",
    ],
)
def test_what_parsers_disagree_about_is_refused(value: str) -> None:
    """Hazards S4, S9."""
    assert "must be a URL of printable ASCII with no spaces: copy it again" in refusal_of(value)


@pytest.mark.parametrize("value", ["", "  "])
def test_a_blank_endpoint_is_refused_as_blank(value: str) -> None:
    assert "is blank" in refusal_of(value)


@pytest.mark.parametrize(
    ("value", "clear"),
    [
        (None, False),
        ("https://a.example/", False),
        ("http://localhost/", False),
        ("http://[::1]:1/", False),
        ("http://a.example/", True),
        ("HTTP://a.example/", True),
    ],
)
def test_only_http_beyond_this_machine_is_sent_in_the_clear(value: str | None, clear: bool) -> None:  # noqa: FBT001
    assert sends_in_the_clear(value) is clear
