"""JSON schema in the strict form models follow best: closed objects whose every property is required.

The same form as the OpenAI Agents SDK gives its tools, so that a tool moved here looks the same to the model.
"""

from __future__ import annotations

from typing import cast

from bridge.tools.base import JSON, JSONSchema

_DEEPEST = 50
"""Levels of nesting. A described reference to itself would go on for ever."""


def strict_schema(schema: JSONSchema) -> JSONSchema:
    """The schema in strict form; the given one is not changed. Raises ValueError for what has no strict form."""
    return _close(schema, schema, 0)


def _close(node: JSONSchema, root: JSONSchema, depth: int) -> JSONSchema:
    if depth > _DEEPEST:
        raise ValueError("it contains itself in a way that has no end")
    closed = dict(node)
    if closed.get("default", ...) is None:
        # An optional value is said to be nullable already; this default says nothing more.
        del closed["default"]
    if "$ref" in closed and len(closed) > 1:
        # Beside a reference nothing else may stand: put the thing itself here, under the words said about it.
        target = _target(root, str(closed.pop("$ref")))
        return _close({**target, **closed}, root, depth + 1)
    if closed.get("type") == "object" or "properties" in closed:
        _close_object(closed)
    if "oneOf" in closed:
        # Only one of them can fit anyway, as each names itself; `oneOf` is not understood everywhere.
        closed["anyOf"] = _items(closed, "anyOf") + _items(closed, "oneOf")
        del closed["oneOf"]
    for key in ("properties", "$defs"):
        if isinstance(closed.get(key), dict):
            inner = cast("dict[str, JSONSchema]", closed[key])
            closed[key] = {name: _close(schema, root, depth + 1) for name, schema in inner.items()}
    for key in ("anyOf", "allOf"):
        if key in closed:
            closed[key] = [_close(cast("JSONSchema", item), root, depth + 1) for item in _items(closed, key)]
    if isinstance(closed.get("items"), dict):
        closed["items"] = _close(cast("JSONSchema", closed["items"]), root, depth + 1)
    return closed


def _close_object(schema: JSONSchema) -> None:
    if schema.setdefault("additionalProperties", False) is not False:
        raise ValueError("a dict with any keys cannot be promised to a model; use a dataclass, a TypedDict or a list")
    properties = schema.get("properties")
    if isinstance(properties, dict):
        schema["required"] = list(properties)


def _items(schema: JSONSchema, key: str) -> list[JSON]:
    items = schema.get(key, [])
    return items if isinstance(items, list) else []


def _target(root: JSONSchema, reference: str) -> JSONSchema:
    found: JSON = root
    for name in reference.removeprefix("#/").split("/"):
        # "~1" and "~0" are how JSON pointers write "/" and "~" (RFC 6901).
        found = cast("JSONSchema", found)[name.replace("~1", "/").replace("~0", "~")]
    return cast("JSONSchema", found)
