"""Where a secret may not be found: the texts of errors, tracebacks and objects."""

import base64
import pickle
import traceback
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

OURS = "/bitquery_auth/"


def forms(secret: str) -> set[str]:
    """A secret as it may appear: raw, percent-encoded, in base64."""
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        base64.b64encode(secret.encode()).decode(),
    }


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error with everything that hangs on it."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        link = todo.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        todo += [link.__cause__, link.__context__]


def texts_of_error(error: BaseException) -> Iterator[str]:
    """What a handler, a log or a crash report makes of an error."""
    for link in chain(error):
        yield str(link)
        yield repr(link)
        yield repr(vars(link))
        yield repr(link.args)
    yield "".join(traceback.format_exception(error))


def own_locals(error: BaseException) -> Iterator[str]:
    """The local variables that a crash report shows of this package's frames."""
    for link in chain(error):
        captured = traceback.TracebackException.from_exception(link, capture_locals=True)
        for frame in captured.stack:
            if OURS in frame.filename and frame.locals:
                yield f"{frame.name}: {frame.locals}"


def pickled(value: Any) -> str:
    """A pickle, as text in which plain strings can be found."""
    return pickle.dumps(value, 0).decode("latin-1") + pickle.dumps(value).decode("latin-1")


def assert_hidden(text: str, *secrets: str) -> None:
    """None of these is in the text, in any of its forms."""
    for secret in secrets:
        for form in forms(secret):
            at = text.find(form)
            assert at < 0, f"…{text[max(0, at - 120) : at]}>>>{form}"
