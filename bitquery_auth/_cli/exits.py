"""The exit codes, and which one an error or an answer earns."""

from __future__ import annotations

from bitquery_auth._errors import BitqueryAuthError, ConfigurationError

OK = 0
FAILED = 1
USAGE = 2
AUTHENTICATION = 3
NO_ANSWER = 4
GRAPHQL = 5
INTERRUPTED = 130

EXITS = {
    OK: "it went well",
    FAILED: "demo: something promised did not happen",
    USAGE: "the call or the configuration is wrong",
    AUTHENTICATION: "authentication failed, and trying again will not help",
    NO_ANSWER: "no answer, or an HTTP error (429, 5xx, ...): trying again may help",
    GRAPHQL: "the answer has GraphQL errors",
    INTERRUPTED: "interrupted",
}


class CommandError(Exception):
    """A command cannot do what it was asked for, and the API is why.

    Args:
        words: What is wrong, and what to do about it.
        code: The exit code that it earns.
    """

    def __init__(self, words: str, code: int) -> None:
        super().__init__(words)
        self.code = code


def exit_code(error: BitqueryAuthError | CommandError) -> int:
    """Give the exit code that an error ends with."""
    if isinstance(error, CommandError):
        return error.code
    if isinstance(error, ConfigurationError):
        return USAGE
    return NO_ANSWER if error.retryable else AUTHENTICATION
