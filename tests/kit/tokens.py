"""A token that can be found wherever it is sent, and a source that counts what is asked of it."""

from bitquery_auth import Token
from tests.kit.origin import Request

TOKEN = "ory_at_T0KEN.s3ntinel"


class CountingSource:
    """A token source that counts how often it is called."""

    def __init__(self) -> None:
        self.calls = 0
        self.discarded: list[Token | str] = []

    def token(self) -> Token:
        self.calls += 1
        return Token(f"{TOKEN}.{len(self.discarded)}")

    def discard(self, token: Token | str) -> None:
        self.discarded.append(token)


def carries_token(request: Request) -> bool:
    """Whether the token is anywhere in a request: target, headers or body."""
    return TOKEN in f"{request.target} {[*request.headers.items()]} {request.body!r}"
