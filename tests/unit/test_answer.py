"""A token endpoint's answer, judged: what is used, what is refused, and never anything between."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth._answer import MOST_BYTES, Answer, TokenAnswer, judge
from bitquery_auth._errors import BitqueryAuthError, InvalidTokenResponseError, TokenEndpointError

NOW = 1_800_000_000.0
ENDPOINT = "https://auth.example.com:8443/oauth2/token"
GOOD = {"access_token": "ory_at_x", "token_type": "bearer", "expires_in": 3599, "scope": "api"}


def answer(body: Any, status: int = 200, **further: Any) -> Answer:
    """An answer with that body: bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, further.pop("headers", {}), raw, ENDPOINT, **further)


def test_a_good_answer_gives_its_members() -> None:
    assert judge(answer(GOOD), NOW) == TokenAnswer("ory_at_x", "Bearer", "api", 3599.0)


@pytest.mark.parametrize("status", [200, 201, 203, 299])
def test_any_success_is_one(status: int) -> None:
    """Hazard F7."""
    assert judge(answer(GOOD, status), NOW).access_token == "ory_at_x"


@pytest.mark.parametrize("status", [100, 199, 300, 304, 399, 400, 401, 404, 429, 500, 503])
def test_a_token_in_an_answer_that_is_no_success_is_not_taken(status: int) -> None:
    """Hazard F1: the status counts, whatever the body says."""
    with pytest.raises(TokenEndpointError) as caught:
        judge(answer(GOOD, status), NOW)
    assert caught.value.status_code == status


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_is_read_in_the_encodings_it_comes_in(encoding: str) -> None:
    assert judge(answer(json.dumps(GOOD).encode(encoding)), NOW).access_token == "ory_at_x"


MALFORMED: dict[str, Any] = {
    "nothing": b"",
    "spaces": b"   \n",
    "HTML": b"<html><body>Welcome</body></html>",
    "plain text": b"OK",
    "a form": b"access_token=x&token_type=bearer&expires_in=3600",
    "cut JSON": b'{"access_token": "x", "expires_',
    "two objects": b'{"access_token": "x"}{"access_token": "y"}',
    "no UTF-8": b'{"access_token": "\xff\xfe"}',
    "NUL bytes": b"\0\0\0\0",
    "an array": [GOOD],
    "a string": "ory_at_x",
    "a number": 42,
    "null": None,
    "true": True,
    "an empty object": {},
    "no token": {"token_type": "bearer", "expires_in": 3600},
    "another member": {"token": "x", "id_token": "y"},
    "a null token": {**GOOD, "access_token": None},
    "an empty token": {**GOOD, "access_token": ""},
    "a number as token": {**GOOD, "access_token": 12345},
    "an array as token": {**GOOD, "access_token": ["x"]},
    "an object as token": {**GOOD, "access_token": {"value": "x"}},
    "true as token": {**GOOD, "access_token": True},
    "a blank token": {**GOOD, "access_token": "  "},
    "a token with a line end": {**GOOD, "access_token": "x\r\nX-Evil: y"},
    "a token with a trailing line end": {**GOOD, "access_token": "x\n"},
    "a token with a space in front": {**GOOD, "access_token": " x"},
    "a token with a tab": {**GOOD, "access_token": "x\ty"},
    "a token with NUL": {**GOOD, "access_token": "x\0y"},
    "a token that is not ASCII": {**GOOD, "access_token": "tökén"},
    "a token with half a surrogate": {**GOOD, "access_token": "x\ud800"},
    "a number of 5000 digits": b'{"access_token": "x", "expires_in": ' + b"9" * 5000 + b"}",
    "nesting without end": b"[" * 100_000,
    "a nested object": {"data": GOOD},
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_success_without_a_usable_token_is_one_typed_error(body: Any) -> None:
    """Hazards F1, S9: never kept, never an exception of the parser's, and nothing of the body in it."""
    with pytest.raises(InvalidTokenResponseError, match=r"^auth\.example\.com:8443 answered 200, but its? ") as caught:
        judge(answer(body), NOW)
    assert not caught.value.retryable
    assert caught.value.__cause__ is None
    assert str(caught.value).endswith("That is no answer of a token endpoint: check token_endpoint.")
    assert "X-Evil" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>", "it is not a JSON object"),
        ([], "it is not a JSON object"),
        ({}, "it has no access_token"),
        ({"access_token": 5}, "it has no access_token"),
        ({"access_token": ""}, "it has no access_token"),
        ({"access_token": "x\n"}, "its access_token holds what no header can carry"),
        ({"access_token": "x", "token_type": "DPoP"}, "its token_type is one that a bearer header cannot carry"),
    ],
)
def test_the_error_says_what_is_wrong_with_the_answer(body: Any, why: str) -> None:
    """Hazard G7."""
    with pytest.raises(InvalidTokenResponseError) as caught:
        judge(answer(body), NOW)
    assert str(caught.value) == (
        f"auth.example.com:8443 answered 200, but {why}. That is no answer of a token endpoint: check token_endpoint."
    )


@pytest.mark.parametrize("body", [json.dumps(GOOD).encode(), b"["])
def test_an_answer_of_which_only_the_beginning_was_read_is_not_used(body: bytes) -> None:
    assert MOST_BYTES == 1024 * 1024
    with pytest.raises(InvalidTokenResponseError, match=r"but it is longer than 1 MiB\. That is no answer"):
        judge(answer(body, truncated=True), NOW)


def test_the_members_name_and_the_advice_are_those_of_the_endpoint() -> None:
    assert judge(answer({"token": "short"}), NOW, member="token").access_token == "short"
    with pytest.raises(InvalidTokenResponseError, match=r"it has no token\. Use the source itself\.$"):
        judge(answer(GOOD), NOW, member="token", advice="Use the source itself.")
    with pytest.raises(InvalidTokenResponseError, match=r"its token holds what no header can carry\. Ask again\.$"):
        judge(answer({"token": "x\n"}), NOW, member="token", advice="Ask again.")


@pytest.mark.parametrize(
    ("token_type", "given"),
    [
        ("Bearer", "Bearer"),
        ("bearer", "Bearer"),
        ("BEARER", "Bearer"),
        (None, "Bearer"),
        ("", "Bearer"),
        (5, "Bearer"),
        (["bearer"], "Bearer"),
        ("JWT", "JWT"),
        ("access_token", "access_token"),
        ("x" * 501, "x" * 500),
    ],
)
def test_a_token_type_that_can_be_sent_as_a_bearer_is_taken(token_type: Any, given: str) -> None:
    """Hazard F7: any case, null, or a word of the server's own."""
    assert judge(answer({**GOOD, "token_type": token_type}), NOW).token_type == given


def test_a_missing_token_type_is_bearer() -> None:
    """Hazard F7."""
    assert judge(answer({"access_token": "x"}), NOW).token_type == "Bearer"


@pytest.mark.parametrize("token_type", ["DPoP", "dpop", "mac", "MAC", "pop", "PoP"])
def test_a_token_type_that_needs_a_proof_is_refused(token_type: str) -> None:
    """Hazard F7: as a bearer it would be refused at every request."""
    with pytest.raises(InvalidTokenResponseError, match="token_type"):
        judge(answer({**GOOD, "token_type": token_type}), NOW)


@pytest.mark.parametrize(
    ("scope", "given"), [("api", "api"), ("a b", "a b"), ("", ""), (None, None), (["api"], None), (5, None)]
)
def test_a_scope_is_a_string_or_unknown(scope: Any, given: str | None) -> None:
    assert judge(answer({**GOOD, "scope": scope}), NOW).scope == given


def test_the_token_does_not_show_itself_in_a_repr() -> None:
    """Hazard S5."""
    good = answer(GOOD, secrets=("the-secret",))
    assert "ory_at_x" not in repr(judge(good, NOW))
    assert "ory_at_x" not in repr(good)
    assert "the-secret" not in repr(good)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
members = st.dictionaries(
    st.sampled_from(["access_token", "token_type", "expires_in", "scope", "error", "error_description", "error_uri"]),
    json_values,
)
headers = st.dictionaries(st.sampled_from(["Retry-After", "Location"]), st.text(max_size=30))


@given(st.integers(100, 599), members | json_values | st.binary(max_size=40), headers)
def test_whatever_is_answered_is_a_token_or_one_typed_error(status: int, body: Any, given_headers: Any) -> None:
    """Hazard F1."""
    try:
        judged = judge(answer(body, status, headers=given_headers), NOW)
    except BitqueryAuthError as error:
        assert str(error).isprintable()  # noqa: PT017 - either outcome is right
    else:
        assert judged.access_token.isascii()
        assert 200 <= status < 300
