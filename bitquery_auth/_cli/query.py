"""``bitquery-auth query``: a GraphQL query from the shell."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from bitquery_auth._cli import api
from bitquery_auth._cli.exit_codes import OK
from bitquery_auth._cli.settings import Settings
from bitquery_auth._errors import ConfigurationError

# A string, an empty object or list, a punctuation mark, or a number or other constant.
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\{\s*\}|\[\s*\]|[{}\[\],:]|[^\s{}\[\],:"]+')


def query(
    *, settings: Settings, query: str, variables: str | None, operation_name: str | None
) -> int:
    """Run a query and print the JSON of the response.

    Args:
        settings: The invocation's settings.
        query: The query, ``@file`` or ``-``.
        variables: A JSON object, ``@file`` or ``-``.
        operation_name: Which operation of the query to run.

    Raises:
        BitqueryAuthError: The call or the configuration is wrong, or there is no token.
        CommandError: There is no response, or it is an error.
    """
    response = api.post_query(settings, _request_body(query, variables, operation_name))
    document = api.parse_response(response, settings)
    _print_json(response.content)
    api.raise_for_graphql_errors(response, document)
    return OK


def _request_body(query: str, variables: str | None, operation_name: str | None) -> str:
    """Return the GraphQL request as JSON, in which the variables stay as they were written."""
    if query == variables == "-":
        raise ConfigurationError("Only one of QUERY and --variables can be read from stdin.")
    members = [f'"query": {json.dumps(_query_text(query))}']
    if variables is not None:
        members.append(f'"variables": {_variables_text(variables)}')
    if operation_name is not None:
        members.append(f'"operationName": {json.dumps(operation_name)}')
    return f"{{{', '.join(members)}}}"


def _query_text(argument: str) -> str:
    text = _read("QUERY", argument)
    if "{" not in text:
        is_file = os.path.isfile(argument)  # noqa: PTH113 - Path.is_file raises for a long text
        hint = f"Did you mean @{argument}?" if is_file else "@FILE reads it from a file."
        raise ConfigurationError(
            f"QUERY must be a GraphQL query, such as '{{ __typename }}'. {hint}"
        )
    return text


def _variables_text(argument: str) -> str:
    text = _read("--variables", argument)
    try:
        document = api.load_json(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ConfigurationError(
            "--variables must be a JSON object, such as '{\"count\": 10}', @FILE or -."
        )
    return text


def _read(name: str, argument: str) -> str:
    """Return the text that an argument holds, or names: ``@file``, or ``-`` for stdin."""
    try:
        if argument == "-":
            return sys.stdin.buffer.read().decode("utf-8-sig")
        if argument.startswith("@"):
            return Path(argument[1:]).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{name}: cannot read {argument[1:]}: {error.strerror}.") from None
    except ValueError:
        raise ConfigurationError(f"{name} must be UTF-8 text, which {argument} is not.") from None
    return argument


def _print_json(content: bytes) -> None:
    """Print the server's own JSON: its very bytes to a pipe, indented on a terminal."""
    if sys.stdout is None:  # The shell closed it: >&-
        return
    if sys.stdout.isatty():
        content = f"{indent_json(content.decode('utf-8-sig'))}\n".encode()
    sys.stdout.buffer.write(content)


def indent_json(text: str) -> str:
    """Lay JSON out in lines, without a change to any number, string or key."""
    depth = 0
    pieces: list[str] = []
    for token in _JSON_TOKEN.findall(text):
        match token:
            case "{" | "[":
                depth += 1
                pieces += [token, _line_break(depth)]
            case "}" | "]":
                depth -= 1
                pieces += [_line_break(depth), token]
            case ",":
                pieces += [token, _line_break(depth)]
            case ":":
                pieces += [token, " "]
            case _:
                pieces.append(token)
    return "".join(pieces)


def _line_break(depth: int) -> str:
    return "\n" + "  " * depth
