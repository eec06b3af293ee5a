"""The exit codes, and which of them an error leads to."""

from __future__ import annotations

from bitquery_auth._errors import BitqueryAuthError, ConfigurationError, TokenRequestError

OK = 0
FAILED = 1
USAGE = 2
AUTHENTICATION = 3
NO_RESPONSE = 4
GRAPHQL = 5
INTERRUPTED = 130

MEANINGS = {
    OK: "success",
    FAILED: "demo: a scenario failed",
    USAGE: "usage or configuration error, such as a wrong URL",
    AUTHENTICATION: "authentication failed; trying again will not help",
    NO_RESPONSE: "no response, or an HTTP error such as 429 or 503",
    GRAPHQL: "the response has GraphQL errors",
    INTERRUPTED: "interrupted",
}


class CommandError(Exception):
    """A command failed because of the API.

    Args:
        message: What is wrong, and what to do about it.
        exit_code: The exit code of the command.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def exit_code_of(error: BitqueryAuthError | CommandError) -> int:
    """Return the exit code of a command that an error ended."""
    if isinstance(error, CommandError):
        return error.exit_code
    if isinstance(error, ConfigurationError):
        return USAGE
    if error.retryable or isinstance(error, TokenRequestError):
        return NO_RESPONSE
    return AUTHENTICATION
