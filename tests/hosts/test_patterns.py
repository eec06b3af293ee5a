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


@same_examples_in_every_run
@given(names, names)
def test_a_name_allows_that_host_alone_in_any_case_and_with_a_trailing_dot(
    pattern: str, host: str
) -> None:
    assert allows(pattern, host) is (pattern == host)
    assert allows(pattern, f"{pattern.upper()}.")
    assert allows(f"{pattern.upper()}.", pattern)
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
    hosts = AllowedHosts(pattern for pattern in ("a.example.com", "*.b.example.com"))
    assert hosts.allow(Origin.of("https", "a.example.com", None))
    assert hosts.allow(Origin.of("https", "x.b.example.com", None))
    assert not hosts.allow(Origin.of("https", "c.example.com", None))


@pytest.mark.parametrize("port", [1, 443, 65535])
def test_a_pattern_allows_the_port_that_it_has_or_else_any(port: int) -> None:
    assert allows("example.com", "example.com", port)
    assert allows("*.example.com", "a.example.com", port)
    assert allows(f"example.com:{port}", "example.com", port)
    assert allows(f"*.example.com:{port}", "a.example.com", port, "http")
    for other in (8443, port - 1, port + 1):
        assert not allows(f"example.com:{port}", "example.com", other)


def test_a_url_without_a_port_has_the_port_of_its_scheme() -> None:
    for scheme, port in {"https": 443, "wss": 443, "http": 80, "ws": 80, "HTTPS": 443}.items():
        assert allows(f"example.com:{port}", "example.com", None, scheme)
        assert Origin.of(scheme, "example.com", None) == Origin.of(scheme, "example.com", port)
        assert Origin.of(scheme, "example.com", None) != Origin.of(scheme, "example.com", port + 1)


def test_an_address_allows_that_address_alone_in_every_notation() -> None:
    for pattern in ("[::1]", "[0:0:0:0:0:0:0:1]", "[::0001]"):
        assert allows(pattern, "::1")
        assert allows(pattern, "[::1]", 8080)
        assert allows(f"{pattern}:8443", "[0:0:0:0:0:0:0:1]", 8443)
        assert not allows(f"{pattern}:8443", "::1")
        assert not allows(pattern, "::2")
    assert allows("127.0.0.1:8080", "127.0.0.1", 8080)
    assert not allows("127.0.0.1", "127.0.0.2")


def test_a_name_beyond_ascii_is_compared_in_its_idna_form() -> None:
    for pattern in ("bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "bücher。example"):
        assert allows(pattern, "xn--bcher-kva.example")
        assert allows(f"{pattern}:8443", "xn--bcher-kva.example", 8443)
        assert allows(f"*.{pattern}", "api.xn--bcher-kva.example")
        assert not allows(pattern, "bucher.example")


@pytest.mark.parametrize("bare", ["example.com", b"example.com", None])
def test_what_is_not_a_sequence_of_names_is_rejected(bare: object) -> None:
    """A bare string is a sequence of letters, none of which is the host that was meant."""
    with pytest.raises(ConfigurationError, match=r"allowed_hosts .*comma"):
        AllowedHosts(bare)  # type: ignore[arg-type]  # the mistake


def test_an_empty_sequence_is_rejected() -> None:
    with pytest.raises(ConfigurationError, match="allowed_hosts is empty"):
        AllowedHosts(())


@pytest.mark.parametrize(
    "pattern",
    [
        *["", "*", "*example.com", "https://example.com", "example.com/graphql", "example..com"],
        *["user:s3ntinel@example.com", "example.com:0", "example.com:65536", "example.com:٤٤٣"],
        *[" example.com", "example.com\n", "::1", "[::1", "[example.com]", "exämple .com"],
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


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.1.2.3", "::1", "[::1]"]
)
def test_loopback_is_secure_without_encryption(host: str) -> None:
    assert is_loopback(host)
    assert Origin.of("http", host, 80).is_secure
    assert Origin.of("ws", host, 80).is_secure


@pytest.mark.parametrize(
    "host",
    [
        *["localhost.evil.com", "sub.localhost", "127.0.0.1.evil.com", "127.1", "2130706433"],
        *["0.0.0.0", "example.com", ""],
    ],
)
def test_a_host_that_may_lie_beyond_loopback_is_secure_only_with_encryption(host: str) -> None:
    """Resolvers disagree about short, octal and decimal addresses such as ``127.1``."""
    assert not is_loopback(host)
    secure = [
        scheme
        for scheme in ("http", "ws", "ftp", "https", "HTTPS", "wss")
        if Origin.of(scheme, host, 1).is_secure
    ]
    assert secure == ["https", "HTTPS", "wss"]


def test_an_origin_reads_like_a_url() -> None:
    assert str(Origin.of("https", "Example.com", None)) == "https://example.com:443"
    assert str(Origin.of("http", "::1", 8080)) == "http://[::1]:8080"
