"""Where a URL leads is judged with the parser of the client that connects: tricks with URLs get no token."""

from collections.abc import Callable

import pytest

from bitquery_auth import ConfigurationError
from tests.unit.placing import BAD_URL, PLACERS, TOKEN, Placed

BITQUERY = "https://streaming.bitquery.io/graphql"


@pytest.fixture(params=PLACERS)
def place(request: pytest.FixtureRequest) -> object:
    """One of the clients."""
    return PLACERS[request.param]


def placed(place: Callable[..., Placed], url: str, **settings: object) -> Placed | None:
    """What the client would send; None if it refuses the URL."""
    try:
        return place(url, **settings)
    except BAD_URL:
        return None


@pytest.mark.parametrize(
    "url",
    [
        BITQUERY,
        "https://bitquery.io/",
        "https://STREAMING.Bitquery.IO/graphql",
        "HTTPS://streaming.bitquery.io/graphql",
        "https://streaming.bitquery.io./graphql",
        "https://streaming.bitquery.io:8443/graphql",
        "https://streaming.bitquery.io:/graphql",
        "https://streaming.bitquery.io?query",
        "https://streaming.bitquery.io#fragment",
        "https://evil.com@streaming.bitquery.io/",
        "https://user:evil.com@streaming.bitquery.io/",
        "https://streaming.bitquery.io/@evil.com",
        "https://streaming.bitquery.io//evil.com",
    ],
)
def test_bitquerys_hosts_get_the_token_however_they_are_written(place: Callable[..., Placed], url: str) -> None:
    found = placed(place, url)
    assert found is not None
    assert found.header == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.com/",
        "https://notbitquery.io/",
        "https://bitquery.io.evil.com/",
        "https://bitquery.com/",
        "https://streaming-bitquery.io/",
        "https://bitquery.io@evil.com/",
        "https://bitquery.io:443@evil.com/",
        "https://user:bitquery.io@evil.com/",
        "https://a@bitquery.io@evil.com/",
        "https://evil.com#@bitquery.io",
        "https://evil.com?@bitquery.io",
        "https://evil.com/@bitquery.io",
        "https://evil.com/https://bitquery.io",
        "https://evil.com%23@bitquery.io.evil.com/",
        "https://bitquery.io%2eevil.com/",
        "https://bitquery.io%40evil.com/",
        "https://bitquery.io%23.evil.com/",
        "https://bitquery.io%00.evil.com/",
        "https://bitquery.io;.evil.com/",
        "https://bitquery.io,evil.com/",
        "https://bitquery.io。evil.com/",
        "https://bitquery.io\uff0eevil.com/",
        "https://bitquery.io\t.evil.com/",
        "https://bitquery.io\n.evil.com/",
        "https://b\u0131tquery.io/",
        "https://bitqu\u0435ry.io/",
        "https://xn--bitqury-4of.io/",
        "https://bitquery.io../",
        "https:///bitquery.io/",
        "https:bitquery.io/",
        "https://[::1]/",
        "https://127.0.0.1/",
    ],
)
def test_look_alikes_and_tricks_get_no_token(place: Callable[..., Placed], url: str) -> None:
    """Hazards S2, S4: a client may refuse the URL, or send there, but never with the token."""
    found = placed(place, url)
    assert found is None or found.header is None


@pytest.mark.parametrize("url", ["https://evil.com\\@bitquery.io/", "https://bitquery.io\\@evil.com/"])
def test_where_parsers_disagree_the_one_that_connects_decides(place: Callable[..., Placed], url: str) -> None:
    """Hazard S2: a backslash ends the host for browsers and urllib3, and is part of it for others."""
    found = placed(place, url)
    if found is not None and found.header is not None:
        host = found.url.removeprefix("https://").split("/")[0].rpartition("@")[2]
        assert host.endswith("bitquery.io")


def test_a_full_stop_of_another_script_is_one(place: Callable[..., Placed]) -> None:
    """IDNA maps it, where the client takes it: the host connected to is Bitquery's."""
    found = placed(place, "https://streaming.bitquery。io/")
    assert found is None or found.header == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    "url", ["https://bücher.example/", "https://BÜCHER.example/", "https://xn--bcher-kva.example/"]
)
def test_a_name_in_another_script_is_allowed_in_either_form(place: Callable[..., Placed], url: str) -> None:
    for pattern in ("bücher.example", "xn--bcher-kva.example"):
        found = placed(place, url, allowed_hosts=(pattern,))
        assert found is not None
        assert found.header == f"Bearer {TOKEN}"


@pytest.mark.parametrize("url", ["https://[::1]:8443/", "https://[0:0:0:0:0:0:0:1]:8443/", "http://[::1]:8443/"])
def test_an_ipv6_address_is_allowed_in_any_form(place: Callable[..., Placed], url: str) -> None:
    found = placed(place, url, allowed_hosts=("[::1]:8443",))
    assert found is not None
    assert found.header == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    "url", ["http://localhost:8080/", "http://LOCALHOST:8080/", "http://localhost.:8080/", "http://user@localhost:8080"]
)
def test_plain_http_on_this_machine_carries_the_token(place: Callable[..., Placed], url: str) -> None:
    found = placed(place, url, allowed_hosts=("localhost:8080",))
    assert found is not None
    assert found.header == f"Bearer {TOKEN}"


@pytest.mark.parametrize("url", ["http://streaming.bitquery.io/graphql", "HTTP://bitquery.io:443/"])
def test_plain_http_to_an_allowed_host_is_an_error(place: Callable[..., Placed], url: str) -> None:
    """Hazard S4."""
    with pytest.raises(ConfigurationError, match="readable across the network") as caught:
        placed(place, url)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://localhost:80@evil.com/", "http://localhost.evil.com/", "http://127.0.0.1.evil.com/", "http://127.1/"],
)
def test_what_only_looks_like_this_machine_is_an_error_where_it_is_allowed(
    place: Callable[..., Placed], url: str
) -> None:
    """Hazard S4."""
    with pytest.raises(ConfigurationError, match="readable across the network"):
        placed(place, url, allowed_hosts=("*.evil.com", "evil.com", "127.1"))


def test_insecure_http_lets_plain_http_through(place: Callable[..., Placed]) -> None:
    found = placed(place, "http://api.mesh/", allowed_hosts=("api.mesh",), insecure_http=True)
    assert found is not None
    assert found.header == f"Bearer {TOKEN}"


def test_a_port_in_a_pattern_binds_the_token_to_it(place: Callable[..., Placed]) -> None:
    """Hazard S2."""
    for url, header in {"https://a.example:8443/": f"Bearer {TOKEN}", "https://a.example/": None}.items():
        found = placed(place, url, allowed_hosts=("a.example:8443",))
        assert found is not None
        assert found.header == header
