"""`callbridge agents check`, `list` and `show`: agents looked at without a call."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from bridge import config
from bridge.errors import AgentError

if TYPE_CHECKING:
    from bridge.agents.agent import Agent
    from bridge.agents.check import Checked

BUNDLED = "the bundled reception"


def check(specs: Sequence[str], *, as_json: bool) -> None:
    """Print what is wrong, a line each; SystemExit(1) when an agent has an error. Raises AgentError for no agent."""
    from bridge.agents.check import check_agent

    found = [check_agent(spec) for spec in specs or [configured()]]
    if as_json:
        document = {"ok": all(one.ok for one in found), "agents": [_checked(one) for one in found]}
        print(json.dumps(document, ensure_ascii=False, indent=1))
    else:
        for one in found:
            _print_checked(one)
    if not all(one.ok for one in found):
        sys.exit(1)


def list_agents(*, as_json: bool) -> None:
    """Print the agent of the settings and the bundled examples, each with what it can be named by."""
    spec = configured()
    rows = [_row(spec, configured=True)] if spec else []
    rows += [_row(one, configured=not spec and one.endswith(".reception")) for one in _examples()]
    if as_json:
        print(json.dumps({"agents": rows}, ensure_ascii=False, indent=1))
        return
    from bridge.cli.call_view import console

    screen = console()
    width = max(len(row["spec"]) for row in rows)
    for row in rows:
        mark = "*" if row["configured"] else " "
        about = row["error"] or f"{row['name']:<12} {', '.join(row['tools'])}"
        screen.print(f"{mark} {row['spec']:<{width}}  {about}".rstrip(), style="red" if row["error"] else None)
    screen.print("* answers calls (BRIDGE_AGENT)", style="dim")


def show(spec: str | None, *, as_json: bool) -> None:
    """Print everything about one agent. Raises AgentError when it cannot be used."""
    from bridge.agents.library import load_agent
    from bridge.agents.team import all_of

    agent, *others = all_of(load_agent(configured() if spec is None else spec))
    about = described(agent)
    if others:
        about["other_numbers"] = [other.name for other in others]
    if as_json:
        print(json.dumps(about, ensure_ascii=False, indent=1))
        return
    from bridge.cli.call_view import console

    screen = console()
    for name, value in about.items():
        if name == "tools":
            for tool in value:
                screen.print(f"{'tool':<22} {tool['name']}: {_first_line(tool['description'])}")
        elif name != "instructions" and value not in ("", [], {}, None, 0):
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            screen.print(f"{name:<22} {_one_line(shown)}")
    screen.print()
    screen.print(agent.instructions.strip())


def described(agent: Agent) -> dict[str, Any]:
    """An agent's fields as JSON can hold them; functions by their names."""
    from bridge.agents.prompts import agent_tokens

    about = {field.name: _plain(getattr(agent, field.name)) for field in fields(agent) if field.init}
    about["handoffs"] = [way.target_name for way in agent.ways]
    about["turn_detection"] = agent.turn_detection.definition()
    about["tools"] = [
        {"name": tool.name, "description": tool.description, "parameters": tool.parameters} for tool in agent.all_tools
    ]
    about["tool_sources"] = [source.name for source in agent.sources]
    about["estimated_tokens"] = agent_tokens(agent)
    return about


EXAMPLE = "bridge.agents.examples.{}"


def configured() -> str:
    """What BRIDGE_AGENT names; empty: the bundled reception."""
    return config.load().settings.agent


def _examples() -> list[str]:
    """The bundled examples, by what `serve` takes."""
    import pkgutil

    from bridge.agents import examples

    return [EXAMPLE.format(module.name) for module in pkgutil.iter_modules(examples.__path__)]


def _row(spec: str, *, configured: bool) -> dict[str, Any]:
    from bridge.agents.library import load_agent
    from bridge.agents.team import all_of

    row: dict[str, Any] = {"spec": spec, "name": None, "tools": [], "configured": configured, "error": None}
    try:
        agent = all_of(load_agent(spec))[0]
    except AgentError as error:  # a list tells of every agent, also of one that is broken
        return row | {"error": str(error)}
    return row | {"name": agent.name, "tools": [tool.name for tool in agent.all_tools]}


def _checked(one: Checked) -> dict[str, Any]:
    return {
        "spec": one.spec or BUNDLED,
        "name": one.agent.name if one.agent else None,
        "ok": one.ok,
        "problems": [
            {"source": p.source, "line": p.line or None, "level": p.level, "sentence": p.sentence} for p in one.problems
        ],
    }


def _print_checked(one: Checked) -> None:
    from bridge.cli.call_view import console

    screen = console()
    styles = {"error": "red", "warning": "yellow"}
    for problem in one.problems:
        place = f"{problem.source}:{problem.line}" if problem.line else problem.source
        screen.print(f"{place}: {problem.level}: {problem.sentence}", style=styles[problem.level])
    if not one.problems and one.agent is not None:
        screen.print(f"{one.spec or BUNDLED}: {one.agent.name!r} has no problems")


def _plain(value: object) -> Any:
    """A field as JSON: tables and lists as such, other things by their name."""
    from dataclasses import is_dataclass

    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if is_dataclass(value):
        named = [field.name for field in fields(value) if not field.name.startswith("_")]
        return {name: _plain(getattr(value, name)) for name in named}
    return getattr(value, "__name__", type(value).__name__)


def _first_line(text: str) -> str:
    return _one_line(text.strip().split("\n", 1)[0])


def _one_line(text: str) -> str:
    return " ".join(text.split())
