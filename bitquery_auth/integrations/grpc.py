"""The auth for gRPC, such as Bitquery's CoreCast streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import grpc
import grpc.aio

from bitquery_auth._auth.base import Auth, with_shared_arguments
from bitquery_auth._errors import BitqueryAuthError
from bitquery_auth._hosts import Origin
from bitquery_auth._threads import run_in_thread
from bitquery_auth._token import Token

__all__ = ["GrpcAuth"]

_METHOD = "POST"  # of every call, in HTTP/2


class CallOutcome(NamedTuple):
    """How a call ended, or that it has received something. ``is_auth_failure`` is called with it.

    Attributes:
        code: The `grpc.StatusCode`; OK if a stream goes on.
        call: The call.
        response: The first response of a stream.
        error: What a stream raised in place of the first response.
    """

    code: Any
    call: Any
    response: Any = None
    error: Exception | None = None

    @property
    def status_code(self) -> int:
        """The HTTP status with the same meaning: 401 for UNAUTHENTICATED."""
        is_unauthenticated = self.code is grpc.StatusCode.UNAUTHENTICATED
        return HTTPStatus.UNAUTHORIZED if is_unauthenticated else HTTPStatus.OK

    def first_response(self) -> Any:
        """Return the first response of a stream, or raise what the stream raised in its place."""
        if self.error is not None:
            raise self.error
        return self.response


@with_shared_arguments
class GrpcAuth(
    Auth,
    grpc.AuthMetadataPlugin,
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """The auth for gRPC: an interceptor of channels that are encrypted.

    ::

        auth = GrpcAuth(ClientCredentials.from_env())
        tls = grpc.ssl_channel_credentials()
        channel = grpc.intercept_channel(grpc.secure_channel(target, tls), auth)
        aio_channel = grpc.aio.secure_channel(target, tls, interceptors=auth.aio_interceptors)

    A call that ends with UNAUTHENTICATED is repeated once with another token, if its request is one
    message and it has received nothing. After other calls, whose requests are streams or that were
    started with ``future()``, the token is replaced for the next call. A call for which there is no
    token ends with gRPC's own error, whose details say why.

    ``grpc.metadata_call_credentials(auth)``, in place of the interceptors, only attaches the token,
    because gRPC does not tell call credentials how a call ended.
    """

    # -- the token of a call ---------------------------------------------------------------------

    def __call__(self, context: Any, callback: Any) -> None:
        """Attach the token to a call, as call credentials."""
        _Attempt(self._metadata)(context, callback)

    def _metadata(self, attempt: _Attempt, service_url: str) -> tuple[tuple[str, str], ...]:
        parts = urlsplit(service_url)
        origin = Origin.of(parts.scheme, parts.hostname or "", parts.port)
        if not self._may_carry_token(origin):
            return ()
        token = attempt.token or self._source.token()
        attempt.carried = origin, token
        return ((self._header_name.lower(), self._header_value(token)),)

    def _calls(self, continuation: Any, details: Any, request: Any) -> _Calls:
        return _Calls(self._metadata, continuation, details, request)

    # -- interceptors of a channel ---------------------------------------------------------------

    def intercept_unary_unary(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        """Attach the token to a call, and repeat the call with another one if it is rejected."""
        calls = self._calls(continuation, client_call_details, request)
        call = calls.start()
        if not call.done():
            return self._replace_token_after(call, calls)
        return self._settle(calls, _end_of(call), _end_of).call

    def intercept_unary_stream(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        """Do the same for a call with a stream of responses."""
        calls = self._calls(continuation, client_call_details, request)
        return _Responses(calls, self._settle)

    def intercept_stream_unary(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        """Attach the token to a call with a stream of requests, which cannot be repeated."""
        calls = self._calls(continuation, client_call_details, request_iterator)
        return self._replace_token_after(calls.start(), calls)

    intercept_stream_stream = intercept_stream_unary

    def _settle(
        self,
        calls: _Calls,
        outcome: CallOutcome,
        outcome_of: Callable[[Any], CallOutcome] | None,
    ) -> CallOutcome:
        """Replace the token if it was rejected, and repeat the call.

        Args:
            calls: The call, and how it is repeated.
            outcome: What became of it.
            outcome_of: Returns what becomes of the repeated call; None if there is to be none.
        """
        carried = calls.latest.carried
        if carried is None or not self._is_rejected(outcome, carried[0]):
            return outcome
        if outcome_of is None or not self._may_replay(_METHOD):
            self._recover(*carried, None)
            return outcome
        try:
            return self._recover(*carried, lambda token: outcome_of(calls.start(token))) or outcome
        except BitqueryAuthError:
            return outcome_of(calls.start())  # which ends with this error, as a first call does

    def _replace_token_after(self, call: Any, calls: _Calls) -> Any:
        """Replace the token for the next call if this one ends rejected."""

        def replace() -> None:
            self._settle(calls, _end_of(call), None)

        if call.done():
            replace()
        else:
            call.add_done_callback(lambda _: run_in_thread(replace))
        return call

    # -- interceptors of an asyncio channel ------------------------------------------------------

    @property
    def aio_interceptors(self) -> tuple[grpc.aio.ClientInterceptor, ...]:
        """The interceptors for `grpc.aio.secure_channel`, which wants one for each kind of call."""
        return (
            _interceptor(grpc.aio.UnaryUnaryClientInterceptor, self._aio_unary_unary),
            _interceptor(grpc.aio.UnaryStreamClientInterceptor, self._aio_unary_stream),
            _interceptor(grpc.aio.StreamUnaryClientInterceptor, self._aio_requests),
            _interceptor(grpc.aio.StreamStreamClientInterceptor, self._aio_requests),
        )

    async def _aio_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        calls = self._calls(continuation, details, request)
        outcome = await _aio_end_of(await calls.start())
        return (await self._asettle(calls, outcome, _aio_end_of)).call

    async def _aio_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        calls = self._calls(continuation, details, request)
        outcome = await _aio_beginning_of(await calls.start())
        return _aio_responses(await self._asettle(calls, outcome, _aio_beginning_of))

    async def _aio_requests(self, continuation: Any, details: Any, requests: Any) -> Any:
        calls = self._calls(continuation, details, requests)
        call = await calls.start()

        async def replace() -> None:
            await self._asettle(calls, await _aio_end_of(call), None)

        task = asyncio.ensure_future(replace())
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)
        return call

    async def _asettle(
        self,
        calls: _Calls,
        outcome: CallOutcome,
        outcome_of: Callable[[Any], Awaitable[CallOutcome]] | None,
    ) -> CallOutcome:
        """Do what `_settle` does, without blocking the event loop."""
        carried = calls.latest.carried
        if carried is None or not self._is_rejected(outcome, carried[0]):
            return outcome
        if outcome_of is None or not self._may_replay(_METHOD):
            await self._arecover(*carried, None)
            return outcome

        async def repeat(token: Token | None) -> CallOutcome:
            return await outcome_of(await calls.start(token))

        try:
            return await self._arecover(*carried, repeat) or outcome
        except BitqueryAuthError:
            return await repeat(None)


_tasks: set[asyncio.Future[None]] = set()
"""Tasks in progress: asyncio itself keeps weak references only."""


class _Attempt(grpc.AuthMetadataPlugin):
    """The credentials of one call, which know what it carried.

    Args:
        metadata: Returns the metadata of an attempt for a service URL.
        token: The token to attach. None: one of the source.

    Attributes:
        token: As given.
        carried: Where the call went, and its token; None if it carried none.
    """

    def __init__(
        self,
        metadata: Callable[[_Attempt, str], tuple[tuple[str, str], ...]],
        token: Token | None = None,
    ) -> None:
        self._metadata = metadata
        self.token = token
        self.carried: tuple[Origin, Token] | None = None

    def __call__(self, context: Any, callback: Any) -> None:
        # gRPC calls this on the thread of an event loop, too, which must not wait for a fetch.
        run_in_thread(partial(self._respond, context.service_url, callback))

    def _respond(self, service_url: str, callback: Any) -> None:
        try:
            metadata = self._metadata(self, service_url)
        except BitqueryAuthError as error:
            callback((), error)
        except Exception as error:  # noqa: BLE001 - without a callback, the call would never end
            callback((), RuntimeError(type(error).__name__))  # its text may hold a secret
        else:
            callback(metadata, None)


class _Calls:
    """One call of the program, which may become two.

    Attributes:
        latest: The credentials of the last one.
    """

    latest: _Attempt

    def __init__(self, metadata: Any, continuation: Any, details: Any, request: Any) -> None:
        self._metadata = metadata
        self._continuation = continuation
        self._details = details
        self._request = request

    def start(self, token: Token | None = None) -> Any:
        """Start the call with this token, or with one of the source."""
        self.latest = _Attempt(self._metadata, token)
        credentials = grpc.metadata_call_credentials(self.latest)
        if self._details.credentials is not None:
            credentials = grpc.composite_call_credentials(self._details.credentials, credentials)
        details = self._details._replace(credentials=credentials)
        return self._continuation(details, self._request)


class _Responses:
    """The responses of a call, which is repeated if it is rejected before the first one."""

    def __init__(self, calls: _Calls, settle: Callable[..., CallOutcome]) -> None:
        self._calls = calls
        self._settle = settle
        self._call = calls.start()
        self._has_begun = False

    def __iter__(self) -> _Responses:
        return self

    def __next__(self) -> Any:
        if self._has_begun:
            return next(self._call)
        self._has_begun = True
        outcome = self._settle(self._calls, _beginning_of(self._call), _beginning_of)
        self._call = outcome.call
        return outcome.first_response()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)


def _end_of(call: Any) -> CallOutcome:
    return CallOutcome(call.code(), call)


def _beginning_of(call: Any) -> CallOutcome:
    try:
        return CallOutcome(grpc.StatusCode.OK, call, response=next(call))
    except grpc.RpcError as error:
        return CallOutcome(call.code(), call, error=error)
    except StopIteration as end:
        return CallOutcome(grpc.StatusCode.OK, call, error=end)


async def _aio_end_of(call: Any) -> CallOutcome:
    return CallOutcome(await call.code(), call)


async def _aio_beginning_of(call: Any) -> CallOutcome:
    try:
        return CallOutcome(grpc.StatusCode.OK, call, response=await call.read())
    except grpc.RpcError as error:
        return CallOutcome(await call.code(), call, error=error)


async def _aio_responses(outcome: CallOutcome) -> AsyncIterator[Any]:
    response = outcome.first_response()
    while response is not grpc.aio.EOF:  # pyright: ignore[reportAttributeAccessIssue]  # it exists
        yield response
        response = await outcome.call.read()


def _interceptor(kind: type[grpc.aio.ClientInterceptor], intercept: Any) -> Any:
    """Return an interceptor whose one method is this function."""
    (method,) = kind.__abstractmethods__
    return type(kind.__name__, (kind,), {method: staticmethod(intercept)})()
