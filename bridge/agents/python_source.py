"""The lines of an agent that was made in Python: where its `Agent(...)` stands, and each argument of it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, fields
from pathlib import Path

from bridge.agents.agent import Agent

_POSITIONS = [field.name for field in fields(Agent) if field.init]


@dataclass(frozen=True)
class PythonSource:
    """A `Source` of problems. `made` holds the lines of each `Agent(...)` by the agent's name."""

    name: str
    lines: dict[tuple[str | int, ...], int]

    def line(self, *keys: str | int) -> int:
        """The line of an argument, or of the `Agent(...)`; 0 when the agent is made in a way that cannot be read."""
        return next((self.lines[keys[:count]] for count in range(len(keys), -1, -1) if keys[:count] in self.lines), 0)

    def says(self, *keys: str | int) -> bool:
        """Is this argument given?"""
        return bool(keys) and keys in self.lines


def python_sources(path: Path, name: str = "") -> dict[str, PythonSource]:
    """The sources of all agents that a file makes with a name written out; empty when it cannot be read."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return {}
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node.func) == "Agent":
            given = dict(zip(_POSITIONS, node.args, strict=False))
            given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
            agent = given.get("name")
            if isinstance(agent, ast.Constant) and isinstance(agent.value, str):
                found[agent.value] = PythonSource(name or str(path), _lines(node, given))
    return found


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _lines(node: ast.Call, given: dict[str, ast.expr]) -> dict[tuple[str | int, ...], int]:
    lines: dict[tuple[str | int, ...], int] = {(): node.lineno}
    for name, value in given.items():
        lines[(name,)] = value.lineno
        if isinstance(value, ast.List | ast.Tuple):
            lines |= {(name, index): item.lineno for index, item in enumerate(value.elts)}
        elif isinstance(value, ast.Dict):
            lines |= {(name, str(key.value)): key.lineno for key in value.keys if isinstance(key, ast.Constant)}
        elif isinstance(value, ast.Call):
            lines |= {(name, part.arg): part.value.lineno for part in value.keywords if part.arg}
    return lines
