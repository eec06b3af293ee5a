"""Bodies that cannot be brought back to their beginning, and say so in ways of their own; and bytes of other kinds."""

import io
from typing import Any

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.behaviour.conftest import HTTPX, REQUESTS, Open, only
from tests.behaviour.test_bodies import CONTENT, handed_over, replayed
from tests.kit.clients import Client
from tests.kit.origin import Origin, refusing_the_first_token


@pytest.fixture
def client(open_client: Open, sandbox: Sandbox, origin: Origin) -> Client:
    """A client of an API that refuses the first token."""
    origin.handler = refusing_the_first_token()
    return open_client(sandbox.credentials(), allowed_hosts=[origin.allowed_host])


class ClosesItself(io.BytesIO):
    """A file that closes itself when it has been read to its end."""

    def __init__(self) -> None:
        super().__init__(CONTENT)

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data:
            self.close()
        return data


class Unwilling(io.RawIOBase):
    """A file of a known length that does not seek, and says so by any error but the usual one.

    Args:
        error: That error.
    """

    def __init__(self, error: Exception) -> None:
        self._rest = io.BytesIO(CONTENT)
        self._error = error

    def __len__(self) -> int:
        return len(CONTENT)

    def __bool__(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._rest.read(size)

    def tell(self) -> int:
        return 0

    def seekable(self) -> bool:
        raise self._error

    def seek(self, *_: Any) -> int:
        raise self._error


each_error = pytest.mark.parametrize(
    "error", [NotImplementedError(), ValueError("no"), io.UnsupportedOperation(), TypeError()], ids=repr
)


@only(REQUESTS)
def test_the_refusal_of_a_file_that_closes_itself_is_handed_over(
    client: Client, origin: Origin, sandbox: Sandbox
) -> None:
    """Hazard R4."""
    handed_over(client, origin, sandbox, lambda: {"content": ClosesItself()})


@only(REQUESTS)
@each_error
def test_the_refusal_of_a_file_that_raises_instead_of_seeking_is_handed_over(
    client: Client, origin: Origin, sandbox: Sandbox, error: Exception
) -> None:
    """Hazard R4."""
    handed_over(client, origin, sandbox, lambda: {"content": Unwilling(error)})


@only(HTTPX)
def test_httpx_hands_the_refusal_of_a_multipart_form_over_whose_file_closes_itself(
    client: Client, origin: Origin, sandbox: Sandbox
) -> None:
    """Hazard R4."""
    handed_over(client, origin, sandbox, lambda: {"files": {"upload": ("name.bin", ClosesItself())}})


class Measurable(Unwilling):
    """One that httpx can tell the length of beforehand: by seeking to its end, as often as need be."""

    def seek(self, *where: Any) -> int:
        return len(CONTENT) if where[1:] == (io.SEEK_END,) else 0


@only(HTTPX)
@each_error
def test_httpx_hands_the_refusal_of_a_multipart_form_over_whose_file_will_not_say_whether_it_seeks(
    client: Client, origin: Origin, sandbox: Sandbox, error: Exception
) -> None:
    """Hazard R4."""
    handed_over(client, origin, sandbox, lambda: {"files": {"upload": ("name.bin", Measurable(error))}})


@only(REQUESTS)
@pytest.mark.parametrize("kind_of_bytes", [bytes, bytearray, memoryview])
def test_requests_sends_whatever_holds_bytes_again(client: Client, origin: Origin, kind_of_bytes: Any) -> None:
    """Hazard R4: they stay as they are while they are read."""
    assert replayed(client, origin, content=kind_of_bytes(CONTENT))[1].body == CONTENT
