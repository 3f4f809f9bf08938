"""The admin API as OpenAPI 3.1: made of `operations/` and `schemas.py`, for `/api/v1/openapi.json`, `/api/docs` and
`callbridge openapi`."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bridge.web.operations import OPERATIONS
from bridge.web.operations.base import CSV, FILE, Operation, Query
from bridge.web.schemas import PLACE, Schema, made, ref

_ALWAYS = {
    401: "Nobody knows who asks: no token, or one that is no good",
    403: "The role of whoever asks is not enough, or another site's page asks",
    503: "The database is not there; tried again by itself",
}
_FAILS = {
    400: "What was sent is no such thing; `detail` says what is wrong",
    404: "There is no such thing",
    409: "It contradicts how things stand",
    413: "It is longer than it may be",
    422: "Nobody may dial this number; `why` says in one word why not",
    502: "The carrier refused or did not answer",
}
_PARAMETER = re.compile(r"\{(\w+)\}")
_PATH_IDS: dict[str, Schema] = {
    "campaign": {"type": "string", "minLength": 1, "description": "Its id, or the name of the newest called so"},
    "contact": {"type": "integer", "minimum": 1, "maximum": 10**18 - 1},
}
_SAID = {200: "Here it is", 201: "Made", 202: "It is being done", 204: "Done"}


@cache
def document() -> dict[str, Any]:
    """The whole document, as JSON has it."""
    schemas = dict(made())
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method.lower()] = _operation(path, operation, schemas)
    for path, methods in paths.items():
        names = _PARAMETER.findall(path)
        if names:
            methods["parameters"] = [_path_parameter(name) for name in names]
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {
            "title": "callbridge admin API",
            "version": _version(),
            "description": (
                "What the console does, for programs. Times are ISO 8601 in UTC, money is US dollars, numbers are "
                "E.164. Errors are problem+json with one sentence. Every change is written to the audit."
            ),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The admin listener, which is not the public one"}],
        "security": [{"token": []}, {"session": []}],
        "tags": [{"name": part} for part in dict.fromkeys(operation.part for operation in OPERATIONS.values())],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {f"Problem{status}": _problem(what) for status, what in (_ALWAYS | _FAILS).items()},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "BRIDGE_ADMIN_TOKEN, or a token of `callbridge tokens create`. A listener without "
                    "BRIDGE_ADMIN_TOKEN, on loopback alone, asks for none.",
                },
                "session": {"type": "apiKey", "in": "cookie", "name": "callbridge_session", "description": "/login"},
            },
        },
    }


def _version() -> str:
    try:
        return version("callbridge")
    except PackageNotFoundError:  # run from a folder that was never installed
        return "0"


def _operation(path: str, operation: Operation, schemas: dict[str, Schema]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.what,
        "description": f"Needs the role {operation.needs.word}.",
        "tags": [operation.part],
        "x-role": operation.needs.word,
        "responses": {str(status): _answer(status, what) for status, what in operation.answers.items()},
    }
    for status in sorted({*_ALWAYS, *operation.fails}):
        found["responses"][str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    parameters = [_parameter(query, "query") for query in operation.query]
    parameters += [_parameter(header, "header") for header in operation.headers]
    if parameters:
        found["parameters"] = parameters
    if operation.body is not None:
        found["requestBody"] = _body(operation, schemas)
    return found


def _answer(status: int, what: Schema | str | None) -> dict[str, Any]:
    said: dict[str, Any] = {"description": _SAID[status]}
    if what == CSV:
        said["content"] = {CSV: {"schema": {"type": "string"}}}
    elif what is not None:
        said["content"] = {"application/json": {"schema": what}}
    return said


def _body(operation: Operation, schemas: dict[str, Schema]) -> dict[str, Any]:
    if isinstance(operation.body, str):
        media: dict[str, Any] = {"schema": {"type": "string", "contentMediaType": CSV, "description": FILE}}
        media["example"] = "phone_number,name,consent_source\r\n+14155550123,Ada,signed form\r\n"
        return {"required": True, "content": {CSV: media}}
    assert operation.body is not None  # noqa: S101 - narrows the type
    schema = operation.body.model_json_schema(ref_template=PLACE + "{model}")
    schemas |= schema.pop("$defs", {})
    name = operation.body.__name__
    if name.startswith("_") or not schema.get("properties"):
        return {"required": True, "content": {"application/json": {"schema": schema, "example": operation.example}}}
    schemas[name] = schema
    return {"required": True, "content": {"application/json": {"schema": ref(name), "example": operation.example}}}


def _parameter(query: Query, place: str) -> dict[str, Any]:
    return {"name": query.name, "in": place, "description": query.what, "schema": query.schema}


def _path_parameter(name: str) -> dict[str, Any]:
    schema = dict(_PATH_IDS.get(name, {"type": "string", "minLength": 1}))
    told = schema.pop("description", f"The id of the {name.removesuffix('_id')}")
    return {"name": name, "in": "path", "required": True, "description": told, "schema": schema}


def _problem(what: str) -> dict[str, Any]:
    return {"description": what, "content": {"application/problem+json": {"schema": ref("Problem")}}}
