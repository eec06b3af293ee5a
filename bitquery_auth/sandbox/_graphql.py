"""GraphQL as far as the sandbox needs it: parses a document and selects what it asks for.

Fields that the sandbox does not have are left out, where a real server would report an error: a
program under test may ask for anything, and a test can provide the responses itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from bitquery_auth.sandbox._data import block, trade
from bitquery_auth.sandbox._schema import introspection

Responses = (
    Mapping[str, Mapping[str, Any]] | Callable[[str, Mapping[str, Any]], Mapping[str, Any] | None]
)

_TOKEN = re.compile(
    r"""
    (?P<ignored> [\s,\ufeff]+ | \#[^\r\n]* )
    | (?P<token>
        \"{3} .*? (?<!\\) \"{3}                 # a block string
        | " (?: \\. | [^"\\\r\n] )* "           # a string
        | \.\.\. | [!$&():=@\[\]{|}]            # punctuators
        | [_A-Za-z]\w*                          # a name
        | -?\d[\w.+-]*                          # a number
    )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_END = "the end of the document"
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_OPERATIONS = ("query", "mutation", "subscription")

_COUNT = re.compile(r"\blimit : { [^}]*?\bcount : (?:(?P<number>\d+)|\$ (?P<variable>\w+))")
_DEFAULT_COUNT = 10
_MAX_COUNT = 10_000


class GraphQLError(ValueError):
    """A request is not GraphQL."""

    @property
    def response(self) -> dict[str, list[dict[str, str]]]:
        """The response body that reports it."""
        return {"errors": [{"message": str(self)}]}


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """What a client sends: a document and what belongs to it."""

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None


@dataclass(frozen=True, slots=True)
class Field:
    """A field that is asked for."""

    key: str
    """Its name in the response: the alias, if there is one."""
    name: str
    arguments: str
    """Its arguments, with a space between tokens."""
    selections: Selections


Selections = Sequence[Field | str]
"""Fields, and names of fragments."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document, with the document's fragments."""

    kind: str
    name: str | None
    selections: Selections
    fragments: Mapping[str, Selections]


def parse_request(payload: object) -> GraphQLRequest:
    """Read the JSON that a client sends over HTTP or in a WebSocket message.

    Raises:
        GraphQLError: It holds no query, or its other members are of wrong types.
    """
    if not isinstance(payload, dict):
        raise GraphQLError("The body must be a JSON object.")
    body = cast("dict[str, Any]", payload)
    query = body.get("query")
    if not isinstance(query, str) or not query.strip():
        raise GraphQLError("Must provide query string.")
    variables, operation_name = body.get("variables") or {}, body.get("operationName")
    if not isinstance(variables, dict):
        raise GraphQLError("variables must be a JSON object.")
    if not isinstance(operation_name, str | None):
        raise GraphQLError("operationName must be a string.")
    return GraphQLRequest(query, cast("dict[str, Any]", variables), operation_name)


def response_of_test(responses: Responses, request: GraphQLRequest) -> Mapping[str, Any] | None:
    """Return the response body that a test provides for this request, if any."""
    if callable(responses):
        return responses(request.query, request.variables)
    return next((body for text, body in responses.items() if text in request.query), None)


def parse(request: GraphQLRequest) -> Operation:
    """Return the operation that a request asks for.

    Raises:
        GraphQLError: The document is not GraphQL, or lacks the operation.
    """
    operations = _Parser(request.query).document()
    for operation in operations:
        if request.operation_name in {None, operation.name}:
            return operation
    raise GraphQLError(f"Unknown operation named {request.operation_name!r}.")


def execute(
    operation: Operation, variables: Mapping[str, Any], number: int | None = None
) -> dict[str, object]:
    """Return the response body for an operation.

    Args:
        operation: The operation.
        variables: The values of its variables.
        number: For a subscription, the number of the newest block, which is all that it gets.
    """

    def numbers(arguments: str) -> Sequence[int]:
        return range(1, _count(arguments, variables) + 1) if number is None else [number]

    data: dict[str, object] = {
        "__typename": operation.kind.capitalize(),
        "__schema": lambda _: introspection(),
        "EVM": {
            "Blocks": lambda arguments: [block(each) for each in numbers(arguments)],
            "DEXTrades": lambda arguments: [trade(each) for each in numbers(arguments)],
        },
    }
    return {"data": _select(data, operation.selections, operation.fragments)}


def _count(arguments: str, variables: Mapping[str, Any]) -> int:
    """Return N of ``limit: {count: N}``, at most 10,000, and 10 without a limit."""
    found = _COUNT.search(arguments)
    if found is None:
        return _DEFAULT_COUNT
    count = str(found["number"] or variables.get(found["variable"]))
    return min(int(count), _MAX_COUNT) if count.isdecimal() else _DEFAULT_COUNT


def _select(value: Any, selections: Selections, fragments: Mapping[str, Selections]) -> object:
    if isinstance(value, list):
        return [_select(item, selections, fragments) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    selected: dict[str, object] = {}
    for field in _flatten(selections, fragments):
        if field.name in members:
            member = members[field.name]
            if callable(member):
                member = member(field.arguments)
            selected[field.key] = _select(member, field.selections, fragments)
    return selected


def _flatten(selections: Selections, fragments: Mapping[str, Selections]) -> Iterator[Field]:
    for selection in selections:
        if isinstance(selection, Field):
            yield selection
        else:
            yield from _flatten(fragments.get(selection, ()), fragments)


class _Parser:
    """Reads a document by recursive descent (GraphQL specification, section 2)."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._token = next(self._tokens)
        self._fragments: dict[str, Selections] = {}

    def document(self) -> list[Operation]:
        operations: list[Operation] = []
        while not self._at(_END):
            if self._skip("fragment"):
                name = self._name()
                self._expect("on")
                self._name()
                self._directives()
                self._fragments[name] = self._selections()
            else:
                operations.append(self._operation())
        if not operations:
            raise self._error("a query")
        return operations

    def _operation(self) -> Operation:
        if self._at("{"):
            return Operation("query", None, self._selections(), self._fragments)
        if self._token not in _OPERATIONS:
            raise self._error("a query")
        kind = self._next()
        name = self._name() if self._token.isidentifier() else None
        self._arguments()
        self._directives()
        return Operation(kind, name, self._selections(), self._fragments)

    def _selections(self) -> Selections:
        self._expect("{")
        selections: list[Field | str] = []
        while not selections or not self._skip("}"):
            if self._skip("..."):
                selections += self._fragment()
            else:
                selections.append(self._field())
        return selections

    def _fragment(self) -> Selections:
        """Read what follows three dots: the name of a fragment, or selections on the spot."""
        if self._token.isidentifier() and not self._skip("on"):
            name = self._name()
            self._directives()
            return [name]
        if self._token.isidentifier():
            self._name()
        self._directives()
        return self._selections()

    def _field(self) -> Field:
        key = name = self._name()
        if self._skip(":"):
            name = self._name()
        arguments = self._arguments()
        self._directives()
        selections = self._selections() if self._at("{") else ()
        return Field(key, name, arguments, selections)

    def _directives(self) -> None:
        while self._skip("@"):
            self._name()
            self._arguments()

    def _arguments(self) -> str:
        """Read arguments or variable definitions, if there are any."""
        return self._enclosed() if self._at("(") else ""

    def _enclosed(self) -> str:
        """Read from a bracket to the one that closes it."""
        opening = self._next()
        closing, tokens = _CLOSING[opening], [opening]
        while not self._at(closing):
            if self._token in {_END, *_CLOSING.values()}:
                raise self._error(f"'{closing}'")
            tokens.append(self._enclosed() if self._token in _CLOSING else self._next())
        return " ".join([*tokens, self._next()])

    def _name(self) -> str:
        if not self._token.isidentifier():
            raise self._error("a name")
        return self._next()

    def _at(self, token: str) -> bool:
        return self._token == token

    def _skip(self, token: str) -> bool:
        found = self._at(token)
        if found:
            self._next()
        return found

    def _expect(self, token: str) -> None:
        if not self._skip(token):
            raise self._error(f"'{token}'")

    def _next(self) -> str:
        token, self._token = self._token, next(self._tokens, _END)
        return token

    def _error(self, expected: str) -> GraphQLError:
        found = self._token if self._at(_END) else f"'{self._token}'"
        return GraphQLError(f"Syntax Error: expected {expected}, found {found}.")


def _tokens(text: str) -> Iterator[str]:
    """Yield the tokens of a document, and at last its end."""
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise GraphQLError(f"Syntax Error: unexpected character {text[position]!r}.")
        position = found.end()
        if found["token"]:
            yield found["token"]
    yield _END
