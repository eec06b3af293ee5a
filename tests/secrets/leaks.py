"""Where a secret must not be found: texts of errors, local variables of our frames, pickles."""

import base64
import pickle
import traceback
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

OURS = "/bitquery_auth/"


def forms(secret: str) -> set[str]:
    """Return a secret as it may appear: as it is, percent-encoded, in base64."""
    encoded = base64.b64encode(secret.encode()).decode()
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), encoded}


def assert_hidden(text: str, *secrets: str) -> None:
    """Fail if one of these is in the text, in any of its forms."""
    for form in (form for secret in secrets for form in forms(secret)):
        at = text.find(form)
        assert at < 0, f"…{text[max(0, at - 120) : at]}>>>{form}"


def shown_chain(error: BaseException) -> Iterator[BaseException]:
    """Return an error and what a traceback shows before it."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def texts_of(error: BaseException) -> str:
    """Return what a handler or a log can make of an error."""
    texts = [f"{link} {link!r} {vars(link)!r} {link.args!r}" for link in shown_chain(error)]
    return "\n".join([*texts, *traceback.format_exception(error)])


def own_locals(error: BaseException) -> str:
    """Return the local variables of our frames, as crash reporters send them: by their repr."""
    frames = [
        f"{frame.name}: {frame.locals}"
        for link in shown_chain(error)
        for frame in traceback.TracebackException.from_exception(link, capture_locals=True).stack
        if OURS in frame.filename
    ]
    assert frames, "the error passed through no frame of ours"
    return "\n".join(frames)


def pickled(value: Any) -> str:
    """Return a pickle, as text in which plain strings can be found."""
    return pickle.dumps(value, 0).decode("latin-1") + pickle.dumps(value).decode("latin-1")
