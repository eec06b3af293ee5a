"""Words for people at a shell: settings under the names they have there, nothing that should not be shown."""

from __future__ import annotations

import re

from bitquery_auth._answer import printable

_SETTINGS = (
    "client_id",
    "client_secret",
    "token_endpoint",
    "revocation_endpoint",
    "token_endpoint_auth_method",
    "scope",
)
_LONGEST_QUOTE = 300
_TOKEN = re.compile(r"ory_\w\w_[\w.~+/-]+=*")


def told(error: Exception) -> str:
    """Give an error's message, and the variables by which the settings that it names are set."""
    message = str(error)
    variables = [f"BITQUERY_{name.upper()}" for name in _SETTINGS if re.search(rf"\b{name}\b", message)]
    return f"{message} In the environment: {', '.join(variables)}." if variables else message


def quoted(text: str, *secrets: str) -> str:
    """Quote a server: briefly, in one line, without what was sent to it in confidence."""
    for secret in secrets:
        text = text.replace(secret, "<hidden>")
    return printable(" ".join(_TOKEN.sub("<hidden>", text)[:_LONGEST_QUOTE].split()))
