"""Which hosts each pattern of ``allowed_hosts`` allows, and which patterns are rejected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth import ConfigurationError
from bitquery_auth._checks import is_loopback
from bitquery_auth._hosts import AllowedHosts, Origin
from tests.kit.examples import same_examples_in_every_run

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
names = st.lists(labels, min_size=1, max_size=4).map(".".join)


def allows(pattern: str, host: str, port: int | None = None, scheme: str = "https") -> bool:
    return AllowedHosts((pattern,)).allow(Origin.of(scheme, host, port))


def test_a_name_is_the_same_in_any_case_and_with_a_trailing_dot() -> None:
    for host in ("api.example.com", "API.Example.COM", "api.example.com."):
        assert allows("api.example.com", host)
        assert allows("Api.EXAMPLE.com.", host)


@same_examples_in_every_run
@given(names, names)
def test_a_name_allows_that_host_alone(pattern: str, host: str) -> None:
    assert allows(pattern, host) is (pattern == host)
    assert not allows(pattern, f"x{pattern}")
    assert not allows(pattern, f"{host}.{pattern}")
    assert not allows(pattern, f"{pattern}.{host}")


@same_examples_in_every_run
@given(names, names)
def test_a_wildcard_allows_the_names_below_it_and_not_the_name_itself(
    host: str, below: str
) -> None:
    """A suffix of labels counts, not a suffix of letters: ``*.b.io`` does not allow ``xb.io``."""
    assert allows(f"*.{below}", f"{host}.{below}")
    assert not allows(f"*.{below}", below)
    assert not allows(f"*.{below}", f"x{below}")
    assert not allows(f"*.{below}", f"a.{below}.{host}x")


def test_a_host_is_allowed_if_any_pattern_allows_it() -> None:
    hosts = AllowedHosts(
        each for each in ("a.example.com", "*.b.example.com", "c.example.com:8443")
    )
    assert hosts.allow(Origin.of("https", "a.example.com", None))
    assert hosts.allow(Origin.of("https", "x.b.example.com", None))
    assert hosts.allow(Origin.of("https", "c.example.com", 8443))
    assert not hosts.allow(Origin.of("https", "c.example.com", None))


def test_a_pattern_without_a_port_allows_any_port() -> None:
    for port in (None, 1, 443, 8443, 65535):
        assert allows("example.com", "example.com", port)
        assert allows("*.example.com", "a.example.com", port)


def test_a_pattern_with_a_port_allows_that_port_alone() -> None:
    for port in (1, 8443, 65535):
        assert allows(f"example.com:{port}", "example.com", port)
        assert allows(f"*.example.com:{port}", "a.example.com", port, "http")
        for other in (None, 443, port - 1, port + 1):
            assert not allows(f"example.com:{port}", "example.com", other)


def test_a_url_without_a_port_has_the_port_of_its_scheme() -> None:
    for scheme, port in {"https": 443, "wss": 443, "http": 80, "ws": 80, "HTTPS": 443}.items():
        assert allows(f"example.com:{port}", "example.com", None, scheme)
        assert Origin.of(scheme, "example.com", None) == Origin.of(scheme, "example.com", port)
        assert Origin.of(scheme, "example.com", None) != Origin.of(scheme, "example.com", port + 1)


def test_an_ipv6_address_is_the_same_in_every_notation() -> None:
    for pattern in ("[::1]", "[0:0:0:0:0:0:0:1]", "[::0001]"):
        assert allows(pattern, "::1")
        assert allows(pattern, "[::1]", 8080)
        assert allows(f"{pattern}:8443", "[0:0:0:0:0:0:0:1]", 8443)
        assert not allows(f"{pattern}:8443", "::1")
        assert not allows(pattern, "::2")


def test_an_ipv4_address_allows_that_address_alone() -> None:
    assert allows("127.0.0.1:8080", "127.0.0.1", 8080)
    assert not allows("127.0.0.1", "127.0.0.2")


def test_a_name_beyond_ascii_is_compared_in_its_idna_form() -> None:
    for pattern in ("bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "bücher。example"):
        assert allows(pattern, "xn--bcher-kva.example")
        assert allows(f"{pattern}:8443", "xn--bcher-kva.example", 8443)
        assert allows(f"*.{pattern}", "api.xn--bcher-kva.example")
        assert not allows(pattern, "bucher.example")


def test_a_bare_string_is_rejected() -> None:
    """It is a sequence of letters, none of which is the host that was meant."""
    for bare in ("example.com", b"example.com", None):
        with pytest.raises(ConfigurationError, match=r"allowed_hosts .*comma"):
            AllowedHosts(bare)  # type: ignore[arg-type]  # the mistake


def test_an_empty_sequence_is_rejected() -> None:
    with pytest.raises(ConfigurationError, match="allowed_hosts is empty"):
        AllowedHosts(())


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "*",
        "*example.com",
        "https://example.com",
        "example.com/graphql",
        "user:s3ntinel@example.com",
        "example.com:0",
        "example.com:65536",
        "example.com:٤٤٣",
        " example.com",
        "example.com\n",
        "example..com",
        "::1",
        "[::1",
        "[example.com]",
        "exämple .com",
    ],
)
def test_a_pattern_that_is_not_a_host_is_rejected_without_being_quoted(pattern: str) -> None:
    """It may be a URL with a token in it, so the message holds the rule alone."""
    with pytest.raises(
        ConfigurationError, match=r"allowed_hosts must hold host names such as 'api\.example\.com'"
    ) as caught:
        AllowedHosts(("good.example.com", pattern))
    assert "s3ntinel" not in str(caught.value)


@same_examples_in_every_run
@given(st.text(max_size=30))
def test_every_text_is_either_a_pattern_or_a_configuration_error(pattern: str) -> None:
    try:
        hosts = AllowedHosts((pattern,))
    except ConfigurationError:
        return
    assert tuple(hosts.patterns) == (pattern,)


def test_loopback_is_secure_without_encryption() -> None:
    for host in ("localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.1.2.3", "::1", "[::1]"):
        assert is_loopback(host)
        for scheme in ("http", "ws"):
            assert Origin.of(scheme, host, 80).is_secure


@pytest.mark.parametrize(
    "host",
    [
        "localhost.evil.com",
        "sub.localhost",
        "127.0.0.1.evil.com",
        "127.1",
        "2130706433",
        "0.0.0.0",
        "",
    ],
)
def test_a_host_that_may_lie_beyond_loopback_is_not_secure_without_encryption(host: str) -> None:
    """Resolvers disagree about short, octal and decimal addresses such as ``127.1``."""
    assert not is_loopback(host)
    for scheme in ("http", "ws"):
        assert not Origin.of(scheme, host, 80).is_secure


def test_an_encrypted_origin_is_secure_on_any_host() -> None:
    for scheme in ("https", "wss", "HTTPS"):
        assert Origin.of(scheme, "example.com", None).is_secure
    assert not Origin.of("ftp", "example.com", 21).is_secure


def test_an_origin_reads_like_a_url() -> None:
    assert str(Origin.of("https", "Example.com", None)) == "https://example.com:443"
    assert str(Origin.of("http", "::1", 8080)) == "http://[::1]:8080"
