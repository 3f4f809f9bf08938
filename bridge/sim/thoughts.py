"""What the engine's text endpoints answer: what a test has planned, or something plausible that fits the form."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.sim.text_requests import Asked

WORDS = "I have checked that for you, and it is all right."
"""An answer in words, when nothing is planned."""
_SHORT = "nothing special"
_FORMATS = {
    "date": "2026-01-01",
    "time": "12:00:00",
    "date-time": "2026-01-01T12:00:00Z",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "duration": "PT1M",
}
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Thought:
    """One answer: words or an object, after thinking for `after_s`; or an HTTP error, when `status` is one."""

    answer: str | Mapping[str, Any] = ""
    after_s: float = 0.0
    status: int = 200

    @property
    def text(self) -> str:
        """The answer as a model writes it."""
        return self.answer if isinstance(self.answer, str) else json.dumps(self.answer, ensure_ascii=False)


Given = Thought | str | Mapping[str, Any]
Thoughts = Sequence[Given] | Callable[[Asked], Given]


class Planned:
    """The thoughts of one server, used up one by one. `problems`: where it went another way than planned."""

    def __init__(self, thoughts: Thoughts) -> None:
        self._thoughts = thoughts
        self._asked = 0

    def next(self, asked: Asked) -> Thought | None:
        """What to answer; None: nothing is planned."""
        self._asked += 1
        if callable(self._thoughts):
            return as_thought(self._thoughts(asked))
        if self._asked > len(self._thoughts):
            return None
        return as_thought(self._thoughts[self._asked - 1])

    @property
    def problems(self) -> list[str]:
        """Thoughts that were never needed, and questions beyond them; nothing when none were planned at all."""
        if callable(self._thoughts) or not self._thoughts:
            return []
        if self._asked > len(self._thoughts):
            return [f"the text model was asked {self._asked} times, and {len(self._thoughts)} thoughts are planned"]
        return [f"the thought {one!r} was never needed" for one in self._thoughts[self._asked :]]


def as_thought(given: Given) -> Thought:
    """In one form."""
    return given if isinstance(given, Thought) else Thought(given)


def plausible(asked: Asked) -> Thought:
    """An answer that fits: the first of what may be chosen, the caller's last words where a text is wanted."""
    if asked.schema is None:
        return Thought(WORDS)
    made = fitting(asked.schema, asked.schema, last_words(asked.text))
    return Thought(made if isinstance(made, dict) else json.dumps(made))


def last_words(text: str) -> str:
    """What a caller said last in a written conversation, else its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line[7:].strip() for line in lines if line.lower().startswith("caller:") and line[7:].strip()]
    return said[-1] if said else (lines[-1] if lines else _SHORT)


def fitting(schema: Mapping[str, Any], root: Mapping[str, Any], words: str, name: str = "", depth: int = 0) -> Any:
    """A value that a schema allows."""
    if depth > _DEEPEST:
        return None
    if "$ref" in schema:
        found: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        return fitting(found, root, words, name, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    kinds = schema["type"] if isinstance(schema.get("type"), list) else [schema.get("type")]
    choices = schema.get("anyOf") or []
    if "null" in kinds or any(one.get("type") == "null" for one in choices):
        return None  # the caller may not have said it, and this engine does not read
    if choices:
        return fitting(choices[0], root, words, name, depth + 1)
    if kinds[0] == "object":
        inner = schema.get("properties", {})
        return {key: fitting(one, root, words, key, depth + 1) for key, one in inner.items()}
    if kinds[0] == "array":
        item = schema.get("items", {})
        return [fitting(item, root, words, name, depth + 1) for _ in range(schema.get("minItems", 0))]
    return _plain(schema, kinds[0], words if name == "summary" else _SHORT)


def _plain(schema: Mapping[str, Any], kind: object, words: str) -> Any:
    match kind:
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return True
        case _:
            return _text(schema, words)


def _number(schema: Mapping[str, Any]) -> int | float:
    step = 1 if schema["type"] == "integer" else 0.5
    if "minimum" in schema:
        return schema["minimum"]  # type: ignore[no-any-return]
    if "exclusiveMinimum" in schema:
        return schema["exclusiveMinimum"] + step  # type: ignore[no-any-return]
    highest = min(schema.get("maximum", 0), schema.get("exclusiveMaximum", step) - step)
    return min(0, highest)  # type: ignore[no-any-return]


def _text(schema: Mapping[str, Any], words: str) -> str:
    text = _FORMATS.get(str(schema.get("format")), words)
    text = text.ljust(schema.get("minLength", 0), ".")
    return text[: schema["maxLength"]] if "maxLength" in schema else text
