"""Arguments of a tool that is declared by data: what the model is told of them, and how what it sends is checked.

`parameters` is a JSON schema of one object, or, short, a table of name to what it is:

    {"number": "The order number.", "copies": {"type": "integer", "minimum": 1, "required": False}}

The model is told the strict form, in which every parameter is required; those that need not be given may be null there,
and null counts as not given. As with functions, a number where text is wanted is text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from bridge.errors import AgentError, ToolError
from bridge.tools.base import JSON, JSONSchema
from bridge.tools.strict import strict_schema

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_MOST_PROBLEMS = 5
_LONGEST_RULE = 200
"""Characters of a schema's rule in a sentence: an enum may be long."""


class Arguments:
    """Checks arguments against a schema. Raises AgentError, when made, for a schema that cannot be used."""

    def __init__(self, parameters: Mapping[str, object]) -> None:
        # Made when agents are loaded, so that neither the import nor the compiling falls into a call.
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import Draft202012Validator, validator_for
        from referencing import Registry

        self._schema = _schema_of(parameters)
        self._properties = cast("dict[str, JSONSchema]", self._schema["properties"])
        kind = validator_for(self._schema, default=Draft202012Validator)
        try:
            kind.check_schema(self._schema)
        except SchemaError as error:
            raise AgentError(f"parameters: {_place(error)}: {error.message}") from None
        # A registry of its own: the default one would fetch a "$ref" from the network, or from a file.
        self._validator = kind(self._schema, registry=Registry(), format_checker=kind.FORMAT_CHECKER)
        self.told = _told(self._schema)
        """What the model is told: strict, if there is a strict form of it."""
        self.names = frozenset(self._properties)
        self._defaults = {name: one["default"] for name, one in self._properties.items() if "default" in one}
        self._required = frozenset(cast("list[str]", self._schema["required"]))
        self.certain = self._required | frozenset(self._defaults)
        """Those which always have a value."""

    def check(self, text: str) -> dict[str, JSON]:
        """The arguments in the model's JSON text, defaults filled in. Raises ToolError saying what does not fit."""
        try:
            given = json.loads(text.strip() or "{}", parse_constant=_no_constant)
            json.dumps(given, ensure_ascii=False).encode()
        except (ValueError, RecursionError):  # also half a surrogate pair, which cannot be sent to anybody
            raise ToolError("the arguments are not proper JSON") from None
        if not isinstance(given, dict):
            raise ToolError("the arguments are not a JSON object")
        arguments = self._completed(given)
        try:
            problems = list(dict.fromkeys(map(self._problem, self._validator.iter_errors(arguments))))
        except RecursionError:
            raise ToolError("the arguments are nested too deeply") from None
        if problems:
            raise ToolError("; ".join(problems[:_MOST_PROBLEMS]))
        return arguments

    def _completed(self, given: dict[str, JSON]) -> dict[str, JSON]:
        absent = {name for name, value in given.items() if value is None and name not in self._required}
        arguments = {name: value for name, value in given.items() if name not in absent}
        for name, value in arguments.items():
            arguments[name] = _lenient(value, self._properties.get(name, {}).get("type"))
        return {**self._defaults, **arguments}

    def _problem(self, error: ValidationError) -> str:
        """In words of our own: the package's repeat the value, which may be a card number."""
        place = _place(error)
        instance, rule = cast("Any", error.instance), cast("Any", error.validator_value)
        if error.validator == "required":
            missing = ", ".join(name for name in rule if name not in instance)
            return f"{missing} is missing" if place == "arguments" else f"{place}: {missing} is missing"
        if error.validator == "additionalProperties" and place == "arguments":
            return f"there are no other parameters than {', '.join(sorted(self.names)) or 'none at all'}"
        written = json.dumps(rule, ensure_ascii=False)[:_LONGEST_RULE]
        if error.validator == "type":
            return f"{place} has to be of type {written}"
        if error.validator == "enum":
            return f"{place} has to be one of {written}"
        return f"{place} does not keep to {error.validator} {written}"


def _schema_of(parameters: Mapping[str, object]) -> JSONSchema:
    """A complete schema of one closed object, from either form; the given one is not changed."""
    try:
        given = json.loads(json.dumps(parameters))
    except (TypeError, ValueError, RecursionError) as error:
        raise AgentError(f"parameters: not JSON ({error})") from None
    if not isinstance(given, dict):
        raise AgentError("parameters: write a JSON schema of one object, or a table of name to {type, description}")
    schema = given if given.get("type") == "object" else _from_short(given)
    properties = schema.setdefault("properties", {})
    if not isinstance(properties, dict) or not all(isinstance(one, dict) for one in properties.values()):
        raise AgentError("parameters: properties is a table of name to a schema")
    if schema.setdefault("additionalProperties", False) is not False:
        raise AgentError("parameters: a tool takes the parameters it names and no others (additionalProperties)")
    required = schema.setdefault("required", [])
    if not isinstance(required, list) or not set(map(str, required)) <= set(properties):
        raise AgentError("parameters: required is a list of names in properties")
    for reference in _references(schema):
        if not reference.startswith("#"):
            raise AgentError(f"parameters: a $ref stays inside the schema (#/$defs/...), {reference!r} does not")
    return cast("JSONSchema", schema)


def _from_short(table: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required: list[str] = []
    for name, given in table.items():
        if not isinstance(given, str | dict):
            raise AgentError(f"parameters: {name} is a description, or a table with type and description")
        one = {"type": "string", "description": given} if isinstance(given, str) else dict(given)
        needed = one.pop("required", "default" not in one)
        if not isinstance(needed, bool):
            raise AgentError(f"parameters: {name}: required is true or false")
        if not {"type", "enum", "anyOf", "oneOf", "const"} & set(one):
            one = {"type": "string", **one}
        properties[name] = one
        if needed:
            required.append(name)
    return {"type": "object", "properties": properties, "required": required}


def _told(schema: JSONSchema) -> JSONSchema:
    required = cast("list[str]", schema["required"])
    properties = cast("dict[str, JSONSchema]", schema["properties"])
    told = {name: one if name in required or "default" in one else _or_null(one) for name, one in properties.items()}
    whole = {key: value for key, value in schema.items() if key != "$schema"}
    try:
        return strict_schema({**whole, "properties": cast("JSON", told)})
    except ValueError:  # a table with any keys: no strict form, but an API may well want one
        return schema
    except (KeyError, TypeError):
        raise AgentError("parameters: a $ref leads nowhere") from None


def _or_null(schema: JSONSchema) -> JSONSchema:
    """The same, or null."""
    kind = schema.get("type")
    if kind is None or "const" in schema:
        either: JSONSchema = {"anyOf": [schema, {"type": "null"}]}
        return {**either, "description": schema["description"]} if "description" in schema else either
    kinds = kind if isinstance(kind, list) else [kind]
    nullable: JSONSchema = {**schema, "type": [*kinds, *(["null"] if "null" not in kinds else [])]}
    if isinstance(schema.get("enum"), list):
        nullable["enum"] = [*cast("list[JSON]", schema["enum"]), None]
    return nullable


def _lenient(value: JSON, kind: JSON) -> JSON:
    """A number for text, and a number or truth written as text, as models do it."""
    if kind == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str) and kind in ("integer", "number", "boolean"):
        try:
            read: JSON = json.loads(value.lower() if kind == "boolean" else value, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return value
        return value if read is None or isinstance(read, str | list | dict) else read
    return value


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _place(error: Any) -> str:
    return ".".join(map(str, error.absolute_path)) or "arguments"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
