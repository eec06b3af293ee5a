"""The error classes, and an error that is copied, pickled, or raised inside a client's request."""

import copy
import pickle
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

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
from bitquery_auth._errors import as_client_error, copy_error

SENTINEL = "S3NTINEL"
HEADERS = {"Authorization": f"Bearer {SENTINEL}"}
MEMBERS: dict[str, Any] = {
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
    "endpoint": lambda: TokenEndpointError("words", **MEMBERS),
    "response": lambda: InvalidTokenResponseError("words"),
}


class ClientErrors(NamedTuple):
    """The errors of a client, and a request of it that holds a token."""

    base: type[Exception]
    connection: type[Exception]
    request: Any


CLIENTS: dict[str, ClientErrors] = {
    "requests": ClientErrors(
        requests.RequestException,
        requests.ConnectionError,
        requests.Request("GET", "https://a", headers=HEADERS).prepare(),
    )
}
for module in (httpx, httpx2):
    request = module.Request("GET", "https://a", headers=HEADERS)
    CLIENTS[module.__name__] = ClientErrors(module.RequestError, module.ConnectError, request)
COPIES: list[Callable[[Any], Any]] = [
    copy.copy,
    copy.deepcopy,
    lambda error: pickle.loads(pickle.dumps(error)),
]


@pytest.fixture(params=EXAMPLES)
def error(request: pytest.FixtureRequest) -> BitqueryAuthError:
    """One error of each class."""
    return EXAMPLES[request.param]()


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> ClientErrors:
    """One client after the other."""
    return CLIENTS[request.param]


def raised_in(client: ClientErrors, error: BitqueryAuthError) -> Any:
    """Return the error as it is raised inside a request of that client."""
    return as_client_error(
        error,
        client.request,
        connection_error=client.connection,
        request_error=client.base,
    )


# -- classes ---------------------------------------------------------------------------------------


def test_every_error_has_the_same_base() -> None:
    """Hazard F1."""
    for make in EXAMPLES.values():
        assert isinstance(make(), BitqueryAuthError)
    assert issubclass(BitqueryAuthError, Exception)
    assert issubclass(ConfigurationError, ValueError)


def test_only_a_request_without_a_response_is_retryable_by_its_class() -> None:
    assert [name for name, make in EXAMPLES.items() if make().retryable] == ["request"]


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        *((status, False) for status in (0, 200, 302, 400, 428, 430, 499)),
        *((status, True) for status in (429, 500, 599)),
    ],
)
def test_an_endpoint_that_is_overloaded_or_broken_is_retryable(
    status: int,
    retryable: bool,  # noqa: FBT001 - a case
) -> None:
    assert TokenEndpointError("words", status_code=status).retryable is retryable


# -- copies ----------------------------------------------------------------------------------------


def test_an_error_survives_pickle_and_copy(error: BitqueryAuthError) -> None:
    """Hazard P1."""
    for twin in (duplicate(error) for duplicate in COPIES):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)
        assert twin.retryable is error.retryable


def test_a_copy_for_a_caller_is_the_same_with_a_note_and_a_traceback_of_its_own(
    error: BitqueryAuthError,
) -> None:
    """An error that a hundred waiters raise would otherwise hold the frames of all of them."""
    error.__cause__ = cause = OSError("the reason")
    lengths = set()
    for _ in range(3):
        with pytest.raises(type(error)) as caught:
            raise copy_error(error, " Not before noon.")
        twin = caught.value
        assert twin is not error
        assert str(twin) == "words Not before noon."
        assert vars(twin) == vars(error)
        assert twin.__cause__ is cause
        lengths.add(len(traceback.extract_tb(twin.__traceback__)))
    assert len(lengths) == 1
    assert error.__traceback__ is None
    assert str(error) == str(copy_error(error)) == "words", "the shared one is unchanged"


# -- inside a request of a client ------------------------------------------------------------------


def test_inside_a_request_an_error_is_one_of_the_client_too(
    client: ClientErrors, error: BitqueryAuthError
) -> None:
    """Hazard F6: handlers that people already have catch it, and those of no other client."""
    error.__cause__ = cause = OSError("the reason")
    joined = raised_in(client, error)
    assert joined.request is client.request
    assert not hasattr(error, "request")
    assert [each for each in CLIENTS.values() if isinstance(joined, each.base)] == [client]
    assert isinstance(joined, type(error))
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        assert getattr(type(joined), name) == getattr(type(error), name)
    assert str(joined) == "words"
    assert joined.retryable is error.retryable
    assert joined.__cause__ is cause
    assert {name: getattr(joined, name) for name in vars(error)} == vars(error)


def test_only_a_token_request_without_a_response_is_a_connection_error(
    client: ClientErrors,
) -> None:
    """Hazard F6: retry rules of a client repeat what could not be connected."""
    joined = {name: raised_in(client, make()) for name, make in EXAMPLES.items()}
    assert [name for name, each in joined.items() if isinstance(each, client.connection)] == [
        "request"
    ]


def test_an_error_that_is_the_clients_already_is_unchanged(
    client: ClientErrors, error: BitqueryAuthError
) -> None:
    joined = raised_in(client, error)
    assert raised_in(client, joined) is joined
    for other in CLIENTS.values():  # a source may use a client that has an auth of its own
        both = raised_in(other, joined)
        assert isinstance(both, other.base)
        assert isinstance(both, client.base)
        assert isinstance(both, type(error))
        assert str(both) == "words"


def test_an_error_of_a_client_survives_pickle_and_copy_without_its_request(
    client: ClientErrors, error: BitqueryAuthError
) -> None:
    """Hazards P1, S5: the header of the request holds the token."""
    joined = raised_in(client, error)
    for twin in (duplicate(joined) for duplicate in COPIES):
        assert type(twin) is type(joined)
        assert str(twin) == "words"
        assert twin.retryable is error.retryable
        assert {name: getattr(twin, name) for name in vars(error)} == vars(error)
        assert not any(isinstance(value, type(client.request)) for value in vars(twin).values())
    assert SENTINEL.encode() not in pickle.dumps(joined)
    later = copy_error(joined, " Later.")
    assert isinstance(later, client.base)
    assert isinstance(later, type(error))
    assert str(later) == "words Later."


def test_an_error_class_of_the_user_becomes_one_of_the_client_too(client: ClientErrors) -> None:
    """Its constructor may take other arguments."""

    class EmptyVaultError(BitqueryAuthError):
        def __init__(self, vault: str, *, shelf: int) -> None:
            super().__init__(f"nothing on shelf {shelf} of {vault}")
            self.shelf = shelf

    joined = raised_in(client, EmptyVaultError("north", shelf=3))
    assert isinstance(joined, EmptyVaultError)
    assert isinstance(joined, client.base)
    assert str(joined) == "nothing on shelf 3 of north"
    assert joined.shelf == 3
