"""The errors that this package raises, and how one of them becomes an error of the client as well.

::

    BitqueryAuthError
    ├── ConfigurationError          a setting is missing or wrong (also a ValueError)
    ├── TokenRequestError           the token endpoint did not respond
    ├── TokenEndpointError          it responded with an error (RFC 6749 §5.2)
    └── InvalidTokenResponseError   it responded 2xx, without a usable token

No message holds a token, a secret or the body of a response.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from traceback import walk_tb
from typing import Any, TypeVar

E = TypeVar("E", bound="BitqueryAuthError")


def is_retryable_status(status: int) -> bool:
    """Whether a request that got this status may succeed later although nothing was changed."""
    return status == 429 or status >= 500  # noqa: PLR2004 - http.HTTPStatus is slow to import


class BitqueryAuthError(Exception):
    """Base of every error that this package raises.

    Attributes:
        retryable: Whether the same call may succeed later although nothing was changed.
        retry_after: Seconds until the token endpoint is asked again, or None if that is not known.
    """

    retryable: bool = False
    retry_after: float | None = None


class ConfigurationError(BitqueryAuthError, ValueError):
    """A setting is missing or wrong. The message names it and says what to write instead."""


class TokenRequestError(BitqueryAuthError):
    """The token endpoint could not be reached, or did not respond in time.

    The message has the words of the operating system, and names the proxy where it was the proxy
    that failed. It is retryable, except where the certificate of the server is not trusted.
    """

    retryable = True


class ProcessFrozenError(TokenRequestError):
    """The deadline of a token request passed while the process was not running.

    Example: the platform froze it, or the laptop was asleep. That says nothing about the token
    endpoint, so the request is made again without a backoff.
    """


class TokenEndpointError(BitqueryAuthError):
    """The token endpoint responded with an error (RFC 6749 §5.2).

    Attributes:
        error: The error code, such as ``invalid_client``; None if the response was not OAuth JSON.
        error_description: The description that the server sent, or None.
        error_uri: The page about the error that the server named, or None.
        status_code: The HTTP status. Redirects are not followed, so it may be a redirect's.
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
        self.retryable = is_retryable_status(status_code)


class InvalidTokenResponseError(BitqueryAuthError):
    """The token endpoint responded 2xx, but the response holds no usable token."""


class CallableFailedError(ConfigurationError):
    """A callable given as a setting raised; its exception is the cause.

    It never leaves the package: the caller gets the cause itself, unless a valid token remains.
    """


def copy_error(error: E, note: str = "") -> E:
    """Copy an error, so that callers who share a failure do not share one traceback.

    Args:
        error: The error of a fetch.
        note: Text to append to the message.
    """
    copy = _rebuild(type(error), (), (f"{error}{note}",), dict(error.__dict__))
    copy.__cause__ = error.__cause__
    return copy


def as_client_error(
    error: BitqueryAuthError,
    request: object,
    *,
    connection_error: type[Exception],
    request_error: type[Exception],
) -> BitqueryAuthError:
    """Make an error that is raised inside a request an error of the client as well.

    Handlers and retry rules that people already have then catch it.

    Args:
        error: What the token source raised.
        request: The request that was to be sent, for the ``request`` of the client's error.
        connection_error: What the client raises where a server cannot be reached, for a
            `TokenRequestError`: ``requests.ConnectionError``, ``httpx.ConnectError``.
        request_error: The client's base class of errors, for all others.
    """
    client_class = connection_error if isinstance(error, TokenRequestError) else request_error
    if isinstance(error, client_class):
        return error
    combined = _rebuild(type(error), (client_class,), error.args, dict(error.__dict__))
    combined.request = request  # type: ignore[attr-defined]  # of the client's class
    combined.__cause__ = error.__cause__
    return combined


@cache
def _combined_class(kind: type[BitqueryAuthError], client_class: type[Exception]) -> Any:
    """Return the class that is both, under the name of ours.

    An error may pass through two clients: gql's transport raises one of aiohttp's as its own.
    """
    ours, clients = getattr(kind, "_combines", (kind, ()))
    clients = (*clients, client_class)

    def __reduce__(self: BitqueryAuthError) -> tuple[Any, ...]:  # noqa: N807 - becomes a method
        # The request is left out: its header holds the token.
        state = {name: self.__dict__[name] for name in self.__dict__.keys() - _CLIENT_STATE}
        return _rebuild, (ours, clients, self.args, state)

    namespace = {name: getattr(kind, name) for name in ("__doc__", "__module__", "__qualname__")}
    namespace |= {"__reduce__": __reduce__, "_combines": (ours, clients)}
    return type(kind.__name__, (kind, client_class), namespace)


_CLIENT_STATE = frozenset({"request", "response", "_request"})


def _rebuild(
    kind: type[E],
    client_classes: tuple[type[Exception], ...],
    args: tuple[Any, ...],
    state: dict[str, Any],
) -> E:
    # The constructor is bypassed: the signature of a subclass may differ from its args.
    for client_class in client_classes:
        kind = _combined_class(kind, client_class)  # type: ignore[arg-type]  # classes are hashable
    error: E = (OSError if issubclass(kind, OSError) else Exception).__new__(kind, *args)
    for client_class in client_classes:
        client_class.__init__(error, str(args[0]) if args else "")
    error.args = args
    error.__dict__.update(state)
    return error


def raised_by_signal_handler(
    error: BaseException, handled: BaseException | None = None
) -> BaseException | None:
    """Find the exception that a signal handler of the program raised, if it led to this error.

    Such an exception concerns the program and must reach it as it is. Example: Celery's soft time
    limit raises an ordinary `Exception` from a signal handler; a handler that raises `TimeoutError`
    while urllib3 reads makes urllib3 raise a ``ReadTimeoutError`` of its own from it.

    Args:
        error: What was caught.
        handled: What was being handled before (`sys.exception`): from there on, the chain of
            contexts belongs to the caller.
    """
    codes = set(_codes_of_signal_handlers())
    found: BaseException | None = None
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and link is not handled and id(link) not in seen:
        seen.add(id(link))
        if any(frame.f_code in codes for frame, _ in walk_tb(link.__traceback__)):
            found = link  # the innermost, since urllib3 raises its own with the same traceback
        link = link.__cause__ or link.__context__
    return found


def _codes_of_signal_handlers() -> Iterator[Any]:
    import signal  # noqa: PLC0415 - takes a while, and is needed after an error only

    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        handler = getattr(handler, "func", handler)  # of a functools.partial
        if callable(handler):  # neither SIG_DFL nor SIG_IGN, whose class is an enumeration
            for function in (handler, type(handler).__call__):
                if (code := getattr(function, "__code__", None)) is not None:
                    yield code
