"""YAML as values and lines, read as an agent file means it.

YAML 1.1 takes `on:` for True, `0123` for a number in base eight, `12:30` for minutes and `+14155550100` for a number
without its plus. All of these stand in agent files, so here only true, false, null and plain numbers are more than
text, and keys are always text. Nothing that a tag could build is built.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from bridge.agents.toml_lines import Path

_NUMBERS = ((re.compile(r"-?(0|[1-9][0-9]*)"), int), (re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+"), float))
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}
_STANDARD_TAG = "tag:yaml.org,2002:"
_KINDS = ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")
_TAGS = {f"{_STANDARD_TAG}{kind}" for kind in _KINDS}
_MOST_VALUES = 20_000
"""An agent file has some hundred; a few aliases of aliases are millions."""


class YamlError(Exception):
    """The text is no YAML of ours; `line` says where."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line


def read_yaml(text: str) -> tuple[Any, dict[Path, int]]:
    """The values and the line of every key and element. Raises YamlError."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark.line + 1 if mark else 1, " ".join(str(error.problem or error).split())) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(line, f"the character {chr(error.character)!r} is not allowed") from error
    lines: dict[Path, int] = {}
    return (None if node is None else _value(node, (), lines, ())), lines


def _value(node: yaml.Node, path: Path, lines: dict[Path, int], inside: tuple[yaml.Node, ...]) -> Any:
    line = node.start_mark.line + 1
    if node in inside:
        raise YamlError(line, "a value contains itself")
    if len(lines) > _MOST_VALUES:
        raise YamlError(line, f"more than {_MOST_VALUES} values are in it")
    if node.tag not in _TAGS:
        raise YamlError(line, f"the tag {node.tag.replace(_STANDARD_TAG, '!!')} is not allowed here")
    inside = (*inside, node)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines, inside)
    if isinstance(node, yaml.SequenceNode):
        values = []
        for index, item in enumerate(node.value):
            lines[(*path, index)] = item.start_mark.line + 1
            values.append(_value(item, (*path, index), lines, inside))
        return values
    return _scalar(node)


def _mapping(
    node: yaml.MappingNode, path: Path, lines: dict[Path, int], inside: tuple[yaml.Node, ...]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise YamlError(line, "a key must be text")
        if key.value in found:
            raise YamlError(line, f"{key.value!r} is said twice, first in line {lines[(*path, key.value)]}")
        lines[(*path, key.value)] = line
        found[key.value] = _value(value, (*path, key.value), lines, inside)
    return found


def _scalar(node: yaml.Node) -> Any:
    text = str(node.value)
    if getattr(node, "style", None) is not None or node.tag == f"{_STANDARD_TAG}str":
        return text  # quoted, or a block, or nothing but text even in YAML 1.1
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    return next((cast(text) for form, cast in _NUMBERS if form.fullmatch(text)), text)
