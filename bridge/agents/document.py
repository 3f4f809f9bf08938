"""One TOML or YAML file: its values, and on which line each of them stands."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.agents import toml_lines
from bridge.agents.loading import did_you_mean
from bridge.errors import AgentError

ENDINGS = (".toml", ".yaml", ".yml")
_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_REMEDIES = {
    "Cannot mutate immutable namespace ('tools": "beside [[tools.mcp]] or [[tools.http]] write [tools] use = [...]",
    "Cannot overwrite a value": "a name is said twice in one table",
    "Illegal character '\\n'": "a text ends without its quote",
    "Invalid value": "texts stand in straight quotes; true and false are small",
    "Expected newline or end of document after a statement": "texts stand in quotes, without that quote inside",
    "Expected '=' after a key": "TOML is name = value",
    "mapping values are not allowed here": "indent as its neighbours are; a text with ': ' in it stands in quotes",
    "found character '\\t' that cannot start any token": "indent with blanks, not with tabs",
}
"""How the parsers' complaints about the usual mistakes begin, and what to do about each."""
_MOST_BYTES = 1_000_000
"""A prompt of this size would not fit into any model."""


@dataclass(frozen=True)
class Document:
    """`content` is the top table. `name` is the path as it was given. A `Source` of problems."""

    path: Path
    content: dict[str, Any]
    lines: dict[toml_lines.Path, int] = field(repr=False)

    @property
    def name(self) -> str:
        """The path as it was given."""
        return str(self.path)

    def line(self, *keys: str | int) -> int:
        """The line of a value, or of the table around it that has one; 1 for the file itself."""
        for count in range(len(keys), 0, -1):
            if found := self.lines.get(keys[:count]):
                return found
        return 1

    def says(self, *keys: str | int) -> bool:
        """Is this written in the file?"""
        return keys in self.lines

    def beside(self, relative: str) -> Path:
        """A path that is written in this file: relative to it."""
        return self.path.parent / relative


def read_document(path: Path) -> Document:
    """Read a file. Raises AgentError with file and line when it is missing or is no TOML or YAML."""
    text = read_text(path)
    try:
        content, lines = _toml(path, text) if path.suffix == ".toml" else _yaml(path, text)
    except RecursionError:
        raise AgentError(f"{path}:1: it is nested too deeply") from None
    if not isinstance(content, dict) or not content:
        what = "it is empty" if not content else "it must be a table of names and values"
        raise AgentError(f"{path}:1: {what}; an agent needs at least instructions")
    return Document(path, content, lines)


def read_text(path: Path) -> str:
    """A text file. Raises AgentError, one sentence."""
    if not path.is_file():
        beside = [other.name for other in path.parent.glob(f"*{path.suffix}")] if path.parent.is_dir() else []
        raise AgentError(f"there is no file {path}{did_you_mean(path.name, beside)}")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise AgentError(f"{path} cannot be read: {error.strerror}") from error
    if len(raw) > _MOST_BYTES:
        raise AgentError(f"{path} has {len(raw)} bytes; more than {_MOST_BYTES} are no text for an agent")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise AgentError(f"{path}:{line}: a character is not UTF-8; save the file as UTF-8") from error


def _toml(path: Path, text: str) -> tuple[Any, dict[toml_lines.Path, int]]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else text.rstrip("\n").count("\n") + 1
        said = _TOML_PLACE.sub("", str(error))
        raise AgentError(f"{path}:{line}: this is no TOML: {said}{_remedy(said)}") from error
    return content, toml_lines.toml_lines(text)


def _yaml(path: Path, text: str) -> tuple[Any, dict[toml_lines.Path, int]]:
    from bridge.agents.yaml_lines import YamlError, read_yaml

    try:
        return read_yaml(text)
    except YamlError as error:
        raise AgentError(f"{path}:{error.line}: this is no YAML: {error}{_remedy(str(error))}") from error


def _remedy(said: str) -> str:
    return next((f"; {remedy}" for start, remedy in _REMEDIES.items() if said.startswith(start)), "")
