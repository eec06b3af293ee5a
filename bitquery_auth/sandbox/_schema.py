"""The GraphQL schema of `bitquery_auth.sandbox._data`, as the result of an introspection query."""

from __future__ import annotations

from collections.abc import Mapping

_SCALARS = ("Boolean", "Int", "String")
_ENUMS = {"evm_network": ("arbitrum", "base", "bsc", "eth", "matic", "optimism")}
_INPUTS = {"LimitInput": {"count": "Int", "offset": "Int"}}
_OBJECTS: dict[str, dict[str, str]] = {
    "Query": {"EVM": "EVM"},
    "Subscription": {"EVM": "EVM"},
    "EVM": {"Blocks": "[BlockItem!]", "DEXTrades": "[DEXTradeItem!]"},
    "BlockItem": {"Block": "Block!"},
    "DEXTradeItem": {"Block": "Block!", "Transaction": "Transaction!", "Trade": "Trade!"},
    "Block": {"Number": "Int!", "Time": "String!"},
    "Transaction": {"Hash": "String!"},
    "Trade": {"Buy": "TradeSide!", "Sell": "TradeSide!"},
    "TradeSide": {"Amount": "String!", "Buyer": "String!", "Currency": "Currency!"},
    "Currency": {"Name": "String!", "Symbol": "String!"},
}
_ARGUMENTS = {
    "EVM": {"mempool": "Boolean", "network": "evm_network"},
    "Blocks": {"limit": "LimitInput"},
    "DEXTrades": {"limit": "LimitInput"},
}
"""The arguments of each field that has any."""
_KINDS = (
    dict.fromkeys(_SCALARS, "SCALAR")
    | dict.fromkeys(_ENUMS, "ENUM")
    | dict.fromkeys(_INPUTS, "INPUT_OBJECT")
    | dict.fromkeys(_OBJECTS, "OBJECT")
)
_MEMBERS = ("fields", "inputFields", "interfaces", "enumValues", "possibleTypes")
_NOT_DEPRECATED = {"isDeprecated": False, "deprecationReason": None}


def introspection() -> dict[str, object]:
    """Return the value of ``__schema`` (GraphQL specification, section 4.2), complete."""
    return {
        "description": None,
        "queryType": {"name": "Query"},
        "mutationType": None,
        "subscriptionType": {"name": "Subscription"},
        "types": [
            *(_type(name) for name in _SCALARS),
            *(_type(name, enumValues=_enum_values(values)) for name, values in _ENUMS.items()),
            *(_type(name, inputFields=_inputs(fields)) for name, fields in _INPUTS.items()),
            *(
                _type(name, fields=_fields(fields), interfaces=[])
                for name, fields in _OBJECTS.items()
            ),
        ],
        "directives": [_directive("include"), _directive("skip")],
    }


def _type(name: str, **members: object) -> dict[str, object]:
    return {
        "kind": _KINDS[name],
        "name": name,
        "description": None,
        "specifiedByURL": None,
        "isOneOf": False if _KINDS[name] == "INPUT_OBJECT" else None,
        **dict.fromkeys(_MEMBERS),
        **members,
    }


def _fields(fields: Mapping[str, str]) -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "description": None,
            "args": _inputs(_ARGUMENTS.get(name, {})),
            "type": _reference(of_type),
            **_NOT_DEPRECATED,
        }
        for name, of_type in fields.items()
    ]


def _inputs(inputs: Mapping[str, str]) -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "description": None,
            "type": _reference(of_type),
            "defaultValue": None,
            **_NOT_DEPRECATED,
        }
        for name, of_type in inputs.items()
    ]


def _enum_values(values: tuple[str, ...]) -> list[dict[str, object]]:
    return [{"name": value, "description": None, **_NOT_DEPRECATED} for value in values]


def _directive(name: str) -> dict[str, object]:
    return {
        "name": name,
        "description": None,
        "isRepeatable": False,
        "locations": ["FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"],
        "args": _inputs({"if": "Boolean!"}),
    }


def _reference(text: str) -> dict[str, object]:
    """Describe a type that is written as in the schema language, for example ``[Block!]``."""
    if text.endswith("!"):
        return {"kind": "NON_NULL", "name": None, "ofType": _reference(text[:-1])}
    if text.startswith("["):
        return {"kind": "LIST", "name": None, "ofType": _reference(text[1:-1])}
    return {"kind": _KINDS[text], "name": text, "ofType": None}
