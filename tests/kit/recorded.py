"""What the sandbox recorded, by subject."""

from urllib.parse import parse_qsl

from bitquery_auth.sandbox import Recorded, Sandbox


def token_posts(sandbox: Sandbox) -> list[Recorded]:
    """Return the requests that reached the token endpoint."""
    return [each for each in sandbox.requests if each.path == "/oauth2/token"]


def api_calls(sandbox: Sandbox) -> list[Recorded]:
    """Return the requests that reached the API."""
    return [each for each in sandbox.requests if each.path.startswith("/graphql")]


def form_of(request: Recorded) -> dict[str, str]:
    """Return the fields of a form, each of which must be there once."""
    fields = parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)
    assert len(dict(fields)) == len(fields)
    return dict(fields)
