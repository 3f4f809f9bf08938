"""Requests to the engine's text endpoints: read strictly, refused in OpenAI's words, and their answers' shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bridge.sim.engine.complaints import Complaint, invalid_type, invalid_value, missing_parameter, unknown_parameter

Api = Literal["chat", "responses"]

_BOTH = """
model temperature top_p metadata store user tools tool_choice parallel_tool_calls stream service_tier top_logprobs
safety_identifier prompt_cache_key prompt_cache_retention
"""
_KNOWN: Mapping[Api, frozenset[str]] = {
    "chat": frozenset(
        f"""{_BOTH} messages response_format max_completion_tokens max_tokens n stop seed reasoning_effort verbosity
        logprobs logit_bias presence_penalty frequency_penalty modalities prediction stream_options""".split()
    ),
    "responses": frozenset(
        f"""{_BOTH} input instructions text max_output_tokens reasoning truncation previous_response_id include
        background conversation max_tool_calls prompt""".split()
    ),
}
_NOT_HERE = ("tools", "stream", "n", "previous_response_id", "background", "conversation", "prompt", "prediction")
"""Known to OpenAI, not to this engine: to pass over them would be to answer something else than was asked."""
_ROLES = ("system", "developer", "user", "assistant")
_PARTS = ("text", "input_text", "output_text")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was understood. `schema` is that of the JSON object wanted, None for words."""

    api: Api
    model: str
    said: tuple[tuple[str, str], ...]
    """(role, text), in order; instructions come first, as `system`."""
    schema: Mapping[str, Any] | None = None
    name: str = ""
    key: str = ""

    @property
    def instructions(self) -> str:
        """All that the system says."""
        return "\n".join(text for role, text in self.said if role in ("system", "developer"))

    @property
    def text(self) -> str:
        """What the user said last."""
        return next((text for role, text in reversed(self.said) if role == "user"), "")


def read(api: Api, body: Any, key: str = "") -> Asked:
    """A request's document. Raises Complaint."""
    if not isinstance(body, dict):
        raise Complaint("We could not parse the JSON body of your request.", code=None)
    for name in body:
        if name not in _KNOWN[api]:
            raise unknown_parameter(name)
    for name in _NOT_HERE:
        if body.get(name):
            raise Complaint(f"The local engine does not serve '{name}'.", code="unsupported_parameter", param=name)
    model = _text(body, "model", "model")
    said = _messages(body) if api == "chat" else _input(body)
    form = _form(body, api)
    if form is None:
        return Asked(api, model, said, key=key)
    path = "response_format.json_schema" if api == "chat" else "text.format"
    name, schema = _text(form, "name", f"{path}.name"), form.get("schema")
    if not isinstance(schema, dict):
        raise missing_parameter(f"{path}.schema")
    if form.get("strict"):
        _check_strict(schema, schema, (), name, path)
    return Asked(api, model, said, schema, name, key)


def _text(table: Mapping[str, Any], name: str, path: str) -> str:
    if name not in table:
        raise missing_parameter(path)
    if not isinstance(table[name], str) or not table[name]:
        raise invalid_type(path, "a string", table[name])
    return str(table[name])


def _messages(body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    if "messages" not in body:
        raise missing_parameter("messages")
    return _said(body["messages"], "messages")


def _input(body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    if "input" not in body:
        raise missing_parameter("input")
    given, before = body["input"], ()
    if body.get("instructions") is not None:
        before = (("system", _text(body, "instructions", "instructions")),)  # type: ignore[assignment]
    said = (("user", given),) if isinstance(given, str) else _said(given, "input")
    return (*before, *said)


def _said(messages: Any, path: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(messages, list):
        raise invalid_type(path, "an array", messages)
    if not messages:
        raise Complaint(f"Invalid '{path}': empty array.", code="empty_array", param=path)
    return tuple(_message(one, f"{path}[{place}]") for place, one in enumerate(messages))


def _message(message: Any, path: str) -> tuple[str, str]:
    if not isinstance(message, dict):
        raise invalid_type(path, "an object", message)
    for name in message:
        if name not in ("role", "content", "type", "name"):
            raise unknown_parameter(f"{path}.{name}")
    role = _text(message, "role", f"{path}.role")
    if role not in _ROLES:
        raise invalid_value(f"{path}.role", role, _ROLES)
    content = message.get("content")
    if isinstance(content, str):
        return role, content
    if not isinstance(content, list):
        raise invalid_type(f"{path}.content", "a string or an array", content)
    for part in content:
        if not isinstance(part, dict) or part.get("type") not in _PARTS:
            raise invalid_value(f"{path}.content.type", part.get("type") if isinstance(part, dict) else part, _PARTS)
    return role, "".join(str(part.get("text", "")) for part in content)


def _form(body: Mapping[str, Any], api: Api) -> Mapping[str, Any] | None:
    """The named schema of the request; None for words."""
    path = "response_format" if api == "chat" else "text.format"
    given = body.get("response_format") if api == "chat" else (body.get("text") or {}).get("format")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise invalid_type(path, "an object", given)
    kind = _text(given, "type", f"{path}.type")
    if kind not in ("text", "json_object", "json_schema"):
        raise invalid_value(f"{path}.type", kind, ("json_object", "json_schema", "text"))
    if kind == "text":
        return None
    if kind == "json_object":
        return {"name": "object", "schema": {"type": "object", "properties": {}, "additionalProperties": False}}
    inner = given.get("json_schema") if api == "chat" else given
    if not isinstance(inner, dict):
        raise missing_parameter(f"{path}.json_schema")
    return inner


def _check_strict(node: Any, root: Mapping[str, Any], where: tuple[str, ...], name: str, path: str) -> None:
    """What OpenAI demands of a strict schema: closed objects, all of whose properties are required."""
    if not isinstance(node, dict):
        return

    def wrong(text: str) -> Complaint:
        told = f"Invalid schema for response_format '{name}': In context={where}, {text}"
        return Complaint(told, code="invalid_json_schema", param=path)

    if not where and node.get("type") != "object":
        raise wrong("schema must be a JSON Schema of 'type: \"object\"'.")
    if node.get("type") == "object" or "properties" in node:
        if node.get("additionalProperties") is not False:
            raise wrong("'additionalProperties' is required to be supplied and to be false.")
        properties = node.get("properties", {})
        missing = [one for one in properties if one not in node.get("required", [])]
        if missing:
            raise wrong(f"'required' must list every key of properties; missing '{missing[0]}'.")
    if "oneOf" in node:
        raise wrong("'oneOf' is not permitted.")
    for key in ("properties", "$defs"):
        for inner, schema in (node.get(key) or {}).items():
            _check_strict(schema, root, (*where, key, inner), name, path)
    for place, schema in enumerate(node.get("anyOf") or ()):
        _check_strict(schema, root, (*where, "anyOf", str(place)), name, path)
    if isinstance(node.get("items"), dict):
        _check_strict(node["items"], root, (*where, "items"), name, path)


def answer(asked: Asked, text: str, number: int, created: int) -> dict[str, Any]:
    """The document that carries an answer."""
    read_tokens, written = sum(len(said) for _, said in asked.said) // 4 + 1, len(text) // 4 + 1
    if asked.api == "chat":
        message = {"role": "assistant", "content": text, "refusal": None}
        return {
            "id": f"chatcmpl-{number:03d}",
            "object": "chat.completion",
            "created": created,
            "model": asked.model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": read_tokens,
                "completion_tokens": written,
                "total_tokens": read_tokens + written,
            },
        }
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    message = {
        "type": "message",
        "id": f"msg_{number:03d}",
        "status": "completed",
        "role": "assistant",
        "content": [part],  # type: ignore[dict-item]
    }
    return {
        "id": f"resp_{number:03d}",
        "object": "response",
        "created_at": created,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": asked.instructions or None,
        "metadata": {},
        "model": asked.model,
        "output": [message],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": read_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read_tokens + written,
        },
    }
