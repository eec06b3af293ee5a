"""Which host may see a token: patterns, and every way of writing a host that differs from the plain one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth import ConfigurationError
from bitquery_auth._checks import is_loopback
from bitquery_auth._hosts import AllowedHosts, Origin

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
names = st.lists(labels, min_size=1, max_size=4).map(".".join)

RULE = (
    "allowed_hosts must hold host names such as 'api.example.com', '*.example.com', 'localhost:8080' or '[::1]': "
    "no scheme, path or user."
)


def allows(pattern: str, host: str, port: int | None = None, scheme: str = "https") -> bool:
    return AllowedHosts((pattern,)).allow(Origin.of(scheme, host, port))


@pytest.mark.parametrize("host", ["api.example.com", "API.Example.COM", "api.example.com."])
def test_a_name_allows_itself_in_any_case_and_with_a_trailing_dot(host: str) -> None:
    """Hazard S2."""
    assert allows("api.example.com", host)
    assert allows("Api.EXAMPLE.com.", host)


@pytest.mark.parametrize(
    "host",
    ["example.com", "v2.api.example.com", "xapi.example.com", "api.example.com.evil.net", "api-example.com", "api", ""],
)
def test_a_name_allows_no_other(host: str) -> None:
    """Hazard S2."""
    assert not allows("api.example.com", host)


@pytest.mark.parametrize("host", ["a.example.com", "b.a.example.com", "A.EXAMPLE.COM.", "x-1.example.com"])
def test_a_wildcard_allows_every_name_below(host: str) -> None:
    assert allows("*.example.com", host)


@pytest.mark.parametrize("host", ["example.com", "notexample.com", "example.com.evil.net", "a.example.org", "com"])
def test_a_wildcard_allows_neither_the_name_itself_nor_a_look_alike(host: str) -> None:
    """Hazard S2."""
    assert not allows("*.example.com", host)


@given(names, names)
def test_a_wildcard_allows_exactly_the_names_that_end_with_its_labels(host: str, below: str) -> None:
    """Hazard S2: a suffix of letters is no suffix of labels."""
    assert allows(f"*.{below}", f"{host}.{below}")
    assert not allows(f"*.{below}", below)
    assert not allows(f"*.{below}", f"x{below}")


@given(names, names)
def test_a_name_allows_a_host_only_if_it_is_that_host(pattern: str, host: str) -> None:
    """Hazard S2."""
    assert allows(pattern, host) is (pattern == host)


def test_several_patterns_allow_what_any_of_them_allows() -> None:
    hosts = AllowedHosts(["a.example.com", "*.b.example.com", "c.example.com:8443"])
    assert hosts.allow(Origin.of("https", "a.example.com", None))
    assert hosts.allow(Origin.of("https", "x.b.example.com", None))
    assert hosts.allow(Origin.of("https", "c.example.com", 8443))
    assert not hosts.allow(Origin.of("https", "c.example.com", None))
    assert hosts.patterns == ("a.example.com", "*.b.example.com", "c.example.com:8443")


def test_patterns_may_come_from_an_iterator() -> None:
    hosts = AllowedHosts(name for name in ("a.example.com", "b.example.com"))
    assert hosts.patterns == ("a.example.com", "b.example.com")
    assert hosts.allow(Origin.of("https", "b.example.com", None))


@pytest.mark.parametrize("port", [None, 1, 443, 8443, 65535])
def test_no_port_in_a_pattern_means_any(port: int | None) -> None:
    assert allows("example.com", "example.com", port)
    assert allows("*.example.com", "a.example.com", port)


@pytest.mark.parametrize(
    ("scheme", "port", "allowed"),
    [
        ("https", 8443, True),
        ("https", None, False),
        ("https", 443, False),
        ("https", 84, False),
        ("https", 18443, False),
        ("http", 8443, True),
    ],
)
def test_a_port_in_a_pattern_means_that_port(scheme: str, port: int | None, allowed: bool) -> None:  # noqa: FBT001
    assert allows("example.com:8443", "example.com", port, scheme) is allowed
    assert allows("*.example.com:8443", "a.example.com", port, scheme) is allowed


@pytest.mark.parametrize(("scheme", "port"), [("https", 443), ("wss", 443), ("http", 80), ("ws", 80), ("HTTPS", 443)])
def test_a_port_left_out_of_a_url_is_its_schemes_own(scheme: str, port: int) -> None:
    assert allows(f"example.com:{port}", "example.com", None, scheme)
    assert Origin.of(scheme, "example.com", None) == Origin.of(scheme, "example.com", port)
    assert Origin.of(scheme, "example.com", port + 1) != Origin.of(scheme, "example.com", port)


@pytest.mark.parametrize("pattern", ["example.com:1", "example.com:65535"])
def test_every_port_that_exists_can_be_named(pattern: str) -> None:
    assert allows(pattern, "example.com", int(pattern.partition(":")[2]))


@pytest.mark.parametrize("pattern", ["[::1]", "[0:0:0:0:0:0:0:1]", "[::0001]"])
def test_an_ipv6_address_is_one_however_it_is_written(pattern: str) -> None:
    assert allows(pattern, "::1")
    assert allows(pattern, "[::1]", 8080)
    assert allows(pattern, "0:0:0:0:0:0:0:1")
    assert not allows(pattern, "::2")


def test_an_ipv6_address_may_have_a_port() -> None:
    assert allows("[2001:db8::1]:8443", "[2001:DB8::1]", 8443)
    assert not allows("[2001:db8::1]:8443", "[2001:db8::1]", None)


def test_an_ipv4_address_is_a_name_of_its_own() -> None:
    assert allows("127.0.0.1:8080", "127.0.0.1", 8080)
    assert not allows("127.0.0.1", "127.0.0.2")


@pytest.mark.parametrize("pattern", ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "bücher。example"])
def test_a_name_in_another_script_is_its_idna_form(pattern: str) -> None:
    assert allows(pattern, "xn--bcher-kva.example")
    assert allows(f"{pattern}:8443", "xn--bcher-kva.example", 8443)
    assert not allows(pattern, "bucher.example")


def test_a_wildcard_may_stand_before_a_name_in_another_script() -> None:
    assert allows("*.bücher.example", "api.xn--bcher-kva.example")
    assert not allows("*.bücher.example", "xn--bcher-kva.example")


@pytest.mark.parametrize("patterns", ["example.com", b"example.com", None, 5, object()])
def test_what_is_no_sequence_of_hosts_is_refused(patterns: object) -> None:
    """A bare string is a sequence of letters, of which none is the host that was meant."""
    with pytest.raises(ConfigurationError, match=r"^allowed_hosts must be a sequence of host names"):
        AllowedHosts(patterns)  # type: ignore[arg-type]


@pytest.mark.parametrize("patterns", [(), [], set(), {}])
def test_no_hosts_at_all_are_refused(patterns: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^allowed_hosts is empty, so no request could carry a token: give "):
        AllowedHosts(patterns)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        " ",
        ".",
        "*",
        "*.",
        "**.example.com",
        "*example.com",
        "api.*.example.com",
        "api.*",
        "https://example.com",
        "example.com/graphql",
        "example.com?x",
        "example.com#x",
        "user@example.com",
        "user:pass@example.com",
        "example.com:",
        "example.com:0",
        "example.com:65536",
        "example.com:99999",
        "example.com:https",
        "example.com:-1",
        "example.com:443:443",
        "example.com:٤٤٣",
        " example.com",
        "example.com ",
        "exam ple.com",
        "example.com\n",
        "example.com..",
        "example..com",
        ".example.com",
        "-example.com",
        "example-.com",
        "example.com\\",
        "exämple .com",
        "☃☃.example:99999",
        "::1",
        "::1:8080",
        "[::1",
        "::1]",
        "[]",
        "[]:443",
        "[::g]",
        "[example.com]",
        "[example.com",
        "example.com]",
        "example.com]:443",
        5,
        None,
        b"example.com",
        ("example.com", 443),
    ],
)
def test_what_is_no_host_is_refused(pattern: object) -> None:
    """The rule is said, the value is not: it may be a URL with a token in it."""
    with pytest.raises(ConfigurationError) as caught:
        AllowedHosts(("good.example.com", pattern))  # type: ignore[arg-type]
    assert str(caught.value) == RULE


@given(st.text(max_size=30))
def test_every_pattern_is_taken_or_refused_and_nothing_else(pattern: str) -> None:
    try:
        AllowedHosts((pattern,))
    except ConfigurationError as error:
        assert str(error) == RULE  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
def test_this_machine_is_known_in_all_its_forms(host: str) -> None:
    """Hazard S4."""
    assert is_loopback(host)
    assert Origin.of("http", host, 80).is_secure
    assert Origin.of("ws", host, 80).is_secure


@pytest.mark.parametrize(
    "host",
    [
        "localhost.evil.com",
        "localhost.localdomain",
        "sub.localhost",
        "127.0.0.1.evil.com",
        "127.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "2130706433",
        "128.0.0.1",
        "10.0.0.1",
        "0.0.0.0",
        "::",
        "::2",
        "[fe80::1]",
        "example.com",
        "",
    ],
)
def test_what_is_not_surely_this_machine_is_not_taken_for_it(host: str) -> None:
    """Hazard S4: resolvers disagree about short and octal addresses."""
    assert not is_loopback(host)
    assert not Origin.of("http", host, 80).is_secure
    assert not Origin.of("ws", host, 80).is_secure


@pytest.mark.parametrize("scheme", ["https", "wss", "HTTPS"])
def test_an_encrypted_origin_is_secure_wherever_it_is(scheme: str) -> None:
    assert Origin.of(scheme, "example.com", None).is_secure


def test_an_unknown_scheme_is_not_secure_and_has_no_port() -> None:
    origin = Origin.of("ftp", "example.com", None)
    assert not origin.is_secure
    assert origin.port is None


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        (Origin.of("https", "Example.com", None), "https://example.com:443"),
        (Origin.of("http", "::1", 8080), "http://[::1]:8080"),
    ],
)
def test_an_origin_reads_like_a_url(origin: Origin, text: str) -> None:
    assert str(origin) == text
