"""`/api/docs`: the admin API to read, made of its OpenAPI document and of nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bridge.web import openapi
from bridge.web.render import page
from bridge.web.schemas import PLACE


@dataclass(frozen=True, slots=True)
class Told:
    """An operation as the page tells it."""

    method: str
    path: str
    operation: Mapping[str, Any]
    parameters: list[Mapping[str, Any]]
    body: Mapping[str, Any] | None
    """Of its body: kind, and schema and example as text."""
    answers: list[tuple[str, str, str]]
    """Status, what it means, and the schema's name."""
    call: str
    """The same as a command."""


async def document(_: Request) -> Response:
    """`/api/v1/openapi.json`."""
    return Response(_text(), media_type="application/json")


async def show(request: Request) -> Response:
    """The page."""
    found = openapi.document()
    schemas = {name: json.dumps(schema, indent=1) for name, schema in sorted(found["components"]["schemas"].items())}
    return page(request, "api_docs.html", info=found["info"], parts=_parts(), schemas=schemas)


@cache
def _text() -> bytes:
    return json.dumps(openapi.document(), ensure_ascii=False).encode()


@cache
def _parts() -> dict[str, list[Told]]:
    """Operations by the part of the API that they belong to."""
    found = openapi.document()
    parts: dict[str, list[Told]] = {tag["name"]: [] for tag in found["tags"]}
    for path, methods in found["paths"].items():
        shared = methods.get("parameters", [])
        for method, operation in methods.items():
            if method != "parameters":
                parts[operation["tags"][0]].append(_told(method.upper(), path, operation, shared))
    return parts


def _told(method: str, path: str, operation: Mapping[str, Any], shared: list[Mapping[str, Any]]) -> Told:
    body = None
    if "requestBody" in operation:
        [(kind, media)] = operation["requestBody"]["content"].items()
        example = media["example"] if isinstance(media["example"], str) else json.dumps(media["example"])
        body = {"kind": kind, "schema": _name(media["schema"]), "example": example}
    answers = [_answer(status, answer) for status, answer in operation["responses"].items()]
    return Told(
        method=method,
        path=path,
        operation=operation,
        parameters=[*shared, *operation.get("parameters", [])],
        body=body,
        answers=answers,
        call=_command(method, path, body),
    )


def _answer(status: str, answer: Mapping[str, Any]) -> tuple[str, str, str]:
    if "$ref" in answer:
        place = openapi.document()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        return status, place["description"], "Problem"
    content = answer.get("content", {})
    schema: Mapping[str, Any] = next((media["schema"] for media in content.values()), {})
    return status, answer["description"], _name(schema) if content else ""


def _name(schema: Mapping[str, Any]) -> str:
    """A schema in a few characters: its name, or the names of its fields."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(PLACE)
    if "anyOf" in schema:
        return " or ".join(_name(choice) for choice in schema["anyOf"])
    if schema.get("type") == "array":
        return f"[{_name(schema['items'])}]"
    if schema.get("properties"):
        return "{" + ", ".join(f"{name}: {_name(of)}" for name, of in schema["properties"].items()) + "}"
    if "enum" in schema or "const" in schema:
        return " | ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "anything")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _command(method: str, path: str, body: Mapping[str, Any] | None) -> str:
    command = f'curl -H "Authorization: Bearer $TOKEN" "$ADMIN_URL{path}"'
    if method != "GET":
        command = command.replace("curl", f"curl -X {method}", 1)
    if body is None:
        return command
    if body["kind"] == "application/json":
        return f"{command} --json '{body['example']}'"
    return f"{command} --data-binary @people.csv"
