"""The error tree, and what becomes of an error that is shared, pickled, or raised inside a client's request."""

import copy
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import httpx2
import pytest
import requests

from bitquery_auth import (
    BitqueryAuthError,
    ConfigurationError,
    InvalidTokenResponseError,
    TokenEndpointError,
    TokenRequestError,
)
from bitquery_auth._errors import as_client_error, copy_of

SECRET = "S3NTINEL"
HEADERS = {"Authorization": f"Bearer {SECRET}"}

REFUSED: dict[str, Any] = {
    "error": "invalid_client",
    "error_description": "No.",
    "error_uri": "https://e",
    "status_code": 401,
    "retry_after": 5.0,
}
EXAMPLES: dict[str, Callable[[], BitqueryAuthError]] = {
    "base": lambda: BitqueryAuthError("words"),
    "configuration": lambda: ConfigurationError("words"),
    "request": lambda: TokenRequestError("words"),
    "endpoint": lambda: TokenEndpointError("words", **REFUSED),
    "answer": lambda: InvalidTokenResponseError("words"),
}
CLIENT_BASES: dict[str, tuple[type[Exception], Callable[[], Any]]] = {
    "requests": (requests.RequestException, lambda: requests.Request("GET", "https://a", headers=HEADERS).prepare()),
    "httpx": (httpx.HTTPError, lambda: httpx.Request("GET", "https://a", headers=HEADERS)),
    "httpx2": (httpx2.HTTPError, lambda: httpx2.Request("GET", "https://a", headers=HEADERS)),
}


@pytest.fixture(params=EXAMPLES)
def error(request: pytest.FixtureRequest) -> BitqueryAuthError:
    """One of each class."""
    return EXAMPLES[request.param]()


@pytest.fixture(params=CLIENT_BASES)
def client(request: pytest.FixtureRequest) -> str:
    """One of the clients."""
    return str(request.param)


def raised_in(client: str, error: BitqueryAuthError) -> BitqueryAuthError:
    base, request = CLIENT_BASES[client]
    return as_client_error(error, base, request())


@pytest.mark.parametrize("kind", [ConfigurationError, TokenRequestError, TokenEndpointError, InvalidTokenResponseError])
def test_every_error_is_one_of_ours_and_none_is_another(kind: type[BitqueryAuthError]) -> None:
    """Hazard F1: one tree."""
    assert kind.__bases__[0] is BitqueryAuthError
    assert issubclass(BitqueryAuthError, Exception)


def test_a_configuration_error_is_a_value_error_too() -> None:
    assert issubclass(ConfigurationError, ValueError)


@pytest.mark.parametrize(
    ("name", "retryable"),
    [("base", False), ("configuration", False), ("request", True), ("endpoint", False), ("answer", False)],
)
def test_what_may_pass_is_retryable(name: str, retryable: bool) -> None:  # noqa: FBT001
    assert EXAMPLES[name]().retryable is retryable


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(0, False), (200, False), (302, False), (400, False), (401, False), (428, False), (429, True), (499, False)]
    + [(status, True) for status in (500, 502, 503, 599)],
)
def test_an_endpoint_that_is_overloaded_or_broken_is_retryable(status: int, retryable: bool) -> None:  # noqa: FBT001
    assert TokenEndpointError("words", status_code=status).retryable is retryable


def test_an_endpoints_error_has_the_members_of_the_answer() -> None:
    error = TokenEndpointError("words", **REFUSED)
    assert {name: getattr(error, name) for name in REFUSED} == REFUSED
    assert str(error) == "words"
    plain = TokenEndpointError("words")
    assert {name: getattr(plain, name) for name in REFUSED} == {**dict.fromkeys(REFUSED), "status_code": 0}


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_survives_pickle_and_copy(error: BitqueryAuthError, again: Callable[[Any], Any]) -> None:
    """Hazard P1."""
    twin = again(error)
    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert vars(twin) == vars(error)
    assert twin.retryable is error.retryable


def test_a_copy_says_the_same_with_words_added(error: BitqueryAuthError) -> None:
    error.__cause__ = cause = OSError("the reason")
    twin = copy_of(error, " Not before noon.")
    assert twin is not error
    assert type(twin) is type(error)
    assert str(twin) == "words Not before noon."
    assert vars(twin) == vars(error)
    assert twin.__cause__ is cause
    assert str(error) == "words", "the shared one stays as it was"
    assert str(copy_of(error)) == "words"


def test_each_copy_has_a_traceback_of_its_own(error: BitqueryAuthError) -> None:
    """A shared error that is raised by a hundred waiters would hold the frames of them all."""

    def a_waiter() -> None:
        raise copy_of(error)

    lengths = []
    for _ in range(3):
        with pytest.raises(BitqueryAuthError) as caught:
            a_waiter()
        lengths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert len(set(lengths)) == 1
    assert error.__traceback__ is None


def test_inside_a_request_an_error_is_one_of_the_clients_too(client: str, error: BitqueryAuthError) -> None:
    """Hazard F6: handlers that people already have catch it."""
    error.__cause__ = cause = OSError("the reason")
    joined = raised_in(client, error)
    with pytest.raises(CLIENT_BASES[client][0]):
        raise joined
    assert isinstance(joined, type(error))
    assert type(joined).__name__ == type(error).__name__
    assert type(joined).__doc__ == type(error).__doc__
    assert type(joined).__qualname__ == type(error).__qualname__
    assert type(joined).__module__ == type(error).__module__
    assert str(joined) == "words"
    assert joined.retryable is error.retryable
    assert joined.__cause__ is cause
    assert {name: getattr(joined, name) for name in vars(error)} == vars(error)


def test_a_client_error_names_its_request(client: str, error: BitqueryAuthError) -> None:
    base, make = CLIENT_BASES[client]
    request = make()
    joined: Any = as_client_error(error, base, request)
    assert joined.request is request
    assert not hasattr(error, "request")


def test_a_client_error_is_no_error_of_another_client(client: str, error: BitqueryAuthError) -> None:
    """Hazard F6."""
    joined = raised_in(client, error)
    assert [name for name, (base, _) in CLIENT_BASES.items() if isinstance(joined, base)] == [client]


def test_what_is_a_client_error_already_stays_as_it_is(client: str, error: BitqueryAuthError) -> None:
    joined = raised_in(client, error)
    assert raised_in(client, joined) is joined


def test_the_class_that_is_both_is_made_once(client: str, error: BitqueryAuthError) -> None:
    assert type(raised_in(client, error)) is type(raised_in(client, error))


def test_an_error_that_went_through_one_client_can_go_through_another(error: BitqueryAuthError) -> None:
    """A source may use a client with an auth of its own."""
    both = raised_in("httpx", raised_in("requests", error))
    assert isinstance(both, (type(error),))
    assert isinstance(both, requests.RequestException)
    assert isinstance(both, httpx.HTTPError)
    assert str(both) == "words"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_a_client_error_survives_pickle_and_copy_and_leaves_its_request_behind(
    client: str, error: BitqueryAuthError, again: Callable[[Any], Any]
) -> None:
    """Hazards P1, S5: the request's header holds the token."""
    joined = raised_in(client, error)
    twin = again(joined)
    assert type(twin) is type(joined)
    assert str(twin) == "words"
    assert twin.retryable is error.retryable
    assert {name: getattr(twin, name) for name in vars(error)} == vars(error)
    assert not any(isinstance(value, type(CLIENT_BASES[client][1]())) for value in vars(twin).values())


def test_no_pickle_of_a_client_error_holds_the_token(client: str, error: BitqueryAuthError) -> None:
    """Hazard S5."""
    assert SECRET.encode() not in pickle.dumps(raised_in(client, error))


def test_a_copy_of_a_client_error_is_one_too(client: str, error: BitqueryAuthError) -> None:
    twin = copy_of(raised_in(client, error), " Again.")
    assert isinstance(twin, CLIENT_BASES[client][0])
    assert isinstance(twin, type(error))
    assert str(twin) == "words Again."


def test_an_error_class_of_ones_own_becomes_a_client_error_as_well(client: str) -> None:
    """A source of one's own may raise what it likes, with a constructor of its own."""

    class EmptyVaultError(BitqueryAuthError):
        def __init__(self, vault: str, *, shelf: int) -> None:
            super().__init__(f"nothing on shelf {shelf} of {vault}")
            self.shelf = shelf

    joined = raised_in(client, EmptyVaultError("north", shelf=3))
    assert isinstance(joined, EmptyVaultError)
    assert isinstance(joined, CLIENT_BASES[client][0])
    assert str(joined) == "nothing on shelf 3 of north"
    assert joined.shelf == 3
