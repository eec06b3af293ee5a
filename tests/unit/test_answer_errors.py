"""What an error answer becomes: a message that says what to do, and shows nothing that was sent."""

import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth._answer import Answer, judge, refusal
from bitquery_auth._errors import InvalidTokenResponseError, TokenEndpointError

NOW = 1_800_000_000.0
ENDPOINT = "https://auth.example.com:8443/oauth2/token"
SECRET = "s3cret+/=~ é"
HYDRA = (
    "Client authentication failed (e.g., unknown client, no client authentication included, or unsupported "
    "authentication method). The OAuth 2.0 Client supports client authentication method '{}', but method '{}' was "
    "requested. You must configure the OAuth 2.0 client's 'token_endpoint_auth_method' value to accept '{}'."
)


def refused(body: Any, status: int = 400, **further: Any) -> TokenEndpointError:
    """The error that an answer becomes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return refusal(Answer(status, further.pop("headers", {}), raw, ENDPOINT, **further), NOW)


def test_the_message_says_who_answered_what_and_what_to_do() -> None:
    """Hazard G7."""
    error = refused({"error": "invalid_scope", "error_description": "The scope is unknown."}, 400)
    assert str(error) == (
        "auth.example.com:8443 answered 400 invalid_scope: The scope is unknown. "
        "Ask for a scope that the application may have: scope='api' at Bitquery, scope=None for none."
    )


def test_the_members_of_an_oauth_error_are_attributes() -> None:
    body = {"error": "invalid_client", "error_description": "No.", "error_uri": "https://auth.example.com/e/1"}
    error = refused(body, 401)
    assert error.error == "invalid_client"
    assert error.error_description == "No."
    assert error.error_uri == "https://auth.example.com/e/1"
    assert error.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b"upstream connect error",
        [],
        None,
        {"message": "slow down"},
        {"error": None},
        {"error": ""},
        {"error": {"code": 1}, "error_description": "words", "error_uri": "place"},
        {"error_description": "words", "error_uri": "place"},
    ],
)
def test_without_an_oauth_code_its_members_are_none(body: Any) -> None:
    """Hazard F1: an error page is an error, with nothing of it in the message."""
    error = refused(body, 400)
    assert (error.error, error.error_description, error.error_uri) == (None, None, None)
    assert str(error) == (
        "auth.example.com:8443 answered 400. That is no answer of a token endpoint: check token_endpoint."
    )


def test_the_endpoint_gets_advice_of_its_own_where_nothing_else_is_known() -> None:
    plain = Answer(404, {}, b"not found", ENDPOINT)
    with pytest.raises(TokenEndpointError, match=r"answered 404\. That is no answer of a token endpoint: check"):
        judge(plain, NOW)
    with pytest.raises(TokenEndpointError, match=r"answered 404\. Use the source itself\.$"):
        judge(plain, NOW, advice="Use the source itself.")


@pytest.mark.parametrize(
    "body", [b"<html>", b"{}", b'{"access_token": "a\\nb"}', b'{"access_token": "a", "token_type": "mac"}']
)
def test_so_does_an_answer_that_cannot_be_used(body: bytes) -> None:
    unusable = Answer(200, {}, body, ENDPOINT)
    with pytest.raises(
        InvalidTokenResponseError, match=r"\. That is no answer of a token endpoint: check token_endpoint\.$"
    ):
        judge(unusable, NOW)
    with pytest.raises(InvalidTokenResponseError, match=r"\. Use the source itself\.$"):
        judge(unusable, NOW, advice="Use the source itself.")


def test_an_answer_of_which_only_the_beginning_was_read_is_no_oauth_error() -> None:
    assert refused({"error": "invalid_client"}, 400, truncated=True).error is None


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("invalid_client", "only applications of type Automatic have a secret"),
        ("unauthorized_client", "create one of type Automatic"),
        ("invalid_grant", "create one of type Automatic"),
        ("invalid_scope", "scope=None for none"),
    ],
)
def test_each_known_code_has_a_way_out(error: str, says: str) -> None:
    """Hazards G7, K4."""
    assert says in str(refused({"error": error}, 401))


def test_an_unknown_code_is_quoted_and_left_alone() -> None:
    assert str(refused({"error": "teapot"}, 418)) == "auth.example.com:8443 answered 418 teapot."
    with pytest.raises(TokenEndpointError, match=r"answered 418 teapot\.$"):
        judge(Answer(418, {}, b'{"error": "teapot"}', ENDPOINT), NOW)


@pytest.mark.parametrize(
    ("right", "used"),
    [("client_secret_basic", "client_secret_post"), ("client_secret_post", "client_secret_basic"), ("none", "x")],
)
def test_hydras_words_about_the_method_name_the_right_setting(right: str, used: str) -> None:
    """Hazard K4."""
    body = {"error": "invalid_client", "error_description": HYDRA.format(right, used, used)}
    assert str(refused(body, 401)).endswith(f"Set token_endpoint_auth_method={right!r}.")


def test_a_description_without_hydras_words_gives_the_codes_advice() -> None:
    body = {"error": "invalid_client", "error_description": "The client supports something else."}
    assert "token_endpoint_auth_method" not in str(refused(body, 401))


@pytest.mark.parametrize("status", [200, 201])
def test_a_success_with_an_error_in_it_is_an_error(status: int) -> None:
    """Hazard F1."""
    body = {"error": "invalid_client", "access_token": "x"}
    with pytest.raises(TokenEndpointError) as caught:
        judge(Answer(status, {}, json.dumps(body).encode(), ENDPOINT), NOW)
    assert caught.value.error == "invalid_client"
    assert caught.value.status_code == status
    assert not caught.value.retryable


def test_a_success_with_an_error_that_is_no_oauth_gets_the_endpoints_advice() -> None:
    with pytest.raises(TokenEndpointError, match=r"^auth\.example\.com:8443 answered 200\. Use the source itself\.$"):
        judge(Answer(200, {}, b'{"error": {"code": 7}}', ENDPOINT), NOW, advice="Use the source itself.")


@pytest.mark.parametrize("error", [None, "", False, 0])
def test_a_success_with_an_empty_error_is_a_success(error: object) -> None:
    body = {"error": error, "access_token": "x"}
    assert judge(Answer(200, {}, json.dumps(body).encode(), ENDPOINT), NOW).access_token == "x"


@pytest.mark.parametrize(
    ("status", "retryable"), [(400, False), (401, False), (403, False), (428, False), (429, True), (430, False)]
)
def test_too_many_requests_may_pass(status: int, retryable: bool) -> None:  # noqa: FBT001
    error = refused(b"", status)
    assert error.retryable is retryable
    assert ("try again later" in str(error)) is retryable


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_a_server_error_may_pass(status: int) -> None:
    error = refused(b"<html>", status)
    assert error.retryable
    assert str(error).endswith("That may pass: try again later.")


def test_a_status_just_below_a_server_error_does_not() -> None:
    assert not refused(b"", 499).retryable
    assert "later" not in str(refused(b"", 499))


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 399])
def test_a_redirect_is_an_error_that_names_the_other_host(status: int) -> None:
    """Hazard S3."""
    error = refused(b"", status, headers={"Location": "https://user:pass@new.example.com:444/token?client_secret=x#f"})
    assert error.status_code == status
    assert not error.retryable
    assert str(error) == (
        f"auth.example.com:8443 answered {status}. A redirect to new.example.com:444 is not followed: the credentials "
        f"would go along. Give the endpoint's final URL."
    )


@pytest.mark.parametrize("location", ["https://new.example.com/x", "//new.example.com", "http://a@b@new.example.com"])
def test_a_redirects_host_is_named_however_it_is_written(location: str) -> None:
    """Hazard S3."""
    message = str(refused(b"", 308, headers={"Location": location}))
    assert "A redirect to new.example.com is not followed" in message


@pytest.mark.parametrize("headers", [{}, {"Location": ""}, {"Location": "/elsewhere"}, {"Location": "http://["}])
def test_a_redirect_that_names_no_host_is_an_error_too(headers: dict[str, str]) -> None:
    """Hazard S3."""
    assert "A redirect is not followed" in str(refused(b"", 307, headers=headers))


@pytest.mark.parametrize(
    "location", ["https://[oops/token", "https://a℀b.example/", "//[/", "https://[::1]evil/", "http://[v1.x"]
)
def test_a_redirect_to_what_is_no_url_is_still_that_error(location: str) -> None:
    """Hazards F1, S3: not an exception of the parser's, which would be retried."""
    error = refused(b"", 302, headers={"Location": location})
    assert not error.retryable
    assert "is not followed" in str(error)


@pytest.mark.parametrize(
    "location", ["https://e\x1b[31mvil.com/", "https://evil\x85.com/", f"https://{'e' * 9000}/"], ids=range(3)
)
def test_a_redirects_host_is_as_short_and_printable_as_a_servers_words(location: str) -> None:
    """Hazard S5: it ends up in logs."""
    message = str(refused(b"", 302, headers={"Location": location}))
    assert message.isprintable()
    assert len(message) < 1000


def test_a_secret_in_a_redirects_host_is_hidden() -> None:
    """Hazard S5."""
    error = refused(b"", 302, headers={"Location": "https://topsecret.evil.com/"}, secrets=("topsecret",))
    assert "topsecret" not in str(error)


@pytest.mark.parametrize("secret", ["S3C/RET", "S3C@RET", "S3C/RET@RET", "S3C#RET", "S3C?RET", "S3C:RET"])
@pytest.mark.parametrize("location", ["https://the-id:{}@new.example.com/token", "//{}@new.example.com"])
def test_no_part_of_a_secret_in_a_redirects_user_comes_out(location: str, secret: str) -> None:
    """Hazard S5: a parser would take what stands before its slash for the host, and what stands after its @."""
    error = refused(b"", 307, headers={"Location": location.format(secret)}, secrets=(secret,))
    said = f"{error} {error!r} {vars(error)}"
    assert "S3C" not in said
    assert "RET" not in said
    assert "A redirect to new.example.com is not followed" in str(error)


@pytest.mark.parametrize(
    "rest", ["/x%40s%40new.example.com/", "/x%40s@new.example.com/", "?x@new.example.com", "#x@new.example.com"]
)
@pytest.mark.parametrize("half", ["S3C", "4711"])
def test_what_may_be_half_a_password_is_not_named_as_a_host(half: str, rest: str) -> None:
    """Hazard S5: the server may have encoded it in a way of its own, and it may look like a port."""
    if half == "4711" and "@" not in rest:
        rest = rest.replace("%40new", "@new")
    error = refused(b"", 307, headers={"Location": f"https://the-id:{half}{rest}"})
    assert half not in str(error)
    assert "A redirect is not followed" in str(error)


@pytest.mark.parametrize("form", [SECRET, quote(SECRET, safe=""), quote_plus(SECRET)])
@pytest.mark.parametrize("member", ["error", "error_description", "error_uri"])
def test_a_secret_that_a_server_quotes_is_hidden(member: str, form: str) -> None:
    """Hazard S5: in each form it is sent in."""
    secrets = (SECRET, quote(SECRET, safe=""), quote_plus(SECRET))
    error = refused({"error": "no", member: f"{form} is wrong, {form}!"}, 401, secrets=secrets)
    said = f"{error} {error!r} {error.__dict__}"
    assert not any(secret in said for secret in secrets)
    assert getattr(error, member) == "<hidden> is wrong, <hidden>!"


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("kind", ["access_token", "refresh_token", "id_token", "token"])
@pytest.mark.parametrize("member", ["error", "error_description", "error_uri"])
def test_a_token_that_came_with_an_error_is_hidden_in_its_words(member: str, kind: str, status: int) -> None:
    """Hazard S5: it may be a good one."""
    members = {"error": "no", kind: "T0KEN.s3ntinel", member: "not T0KEN.s3ntinel!"}
    answer = Answer(status, {}, json.dumps(members).encode(), ENDPOINT)
    with pytest.raises(TokenEndpointError) as caught:
        judge(answer, NOW)
    assert getattr(caught.value, member) == "not <hidden>!"
    assert "T0KEN" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


def test_a_token_that_came_with_an_error_is_hidden_percent_encoded_as_well() -> None:
    members = {"error": "no", "access_token": "ory/T0KEN+x=", "error_description": "see ?t=ory%2FT0KEN%2Bx%3D"}
    assert refused(members, 400).error_description == "see ?t=<hidden>"


@pytest.mark.parametrize("odd", [None, 5, "", [], {"token": "x"}])
def test_what_is_no_token_hides_nothing(odd: object) -> None:
    error = refused({"error": "no", "access_token": odd, "error_description": "5 reasons"}, 400)
    assert error.error_description == "5 reasons"


def test_a_secret_at_the_edge_of_what_is_kept_is_hidden_before_it_is_cut() -> None:
    """Hazard S5: half of a secret is too much of it."""
    error = refused({"error": "no", "error_description": "x" * 495 + "topsecret"}, 400, secrets=("topsecret",))
    assert "tops" not in str(error)


@pytest.mark.parametrize("bad", ["\n", "\r\n", "\x1b[2J", "\0", "\u2028", "\u202e", "\ud800", "\t", "\x85"])
def test_a_servers_words_stay_in_one_printable_line(bad: str) -> None:
    """Hazard S5: no line of a log is forged."""
    error = refused({"error": f"a{bad}b", "error_description": f"one{bad}two", "error_uri": f"x{bad}y"}, 400)
    assert str(error).isprintable()
    assert error.error is not None
    assert error.error.isprintable()
    assert error.error.startswith("a ")
    assert error.error_description is not None
    assert error.error_description.isprintable()
    assert error.error_uri is not None
    assert error.error_uri.isprintable()


def test_a_servers_words_are_cut() -> None:
    error = refused({"error": "e" * 9000, "error_description": "d" * 9000, "error_uri": "u" * 9000}, 400)
    assert error.error == "e" * 500
    assert error.error_description == "d" * 500
    assert error.error_uri == "u" * 500


@pytest.mark.parametrize("words", [5, None, True, ["x"], {"x": 1}, ""])
def test_words_that_are_no_string_are_none(words: object) -> None:
    error = refused({"error": "no", "error_description": words, "error_uri": words}, 400)
    assert (error.error_description, error.error_uri) == (None, None)
    assert str(error) == "auth.example.com:8443 answered 400 no."


@given(st.text("0123456789abcdefABCDEF-._~+/=", min_size=8, max_size=40), st.text(max_size=30), st.text(max_size=600))
def test_no_message_holds_a_secret_however_it_is_quoted(secret: str, before: str, after: str) -> None:
    """Hazard S5."""
    words = f"{before}{secret}{after}"
    error = refused({"error": "no", "error_description": words, "error_uri": words}, 400, secrets=(secret,))
    assert secret not in f"{error} {error.__dict__}"
