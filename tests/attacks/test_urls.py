"""URLs made to look like Bitquery's: what counts is the name that the client really looks up."""

import logging

import pytest

from bitquery_auth import BitqueryAuthError, ConfigurationError
from tests.attacks.conftest import CountingSource, Open, carries, is_bitquerys
from tests.faults.proxy import FaultProxy

LOOK_ALIKES = [
    "http://evilbitquery.io/",
    "http://bitquery.io.evil.example/",
    "http://bitquery.io.evil/",
    "http://streaming.bitquery.io.evil.example/",
    "http://streaming-bitquery.io/",
    "http://bitquery.ioo/",
    "http://bitquery.i\u043e/",
    "http://b\u0131tquery.io/",
    "http://bitquery.io\u3002evil.example/",
    "http://xn--btquery-r4a.io/",
    "http://streaming.bitquery.io@evil.example/",
    "http://streaming.bitquery.io:80@evil.example/",
    "http://streaming.bitquery.io%40evil.example/",
    "http://user:streaming.bitquery.io@evil.example/",
    "http://a@streaming.bitquery.io@evil.example/",
    "http://evil.example/streaming.bitquery.io",
    "http://evil.example?@streaming.bitquery.io/",
    "http://evil.example#@streaming.bitquery.io/",
    "http://evil.example#.bitquery.io/",
    "http://evil.example?.bitquery.io/",
    "http://evil.example/\\@streaming.bitquery.io/",
    "http://streaming.bitquery.io%2eevil.example/",
    "http://streaming.bitquery.io%00.evil.example/",
    "http://streaming%2ebitquery%2eio.evil.example/",
    "http://streaming.bitquery.io\t.evil.example/",
    "http://streaming.bitquery.io\n.evil.example/",
    "http://streaming.bitquery.io%0d%0a.evil.example/",
    "http://streaming.bitquery.io&@evil.example/",
    "http://streaming.bitquery.io;@evil.example/",
    "http://BITQUERY.IO@EVIL.EXAMPLE/",
    "HTTP://bitquery.io.EVIL.example/",
]

AMBIGUOUS = [
    "http://evil.example\\@streaming.bitquery.io/",
    "http://evil.example\\.bitquery.io/",
    "http://evil.example\\\\streaming.bitquery.io/",
    "http://evil.example%2f@streaming.bitquery.io/",
    "http://evil.example%2f.bitquery.io/",
    "http://evil.example%23.bitquery.io/",
    "http://evil.example%5c.bitquery.io/",
    "http://evil.example%00.bitquery.io/",
    "http://evil.example\x00.bitquery.io/",
    "http://evil.example%0a.bitquery.io/",
    "http://evil.example\t.bitquery.io/",
    "http://evil.example\r\n.bitquery.io/",
    "http://evil.example .bitquery.io/",
    "http://evil.example;.bitquery.io/",
    "http://evil.example,.bitquery.io/",
    "http://evil.example:80@streaming.bitquery.io:80/",
    "http://evil.example:80#@streaming.bitquery.io:80/",
    "http://evil.example:@streaming.bitquery.io/",
    "http://evil.example:80\\@streaming.bitquery.io/",
    "http://[evil.example].bitquery.io/",
    "http://[::1].bitquery.io/",
    "http://[::1]@streaming.bitquery.io/",
    "http://127.0.0.1:1\\@streaming.bitquery.io/",
    "http:/streaming.bitquery.io/",
    "http:///streaming.bitquery.io/",
    "http:streaming.bitquery.io/",
    "http:\\\\streaming.bitquery.io/",
    "http://.bitquery.io/",
    "http://bitquery.io../",
    "http://\uff42itquery.io/",
    "http://streaming\u3002bitquery\uff0eio/",
    "http://streaming.bitquery.io\u2044evil.example/",
    "http://evil.example\u2044.bitquery.io/",
    "http://evil.example\uff0f.bitquery.io/",
    "http://evil.example\uff03.bitquery.io/",
    "http://evil.example\u2100.bitquery.io/",
    "\thttp://streaming.bitquery.io/",
    "ht\ntp://streaming.bitquery.io/",
]


def _send(open_client: Open, source: CountingSource, url: str) -> None:
    """Send a request there, if the client does."""
    client = open_client(source, insecure_http=True)
    try:
        client.get(url)
    except (client.base_error, ValueError, TypeError, OSError, RuntimeError) as error:
        assert not isinstance(error, BitqueryAuthError)  # noqa: PT017 - which error of the client's is not our concern
    except Exception as error:  # noqa: BLE001 - httpx.InvalidURL is no HTTPError
        assert type(error).__name__ in {"InvalidURL", "CookieConflict"}  # noqa: PT017


@pytest.mark.parametrize("url", LOOK_ALIKES)
def test_a_look_alike_sees_no_token(
    url: str, open_client: Open, counting: CountingSource, server: FaultProxy, names: list[str]
) -> None:
    """Hazard S2."""
    _send(open_client, counting, url)
    assert not any(map(is_bitquerys, names))
    assert not any(map(carries, server.requests))
    assert counting.asked == 0


@pytest.mark.parametrize("url", AMBIGUOUS)
def test_where_parsers_disagree_the_token_goes_to_bitquerys_names_only(
    url: str, open_client: Open, counting: CountingSource, server: FaultProxy, names: list[str]
) -> None:
    """Hazard S2: judged by the name that was looked up, not by any parser."""
    _send(open_client, counting, url)
    assert len(set(names)) <= 1
    if not all(map(is_bitquerys, names)):
        assert not any(map(carries, server.requests))
        assert counting.asked == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://bitquery.io/",
        "http://streaming.bitquery.io/graphql",
        "http://STREAMING.Bitquery.IO/graphql",
        "HTTP://streaming.bitquery.io/graphql",
        "http://streaming.bitquery.io./graphql",
        "http://streaming.bitquery.io:80/graphql",
        "http://streaming.bitquery.io:8080/graphql",
        "http://evil.example@streaming.bitquery.io/graphql",
    ],
)
def test_bitquerys_own_names_are_known_however_they_are_written(
    url: str, open_client: Open, counting: CountingSource, server: FaultProxy, names: list[str]
) -> None:
    open_client(counting, insecure_http=True).get(url)
    assert all(map(is_bitquerys, names))
    assert [carries(request) for request in server.requests] == [True]


@pytest.mark.parametrize(
    ("pattern", "host"),
    [("b\u00fccher.example", "b\u00fccher.example"), ("xn--bcher-kva.example", "B\u00dcCHER.example")],
)
def test_a_name_beyond_ascii_is_one_name_in_both_its_forms(
    pattern: str, host: str, open_client: Open, counting: CountingSource, server: FaultProxy, names: list[str]
) -> None:
    client = open_client(counting, insecure_http=True, allowed_hosts=[pattern])
    client.get(f"http://{host}/")
    client.get("http://bucher.example/")
    assert [carries(request) for request in server.requests] == [True, False]
    assert names == ["xn--bcher-kva.example", "bucher.example"]


def test_other_hosts_get_their_requests_without_the_token_and_one_warning_each(
    open_client: Open,
    counting: CountingSource,
    server: FaultProxy,
    names: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Hazard S2."""
    client = open_client(counting)
    for path in "abc":
        assert client.get(f"http://evil.example/{path}").status == 200
    assert client.get("http://bad.example:81/").status == 200
    assert not any(map(carries, server.requests))
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [message.split()[0] for message in warnings] == ["evil.example", "bad.example"]


@pytest.mark.parametrize("url", ["http://streaming.bitquery.io/", "http://bitquery.io:443/", "HTTP://Bitquery.io./"])
def test_an_allowed_host_over_plain_http_gets_nothing_at_all(
    url: str, open_client: Open, counting: CountingSource, server: FaultProxy, names: list[str]
) -> None:
    """Hazard S4."""
    client = open_client(counting)
    with pytest.raises(ConfigurationError, match="readable across the network") as caught:
        client.get(url)
    assert isinstance(caught.value, client.base_error)
    assert (counting.asked, server.connections, names) == (0, 0, [])


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost@evil.example/",
        "http://localhost:80@evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://[::1]@evil.example/",
    ],
)
def test_the_exemption_of_loopback_is_for_loopback(
    url: str, open_client: Open, counting: CountingSource, server: FaultProxy, names: list[str]
) -> None:
    """Hazard S4: the host is what was parsed, and not what stands before an @."""
    client = open_client(counting, allowed_hosts=["localhost", "127.0.0.1", "[::1]", "*.evil.example", "evil.example"])
    with pytest.raises(ConfigurationError, match="readable across the network"):
        client.get(url)
    assert server.connections == 0
