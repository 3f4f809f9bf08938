"""Twilio's own description of its REST API (OpenAPI 3), as a judge of requests and answers.

Only what the description uses is understood; a keyword that is not known here is an error of the test. Stricter than
OpenAPI's defaults: a field that is not described is refused, so that a misspelt one is found.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

DESCRIPTION = Path(__file__).parents[1] / "fixtures" / "twilio_openapi" / "twilio_api_v2010.json"
FORM = "application/x-www-form-urlencoded"

Schema = Mapping[str, Any]

WORDS = {
    "MachineDetection": {"Enable", "DetectMessageEnd"},
    "AsyncAmd": {"true", "false"},
    "StatusCallbackEvent": {"initiated", "ringing", "answered", "completed"},
}
"""What the description calls any text, and its prose does not."""
CLEARED = {"VoiceUrl", "VoiceFallbackUrl", "StatusCallback"}
"""Of a number: an empty text takes the webhook away, which the description says nowhere and the API does."""

_KNOWN = {"type", "format", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "items", "nullable"}
_KNOWN |= {"properties", "title", "required", "description"}
_TYPES = {"string": str, "integer": int, "number": int | float, "boolean": bool, "array": list, "object": dict}


class Unlawful(Exception):
    """The description does not allow this."""


@dataclass(frozen=True)
class Asked:
    """One request; `path` with its query."""

    method: str
    path: str
    body: str = ""
    content_type: str = FORM
    authorization: str = "Basic x"


@dataclass(frozen=True)
class Operation:
    """What may be asked at one path by one method."""

    name: str
    body: Mapping[str, Any]
    fields: Mapping[str, list[str]]
    answers: Mapping[str, Any]


class Api:
    """The described API."""

    def __init__(self) -> None:
        self.description = json.loads(DESCRIPTION.read_text(encoding="utf-8"))

    def judge(self, asked: Asked) -> Operation:
        """The operation a request is for. Raises Unlawful, which says what is wrong with the request."""
        url = urlsplit(asked.path)
        for template, item in self.description["paths"].items():
            names = re.findall(r"\{(\w+)\}", template)
            found = re.fullmatch(re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(template)), url.path)
            if found is None:
                continue
            operation = item.get(asked.method.lower())
            if operation is None:
                raise Unlawful(f"{asked.method} {url.path}: no such method here")
            if operation.get("security") and not asked.authorization.startswith("Basic "):
                raise Unlawful("no Basic authorization")
            parameters = {(one["in"], one["name"]): one for one in operation["parameters"]}
            for name, value in zip(names, found.groups(), strict=True):
                self._value(name, [value], parameters["path", name]["schema"])
            query = parse_qs(url.query, keep_blank_values=True)
            self._fields(query, {name: one["schema"] for (place, name), one in parameters.items() if place == "query"})
            fields = self._body(asked, operation)
            return Operation(operation["operationId"], operation, query | fields, operation["responses"])
        raise Unlawful(f"{url.path}: no such path")

    def _body(self, asked: Asked, operation: Schema) -> dict[str, list[str]]:
        schema = operation.get("requestBody", {}).get("content", {}).get(FORM, {}).get("schema")
        if schema is None:
            if asked.body:
                raise Unlawful("a body where none belongs")
            return {}
        if asked.content_type.partition(";")[0] != FORM:
            raise Unlawful(f"a body of type {asked.content_type}")
        fields = parse_qs(asked.body, keep_blank_values=True, strict_parsing=bool(asked.body))
        if missing := set(schema.get("required", ())) - fields.keys():
            raise Unlawful(f"without {', '.join(sorted(missing))}")
        self._fields(fields, schema["properties"])
        return fields

    def _fields(self, fields: Mapping[str, list[str]], schemas: Mapping[str, Schema]) -> None:
        for name, values in fields.items():
            if name not in schemas:
                raise Unlawful(f"the field {name} is not described")
            if values == [""] and name in CLEARED:
                continue
            self._value(name, values, schemas[name])
            if strange := set(values) - WORDS.get(name, set(values)):
                raise Unlawful(f"{name}: {', '.join(strange)}")

    def _value(self, name: str, texts: list[str], schema: Schema) -> None:
        """One field as a form or a query has it: texts."""
        schema = self.resolved(schema)
        if schema.get("type") == "array":
            for text in texts:
                self._value(name, [text], schema["items"])
            return
        if len(texts) != 1:
            raise Unlawful(f"{name} comes {len(texts)} times")
        self.check(name, _typed(name, texts[0], schema.get("type", "string")), schema)

    def resolved(self, schema: Schema) -> Schema:
        """The schema, or the one it refers to."""
        if "$ref" in schema:
            found: Schema = self.description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            return found
        return schema

    def check(self, name: str, value: object, schema: Schema) -> None:
        """Does a value fit? Raises Unlawful."""
        schema = self.resolved(schema)
        assert schema.keys() <= _KNOWN, f"the judge does not know {schema.keys() - _KNOWN}"
        if value is None and schema.get("nullable"):
            return
        if "type" in schema and not isinstance(value, _TYPES[schema["type"]]):
            raise Unlawful(f"{name} is {value!r}, which is no {schema['type']}")
        if "enum" in schema and value not in schema["enum"]:
            raise Unlawful(f"{name} is {value!r}, which is not one of {schema['enum']}")
        if isinstance(value, str):
            _check_text(name, value, schema)
        if isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            raise Unlawful(f"{name} is {value}, which is out of range")
        if isinstance(value, dict):
            for key, one in schema.get("properties", {}).items():
                if key in value:
                    self.check(f"{name}.{key}", value[key], one)
            if strange := value.keys() - schema.get("properties", value).keys():
                raise Unlawful(f"{name} has {', '.join(sorted(strange))}, which is not described")
        if isinstance(value, list):
            for one in value:
                self.check(f"{name}[]", one, schema["items"])

    def answer(self, operation: Operation) -> tuple[int, Any]:
        """The first described answer and its first example."""
        ((status, answer),) = operation.answers.items()
        examples = answer["content"]["application/json"]["examples"]
        return int(status), next(iter(examples.values()))["value"]

    def looks_like(self, resource: object, name: str) -> None:
        """Does a resource look as the schema of this name describes it, nothing missing? Raises Unlawful."""
        schema = self.description["components"]["schemas"][name]
        self.check(name, resource, schema)
        assert isinstance(resource, dict)
        if missing := schema["properties"].keys() - resource.keys():
            raise Unlawful(f"{name} has no {', '.join(sorted(missing))}")


def _typed(name: str, text: str, kind: str) -> object:
    try:
        match kind:
            case "integer":
                return int(text)
            case "number":
                return float(text)
            case "boolean":
                return {"true": True, "false": False}[text]
            case _:
                return text
    except (ValueError, KeyError):
        raise Unlawful(f"{name} is {text!r}, which is no {kind}") from None


def _check_text(name: str, text: str, schema: Schema) -> None:
    if not schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text)):
        raise Unlawful(f"{name} has {len(text)} characters")
    if "pattern" in schema and not re.search(schema["pattern"], text):
        raise Unlawful(f"{name} is {text!r}, which does not fit {schema['pattern']}")
    form = str(schema.get("format"))
    if form in _FORMS and not _FORMS[form](text):
        raise Unlawful(f"{name} is {text!r}, which is no {form}")


def _address(text: str) -> bool:
    url = urlsplit(text)
    return url.scheme in {"http", "https"} and bool(url.hostname)


def _reads(read: Callable[[str], object]) -> Callable[[str], bool]:
    def reads(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return False
        return True

    return reads


_FORMS: Mapping[str, Callable[[str], bool]] = {
    "uri": _address,
    "date-time": _reads(datetime.fromisoformat),
    "date-time-rfc-2822": _reads(parsedate_to_datetime),
    "phone-number": lambda text: re.fullmatch(r"\+[1-9]\d{6,14}", text) is not None,
}
