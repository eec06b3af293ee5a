"""What must not be shown: text that hides itself, and secrets taken out of the text of others.

Every place that has to hide a token or a secret uses one of these two.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, quote_plus

_HIDDEN = "<hidden>"


class Secret(str):
    """Text that does not show itself: its repr, and so that of any frame or container, is hidden.

    It is a plain string otherwise. ``str(secret)`` and formatting return the text itself.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(_HIDDEN)


def redact(text: str, secrets: Iterable[str] = (), *, limit: int = 500) -> str:
    """Make the text of a server fit for a message or a log.

    Args:
        text: What the server sent.
        secrets: What must not be shown. Each is found as it is and percent-encoded, with ``%20`` or
            ``+`` for a space, since servers quote the form that they received.
        limit: The longest result, in characters.

    Returns:
        The text in one printable line, shortened, with ``<hidden>`` in place of each secret.
    """
    for secret in secrets:
        for form in (secret, quote(secret, safe=""), quote_plus(secret)):
            if form:
                text = text.replace(form, _HIDDEN)
    return "".join(char if char.isprintable() else " " for char in text[:limit])
