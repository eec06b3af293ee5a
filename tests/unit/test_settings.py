"""Every bad setting is told at construction: the field, the rule and the way out, and never the value."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from bitquery_auth import (
    ClientCredentials,
    ConfigurationError,
    HTTPXAuth,
    RequestsAuth,
    ShortTermToken,
    StaticToken,
    Token,
    websocket_url,
)

# Every bad value that can hold it does: it stands for a secret in the wrong place.
SENTINEL = "S3NTINEL"

Make = Callable[..., object]


def credentials(**settings: Any) -> object:
    return ClientCredentials(**{"client_id": "id", "client_secret": "secret", **settings})


def short_term(**settings: Any) -> object:
    return ShortTermToken(**{"source": StaticToken("x"), **settings})


def by_requests(**settings: Any) -> object:
    return RequestsAuth(**{"source": StaticToken("x"), **settings})


def by_httpx(**settings: Any) -> object:
    return HTTPXAuth(**{"source": StaticToken("x"), **settings})


NOT_TEXT = [None, 5, SENTINEL.encode(), [SENTINEL]]
NOT_PLAIN = ["", "  ", f"{SENTINEL}\n", f"{SENTINEL}\0"]
NOT_SECONDS = [-1, math.nan, SENTINEL, "60", True, [60]]
NOT_A_FLAG = [None, 1, 0, SENTINEL]
NOT_AN_ENDPOINT = [
    *NOT_TEXT[1:],
    "",
    SENTINEL,
    f"http://{SENTINEL}.com/",
    f"https://{SENTINEL}@a.example/",
    f"https://a.example/#{SENTINEL}",
    f"https://a.example/?client_secret={SENTINEL}",
    f"https://{SENTINEL}.com/a b",
    f"ftp://{SENTINEL}.com/",
    f"https://[{SENTINEL}",
]

TRANSPORT: dict[str, list[Any]] = {
    "leeway": [*NOT_SECONDS, None],
    "renew_ahead": NOT_SECONDS,
    "timeout": [*NOT_SECONDS, 0, None],
    "verify": [None, 1, SENTINEL.encode(), [SENTINEL], "", "  "],
    "cert": [5, True, SENTINEL.encode(), (SENTINEL,), (SENTINEL, SENTINEL, SENTINEL), (SENTINEL, 5), "", ("", "")],
    "proxies": [
        SENTINEL,
        [SENTINEL],
        5,
        {"https": 5},
        {5: SENTINEL},
        {"https": f"http://user:{SENTINEL}@a.example:3128\n"},
        {"https\0": f"http://{SENTINEL}.example"},
    ],
    "trust_env": NOT_A_FLAG,
    "insecure_http": NOT_A_FLAG,
}
AUTH: dict[str, list[Any]] = {
    "source": [None, SENTINEL, 5, (SENTINEL, SENTINEL), {"token": SENTINEL}, StaticToken, object()],
    "allowed_hosts": [
        None,
        SENTINEL,
        SENTINEL.encode(),
        5,
        (),
        [],
        [""],
        [f"https://{SENTINEL}"],
        [f"{SENTINEL}@x"],
        [5],
    ],
    "header_name": [*NOT_TEXT, "", f"{SENTINEL} x", f"{SENTINEL}:", f"{SENTINEL}\r\n", f"{SENTINEL}é"],
    "scheme": [None, 5, " ", f"{SENTINEL} ", f"{SENTINEL}\r\n", f"{SENTINEL}é"],
    "is_auth_failure": [None, 401, SENTINEL, [401]],
    "replay": [None, "", SENTINEL, "ALL", True, ["all"]],
    "insecure_http": NOT_A_FLAG,
}
BAD: dict[Make, dict[str, list[Any]]] = {
    credentials: {
        "client_id": [*NOT_TEXT, *NOT_PLAIN],
        "client_secret": [*NOT_TEXT, *NOT_PLAIN],
        "token_endpoint": [*NOT_AN_ENDPOINT, None],
        "revocation_endpoint": NOT_AN_ENDPOINT,
        "token_endpoint_auth_method": [None, "", SENTINEL, "none", "client_secret_jwt", 5, [SENTINEL]],
        "scope": [5, [SENTINEL], "", f"{SENTINEL}  b", f" {SENTINEL}", f"{SENTINEL}\n", f'"{SENTINEL}"'],
        "token_params": [
            SENTINEL,
            [SENTINEL],
            5,
            {"grant_type": SENTINEL},
            {"scope": SENTINEL},
            {"client_secret": SENTINEL},
            {"client_id": SENTINEL},
            {"": SENTINEL},
            {5: SENTINEL},
            {"a": None},
            {"a": []},
            {"a": [SENTINEL, 5]},
        ],
        "default_lifetime": [*NOT_SECONDS, 0],
        **TRANSPORT,
    },
    short_term: {
        "source": AUTH["source"],
        "lifetime": [*NOT_SECONDS, 0, None],
        "endpoint": [*NOT_AN_ENDPOINT, None],
        **TRANSPORT,
    },
    by_requests: AUTH,
    by_httpx: AUTH,
}


def cases(bad: dict[Make, dict[str, list[Any]]]) -> list[Any]:
    return [
        pytest.param(make, field, value, id=f"{make.__name__}-{field}-{ascii(value)[:40]}")
        for make, fields in bad.items()
        for field, values in fields.items()
        for value in values
    ]


def refusal_of(make: Callable[[], object], field: str) -> str:
    """The message of the ConfigurationError, which names the field and shows no value, nor do those chained to it."""
    with pytest.raises(ConfigurationError) as caught:
        make()
    message = str(caught.value)
    assert field in message
    assert SENTINEL.lower() not in message.lower()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return message


@pytest.mark.parametrize(("make", "field", "value"), cases(BAD))
def test_a_bad_setting_is_told_at_construction_and_not_shown(make: Make, field: str, value: Any) -> None:
    """Hazards S5, S9, G7."""
    refusal_of(lambda: make(**{field: value}), field)


@pytest.mark.parametrize(
    ("make", "field", "value", "allowed"),
    [
        (credentials, "verify", None, "True, False or the path of a file or folder with certificates"),
        (short_term, "verify", 5, "True, False or the path of a file or folder with certificates"),
        (credentials, "cert", (SENTINEL,) * 3, "the path of a file, a pair of them (certificate, key), or None"),
        (credentials, "cert", (SENTINEL, None), "the path of a file, a pair of them (certificate, key), or None"),
        (short_term, "cert", [SENTINEL] * 2, "the path of a file, a pair of them (certificate, key), or None"),
        (credentials, "client_secret", None, "a string, or a callable that gives one"),
        (credentials, "client_secret", 5, "a string, or a callable that gives one"),
        (
            credentials,
            "proxies",
            {"https": "\n"},
            "a mapping of printable strings, such as {'https': 'http://proxy:3128'}",
        ),
    ],
)
def test_a_bad_setting_is_told_what_it_may_be(make: Make, field: str, value: Any, allowed: str) -> None:
    """Hazard G7."""
    assert refusal_of(lambda: make(**{field: value}), field) == f"{field} must be {allowed}."


@pytest.mark.parametrize("make", [credentials, short_term, by_requests, by_httpx])
def test_a_setting_that_does_not_exist_is_a_type_error(make: Make) -> None:
    with pytest.raises(TypeError, match="leway"):
        make(leway=5)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("token_endpoint", ["http://localhost:1/token", "http://[::1]/token", "https://auth.example.com/token"]),
        ("revocation_endpoint", [None, "https://auth.example.com/revoke"]),
        ("token_endpoint_auth_method", ["client_secret_post", "client_secret_basic", lambda *a: a[2:]]),
        ("scope", [None, "api", "a b"]),
        ("token_params", [None, {}, {"audience": "x"}, {"resource": ["a", "b"]}, {"scopes": "x"}]),
        ("client_secret", ["a%2B+ c:=/é€", lambda: "secret"]),
        ("leeway", [0, 0.0, 60, 1e300, math.inf]),
        ("renew_ahead", [None, 0, 5.5, math.inf]),
        ("default_lifetime", [None, 0.5, 3600]),
        ("timeout", [0.001, 30, 3600]),
        ("verify", [True, False, "/etc/ca.pem"]),
        ("cert", [None, "/etc/client.pem", ("/etc/client.pem", "/etc/client.key")]),
        ("proxies", [None, {}, {"https": "http://proxy.example:3128"}]),
        ("trust_env", [True, False]),
        ("insecure_http", [True, False]),
    ],
)
def test_every_good_setting_is_taken(field: str, values: list[Any]) -> None:
    """Hazard E8: zero is a value. G1: construction does no I/O, so the endpoints need not be there."""
    for value in values:
        credentials(**{field: value})


def test_client_id_may_be_a_form_field_where_the_form_has_none() -> None:
    """Some servers want it beside the Basic header."""
    credentials(token_params={"client_id": "id"}, token_endpoint_auth_method="client_secret_basic")
    credentials(token_params={"client_id": "id"}, token_endpoint_auth_method=lambda *a: a[2:])


@pytest.mark.parametrize("make", [by_requests, by_httpx])
def test_hosts_must_be_named_with_a_token_endpoint_that_is_not_bitquerys(make: Make) -> None:
    """Hazard S2: another server's tokens are none for Bitquery."""
    foreign = credentials(token_endpoint="https://auth.example.com/token")
    message = refusal_of(lambda: make(source=foreign), "allowed_hosts")
    assert "allowed_hosts is required" in message
    make(source=foreign, allowed_hosts=("api.example.com",))
    make(source=foreign, allowed_hosts=("bitquery.io",))


@pytest.mark.parametrize("make", [by_requests, by_httpx])
@pytest.mark.parametrize(
    "endpoint",
    ["https://oauth2.bitquery.io/oauth2/token", "https://OAUTH2.Bitquery.IO./oauth2/token", "https://bitquery.io/t"],
)
def test_hosts_need_not_be_named_with_bitquerys_own(make: Make, endpoint: str) -> None:
    make(source=credentials(token_endpoint=endpoint))


@pytest.mark.parametrize("endpoint", ["https://notbitquery.io/t", "https://bitquery.io.evil.com/t"])
def test_a_look_alike_of_bitquerys_token_endpoint_is_not_bitquerys(endpoint: str) -> None:
    """Hazard S2."""
    refusal_of(lambda: by_requests(source=credentials(token_endpoint=endpoint)), "allowed_hosts")


@pytest.mark.parametrize(
    "value", [*NOT_TEXT, "", " ", "''", "Bearer ", f"{SENTINEL}\nx", f"{SENTINEL}é", f"a\0{SENTINEL}"]
)
def test_a_static_token_that_no_header_can_carry_is_refused(value: Any) -> None:
    """Hazard S9."""
    refusal_of(lambda: StaticToken(value), "access_token")


@pytest.mark.parametrize(
    "url",
    [
        SENTINEL,
        "",
        f"https://{SENTINEL}.com/",
        f"ws://{SENTINEL}.com/",
        f"wss:///{SENTINEL}",
        f"//{SENTINEL}/",
        f"wss://[{SENTINEL}/",
        f"wss://{SENTINEL}\u2100.com/",
        f"wss://{SENTINEL}:port/",
        None,
        5,
        SENTINEL.encode(),
    ],
)
def test_a_url_that_no_websocket_can_have_is_refused(url: Any) -> None:
    """Hazard S4."""
    refusal_of(lambda: websocket_url(url, "x"), "url")


@pytest.mark.parametrize("token", [None, 5, "", " ", SENTINEL.encode(), f"{SENTINEL}\n", f"{SENTINEL}é", object()])
def test_a_websockets_token_that_is_none_is_refused(token: Any) -> None:
    """Hazard S9."""
    refusal_of(lambda: websocket_url("wss://streaming.bitquery.io/graphql", token), "token")


@pytest.mark.parametrize("value", [*NOT_TEXT, *NOT_PLAIN, f"{SENTINEL}é", f" {SENTINEL}"])
def test_a_token_that_no_header_can_carry_is_refused(value: Any) -> None:
    """Hazard S9."""
    refusal_of(lambda: Token(value), "access_token")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("token_type", None),
        ("token_type", 5),
        ("token_type", f"{SENTINEL}\n"),
        ("token_type", "Bearer\0"),
        ("token_type", ""),
        ("scope", 5),
        ("scope", f"{SENTINEL}\r\nX: y"),
        ("scope", "api\x1b[2J"),
        ("scope", [SENTINEL]),
        ("expires_at", 1_800_000_000),
        ("expires_at", "2027-01-15"),
    ],
)
def test_a_tokens_other_members_are_checked(field: str, value: Any) -> None:
    refusal_of(lambda: Token("x", **{field: value}), field)
