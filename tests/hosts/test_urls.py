"""URLs that disguise their host: what decides is the name that the client itself looks up.

Two properties generate URLs and compare where the token went with the name that was looked up. The
named URLs have deceived a parser somewhere.
"""

from collections.abc import Callable
from typing import NamedTuple

import httpx
import httpx2
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth import BitqueryAuthError, ConfigurationError
from tests.hosts.conftest import is_bitquery_name
from tests.kit.clients import OpenClient
from tests.kit.examples import same_examples_in_every_run
from tests.kit.origin import Origin
from tests.kit.tokens import CountingSource, carries_token

REJECTED_BY_CLIENT = (
    requests.RequestException,
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    ValueError,
    OSError,
)


class Visit(NamedTuple):
    """What came of a request: names that were looked up, and requests that arrived."""

    names: list[str]
    arrived: int
    with_token: int
    leaks: bool
    """Whether a token was asked for or sent, and a name of somebody else was looked up."""


@pytest.fixture
def visit(
    open_client: OpenClient, source: CountingSource, origin: Origin, names: list[str]
) -> Callable[[str], Visit]:
    """Send a request with an auth for Bitquery's hosts, which may use plain http."""
    client = open_client(source, insecure_http=True)

    def visit(url: str) -> Visit:
        names.clear()
        origin.requests.clear()
        source.calls = 0
        try:
            # A kept-alive connection would be used again without a look-up.
            client.get(url, headers={"Connection": "close"})
        except BitqueryAuthError:
            raise
        except REJECTED_BY_CLIENT:
            pass
        with_token = sum(map(carries_token, origin.requests))
        is_foreign = not all(map(is_bitquery_name, names))
        leaks = is_foreign and bool(with_token or source.calls)
        return Visit([*names], len(origin.requests), with_token, leaks)

    return visit


# -- generated URLs --------------------------------------------------------------------------------

NAMES = ["bitquery.io", "streaming.bitquery.io", "BITQUERY.IO", "evil.example", "[::1]"]
BETWEEN_NAMES = [
    *["", ".", ":", ":80", ":80@", ":@", "@", "&@", ";@"],
    *["/", "/@", "//", "?", "?@", "#", "#@"],
    *["\\", "\\@", "\\\\", "/\\@", ":80\\@"],
    *["%2f", "%2f@", "%40", "%23", "%5c", "%00.", "%2e"],
    *[" ", "\t", "\n", "\x00"],
    *["\u3002", "\uff0e", "\u2044", "\u2100", "\u0131"],
]
SCHEMES = ["HTTP://", "http:/", "http:", "http:///", "http:\\\\", "//", "\thttp://", "ht\ntp://"]

any_name = st.sampled_from(NAMES)
between_names = st.sampled_from(BETWEEN_NAMES)
deceptive_urls = st.builds(
    "{}{}{}{}{}{}".format,
    st.just("http://") | st.sampled_from(SCHEMES),
    any_name,
    between_names,
    st.just("") | any_name,
    st.just("") | between_names,
    st.just("") | any_name,
)

USERS = ["", "user@", "user:pass@", "evil.example@", "bitquery.io@"]
HOSTS = ["bitquery.io", "A.B.Bitquery.io", "bitquery.io.", "evil.example", "bitquery.io.evil"]
PORTS = ["", ":80", ":8080", ":443"]
PATHS = ["", "/", "/graphql", "/@evil.example", "?q=@bitquery.io", "#@bitquery.io", "//evil/"]

well_formed_urls = st.builds(
    "http://{}{}{}{}".format, *map(st.sampled_from, (USERS, HOSTS, PORTS, PATHS))
)


@same_examples_in_every_run
@given(url=deceptive_urls)
def test_a_token_goes_only_where_the_client_looked_up_a_name_of_bitquery(
    visit: Callable[[str], Visit], url: str
) -> None:
    assert not visit(url).leaks


@same_examples_in_every_run
@given(url=well_formed_urls)
def test_a_well_formed_url_carries_the_token_exactly_if_its_host_is_bitquerys(
    visit: Callable[[str], Visit], url: str
) -> None:
    found = visit(url)
    (name,) = set(found.names)
    assert (found.arrived, found.with_token) == (1, is_bitquery_name(name))


# -- named URLs ------------------------------------------------------------------------------------

DECEPTIVE = [
    "http://evilbitquery.io/",
    "http://streaming-bitquery.io/",
    "http://xn--btquery-r4a.io/",
    "http://a@streaming.bitquery.io@evil.example/",
    "http://evil.example\\.bitquery.io/",
    "http://evil.example\r\n.bitquery.io/",
    "http://[evil.example].bitquery.io/",
    "http://bitquery.io../",
]
"""Parsers disagree on some: a backslash ends the host for urllib3, and not for `urllib.parse`."""
RESEMBLING_LOOPBACK = [
    "http://localhost:80@evil.example/",
    "http://127.0.0.1.evil.example/",
    "http://localhost.evil.example/",
    "http://[::1]@evil.example/",
    "http://127.1/",
]


def test_named_urls_send_the_token_to_names_of_bitquery_only(
    visit: Callable[[str], Visit],
) -> None:
    assert [url for url in DECEPTIVE if visit(url).leaks] == []
    assert visit("HTTP://evil.example@STREAMING.Bitquery.IO.:8080//evil.example").with_token == 1


def test_plain_http_to_a_host_that_resembles_loopback_raises(
    open_client: OpenClient, source: CountingSource, origin: Origin, names: list[str]
) -> None:
    """Authlib before 1.8 took ``http://localhost:80@evil.example`` for this machine (hazard S4)."""
    allowed = ("localhost", "127.0.0.1", "[::1]", "*.evil.example", "evil.example", "127.1")
    client = open_client(source, allowed_hosts=allowed)
    for url in RESEMBLING_LOOPBACK:
        with pytest.raises(ConfigurationError, match="use https"):
            client.get(url)
    assert (source.calls, origin.requests) == (0, [])
