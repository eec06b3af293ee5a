"""The errors this library raises, and how one of them also becomes an error of the client that is sending.

::

    BitqueryAuthError
    ├── ConfigurationError          (also a ValueError) a setting is wrong: mend it
    ├── TokenRequestError           the token endpoint gave no answer: retryable
    ├── TokenEndpointError          it answered, and said no (RFC 6749 §5.2)
    └── InvalidTokenResponseError   it answered 2xx, without a usable token

No message holds a token, a secret or the body of an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from http import HTTPStatus
from typing import Any, ParamSpec, TypeVar

E = TypeVar("E", bound="BitqueryAuthError")
P = ParamSpec("P")
R = TypeVar("R")


class BitqueryAuthError(Exception):
    """Base of every error that this library raises.

    Attributes:
        retryable: Whether the same call may succeed later with nothing changed.
    """

    retryable: bool = False


class ConfigurationError(BitqueryAuthError, ValueError):
    """A setting is missing or wrong; the message names it, its rule and the way out."""


class TokenRequestError(BitqueryAuthError):
    """The token endpoint could not be asked, or did not answer; the cause is chained."""

    retryable = True


class TokenEndpointError(BitqueryAuthError):
    """The token endpoint answered, and the answer is no (RFC 6749 §5.2).

    Attributes:
        error: The code, such as ``invalid_client``; None where the answer was no OAuth JSON.
        error_description: The server's words for it, or None.
        error_uri: Where the server explains it, or None.
        status_code: The HTTP status of the answer; a redirect's too, as none is followed.
        retry_after: Seconds that the server asked to wait (RFC 9110 §10.2.3), or what is left of them; or None.
    """

    def __init__(
        self,
        message: str,
        *,
        error: str | None = None,
        error_description: str | None = None,
        error_uri: str | None = None,
        status_code: int = 0,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.error = error
        self.error_description = error_description
        self.error_uri = error_uri
        self.status_code = status_code
        self.retry_after = retry_after
        self.retryable = status_code == HTTPStatus.TOO_MANY_REQUESTS or status_code >= HTTPStatus.INTERNAL_SERVER_ERROR


class InvalidTokenResponseError(BitqueryAuthError):
    """The token endpoint answered 2xx, but with nothing that can be used as a token."""


def conceals(call: Callable[P, R]) -> Callable[P, R]:
    """Keep what a call is given, which may be a secret, out of the traceback of what it raises.

    Crash reporters send the local variables of every frame: the error is raised anew from one that has none.
    """

    @wraps(call)
    def concealed(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - also a TypeError for an argument that there is not
            failure = error.with_traceback(None)
        del args, kwargs
        failure.__context__ = failure.__cause__
        if failure.__cause__ is not None:
            failure.__cause__.__traceback__ = None
        try:
            raise failure
        finally:
            del failure  # the traceback holds this frame

    return concealed


def copy_of(error: E, note: str = "") -> E:
    """Give one of several waiters an error of its own, so that tracebacks do not pile up on a shared one.

    Args:
        error: What the fetch ended with.
        note: Words to add to the message.
    """
    twin = _rebuild(type(error), None, (f"{error}{note}",), dict(error.__dict__))
    twin.__cause__ = error.__cause__
    return twin


def as_client_error(error: BitqueryAuthError, client_base: type[Exception], request: object) -> BitqueryAuthError:
    """Make an error raised inside a request also one of the client's own, so that existing handlers catch it.

    Args:
        error: What the source raised.
        client_base: ``requests.RequestException``, ``httpx.HTTPError`` or ``httpx2.HTTPError``.
        request: The request that was to be sent, for the client's ``error.request``.
    """
    if isinstance(error, client_base):
        return error
    twin = _rebuild(type(error), client_base, error.args, dict(error.__dict__))
    twin.request = request  # type: ignore[attr-defined]  # every client's base error has it
    twin.__cause__ = error.__cause__
    return twin


@cache
def _joined(kind: type[BitqueryAuthError], client_base: type[Exception]) -> Any:
    """The class that is both, under the name of ours."""

    def __reduce__(self: BitqueryAuthError) -> tuple[Any, ...]:  # noqa: N807 - becomes a method
        # The request stays behind: its header holds the token, its hooks lead to the secret.
        state = {name: value for name, value in self.__dict__.items() if name not in _CLIENT_STATE}
        return _rebuild, (kind, client_base, self.args, state)

    namespace = {name: getattr(kind, name) for name in ("__doc__", "__module__", "__qualname__")}
    return type(kind.__name__, (kind, client_base), namespace | {"__reduce__": __reduce__})


_CLIENT_STATE = frozenset({"request", "response", "_request"})


def _rebuild(kind: type[E], client_base: type[Exception] | None, args: tuple[Any, ...], state: dict[str, Any]) -> E:
    # Not by its constructor: a class of the user's may want other arguments than it keeps.
    if client_base is not None:
        kind = _joined(kind, client_base)  # type: ignore[arg-type]  # mypy takes no class for hashable
    error: E = (OSError if issubclass(kind, OSError) else Exception).__new__(kind, *args)
    if client_base is not None:
        client_base.__init__(error, *map(str, args[:1]))
    error.args = args
    error.__dict__.update(state)
    return error
