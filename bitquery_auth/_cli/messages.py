"""Messages on stderr, in which settings have the names that a shell knows them by."""

from __future__ import annotations

import re
import sys

from bitquery_auth._cli.exit_codes import CommandError
from bitquery_auth._environment import PREFIX

_SETTINGS = (
    "client_id",
    "client_secret",
    "token_endpoint",
    "revocation_endpoint",
    "token_endpoint_auth_method",
    "scope",
)


def print_error(message: str) -> None:
    """Print a message to stderr, with the program's name before it."""
    print_to_stderr(f"bitquery-auth: {message}")


def print_to_stderr(message: str) -> None:
    """Print a line to stderr, if it is open: ``print(file=None)`` would print it to stdout."""
    if sys.stderr is not None:
        print(message, file=sys.stderr, flush=True)


def describe(error: Exception) -> str:
    """Return an error's message, and the environment variables of the settings it names."""
    message = str(error)
    if isinstance(error, CommandError):
        return message
    named = [setting for setting in _SETTINGS if re.search(rf"\b{setting}\b", message)]
    variables = [f"{PREFIX}{setting.upper()}" for setting in named]
    unnamed = [variable for variable in variables if variable not in message]
    return f"{message} In the environment: {', '.join(unnamed)}." if unnamed else message
