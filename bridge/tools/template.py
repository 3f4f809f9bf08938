"""Addresses, headers and bodies with gaps: `https://api.example.com/orders/{number}?lang={lang}`.

    {number}             an argument of the model's
    {call.from_number}   a fact of the running call; the model neither gives nor sees it
    ${SHOP_KEY}          a value of the environment, filled in when the tool is made
    {{ and }}            braces

What fills a gap in an address stays in its gap: it is percent-encoded, and what would still change the path's shape
after a server has decoded it (a slash, "..", nothing at all) is refused. Scheme, host, port and the names of query
parameters have no gaps.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from bridge.errors import AgentError, ToolError
from bridge.tools.base import JSON, Call

CALL_FACTS = ("id", "from_number", "to_number", "direction")

Values = Mapping[str, JSON]
"""What fills the gaps: `number`, `call.from_number`. One that is not there leaves its query parameter out."""

_PART = re.compile(r"\{\{|\}\}|\{(?P<gap>[A-Za-z_][\w.-]*)\}|(?P<stray>[{}])")
_ENVIRONMENT = re.compile(r"\$\{(\w+)\}")
_SHAPES_A_PATH = re.compile(r"[/\\\x00-\x1f\x7f]")


def call_values(call: Call) -> dict[str, JSON]:
    """The facts of a call by the names they have in templates."""
    return {f"call.{fact}": str(getattr(call, fact)) for fact in CALL_FACTS}


def fill_environment(text: str, environment: Mapping[str, str], encode: Callable[[str], str] = str) -> str:
    """Put in `${NAME}`. Raises AgentError naming what is not set. Braces in a value stand for themselves."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if not environment.get(name):
            raise AgentError(f"${{{name}}} is not set in the environment")
        return encode(environment[name]).replace("{", "{{").replace("}", "}}")

    return _ENVIRONMENT.sub(value, text)


def environment_names(text: str) -> set[str]:
    """Which `${NAME}` stand in a text."""
    return set(_ENVIRONMENT.findall(text))


@dataclass(frozen=True, slots=True)
class Gap:
    """Where a value goes."""

    name: str


@dataclass(frozen=True, slots=True)
class Template:
    """Text with gaps."""

    parts: tuple[str | Gap, ...]

    @classmethod
    def read(cls, text: str) -> Template:
        """Raises AgentError for braces that belong to nothing and for facts a call does not have."""
        parts: list[str | Gap] = []
        at = 0
        for found in _PART.finditer(text):
            parts.append(text[at : found.start()])
            at = found.end()
            if found["stray"]:
                raise AgentError(f"a brace in {text!r} belongs to no {{name}}; write {{{{ for a brace")
            parts.append(Gap(_known(found["gap"])) if found["gap"] else found[0][0])
        parts.append(text[at:])
        return cls(tuple(part for part in parts if part))

    @property
    def names(self) -> set[str]:
        """Of its gaps."""
        return {part.name for part in self.parts if isinstance(part, Gap)}

    @property
    def only(self) -> str:
        """The name of the gap that is all of it; else empty."""
        return self.parts[0].name if len(self.parts) == 1 and isinstance(self.parts[0], Gap) else ""

    def fill(self, values: Values, encode: Callable[[str, str], str]) -> str:
        """The text; `encode(name, text)` makes a value fit to stand here."""
        return "".join(
            part if isinstance(part, str) else encode(part.name, as_text(values[part.name])) for part in self.parts
        )


@dataclass(frozen=True, slots=True)
class UrlTemplate:
    """An address with gaps in its path's segments and in its query's values."""

    origin: str
    """Scheme, host, port."""
    segments: tuple[Template, ...]
    query: tuple[tuple[str, Template], ...]

    @classmethod
    def read(cls, text: str, environment: Mapping[str, str]) -> UrlTemplate:
        """Raises AgentError for gaps where none may be."""
        head, mark, query = text.partition("?")
        # A base address from the environment is more than a value; in the query it is one, often a key.
        text = fill_environment(head, environment) + mark + fill_environment(query, environment, _value)
        if "#" in text or re.search(r"[\s\x00-\x1f]", text):
            raise AgentError("url: blanks and '#' are never sent; write them as %20 and %23")
        head, _, query = text.partition("?")
        found = re.match(r"([a-z][a-z0-9+.-]*://[^/]*)(.*)", head, re.IGNORECASE)
        if found is None:
            raise AgentError("url: it has to begin with https:// or http://")
        if "{" in found[1] or "}" in found[1]:
            raise AgentError("url: scheme, host and port are written out; only path and query have {names} in them")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        if any("{" in key for key, _, _ in pairs):
            raise AgentError("url: the names of query parameters are written out; {names} stand for values only")
        return cls(
            origin=found[1],
            segments=tuple(map(Template.read, found[2].split("/"))),
            query=tuple((key + equals, Template.read(value)) for key, equals, value in pairs),
        )

    @property
    def path_names(self) -> set[str]:
        """Of the gaps in the path; they must always have a value."""
        return set().union(*(segment.names for segment in self.segments))

    @property
    def names(self) -> set[str]:
        """Of all gaps."""
        return self.path_names.union(*(value.names for _, value in self.query))

    def fill(self, values: Values) -> str:
        """The address. Raises ToolError for a value that cannot stand in a path."""
        path = "/".join(_segment(segment, values) for segment in self.segments)
        pairs = [pair for key, value in self.query for pair in _pairs(key, value, values)]
        return self.origin + path + ("?" + "&".join(pairs) if pairs else "")


def fill_body(template: JSON, values: Values) -> JSON:
    """A JSON value with its gaps filled: "{copies}" alone becomes the value itself, a number stays a number.

    Entries whose value is not there are left out.
    """
    if isinstance(template, dict):
        return {key: fill_body(value, values) for key, value in template.items() if _has_all(value, values)}
    if isinstance(template, list):
        return [fill_body(value, values) for value in template if _has_all(value, values)]
    if isinstance(template, str):
        text = Template.read(template)
        return values[text.only] if text.only else text.fill(values, lambda _, value: value)
    return template


def body_names(template: JSON) -> set[str]:
    """Of the gaps in a body. Raises AgentError like `Template.read`."""
    if isinstance(template, dict):
        return set().union(*map(body_names, template.values()))
    if isinstance(template, list):
        return set().union(*map(body_names, template))
    return Template.read(template).names if isinstance(template, str) else set()


def body_environment(template: JSON, environment: Mapping[str, str]) -> JSON:
    """The body with `${NAME}` put in."""
    if isinstance(template, dict):
        return {key: body_environment(value, environment) for key, value in template.items()}
    if isinstance(template, list):
        return [body_environment(value, environment) for value in template]
    return fill_environment(template, environment) if isinstance(template, str) else template


def as_text(value: JSON) -> str:
    """As it is written in an address: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _has_all(template: JSON, values: Values) -> bool:
    return not isinstance(template, str) or Template.read(template).names <= values.keys()


def _segment(segment: Template, values: Values) -> str:
    text = segment.fill(values, _in_path)
    if segment.names and text in (".", ".."):
        raise ToolError(f"{', '.join(sorted(segment.names))} cannot be {text!r}")
    return text


def _in_path(name: str, text: str) -> str:
    if not text:
        raise ToolError(f"{name} must not be empty")
    if _SHAPES_A_PATH.search(text):
        raise ToolError(f"{name} must not have slashes or control characters in it")
    return quote(text, safe="")


def _pairs(key: str, value: Template, values: Values) -> list[str]:
    if not value.names <= values.keys() or (value.only and values[value.only] is None):
        return []
    several = values[value.only] if value.only else None
    if isinstance(several, list):
        return [key + _value(as_text(one)) for one in several]
    return [key + value.fill(values, lambda _, text: _value(text))]


def _value(text: str) -> str:
    return quote(text, safe="")


def _known(name: str) -> str:
    subject, dot, fact = name.partition(".")
    if subject == "call" and dot and fact not in CALL_FACTS:
        raise AgentError(f"{{{name}}}: a call has {', '.join(CALL_FACTS)}")
    return name
