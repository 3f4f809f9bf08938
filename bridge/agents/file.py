"""An agent from one TOML or YAML file.

    name = "reception"
    prompt = "reception.md"                  # a file beside this one, or: instructions = "..."
    greeting = "Thanks for calling {shop}. How can I help you?"
    voice = "marin"
    tools = ["hang_up", "tools.py:opening_hours"]
    handoffs = ["billing"]                   # billing.toml or billing.yaml, or { to = "billing", say = "..." }
    transfer_to = "${DESK_NUMBER}"

    [variables]
    shop = "Harbour Lane Books"

    [[guardrails]]
    words = ["refund"]
    say = "I cannot decide that. Shall I connect you?"

Every field of `Agent` can be said by its name; `prompt`, `variables`, `limits` and `hooks` are there beside them. What
is wrong is told as `reception.toml:14: sentence`, and all of it at once by `callbridge agents check`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.agents import file_parts, file_tools
from bridge.agents.agent import Agent
from bridge.agents.document import ENDINGS, Document, read_document, read_text
from bridge.agents.environment import Environment
from bridge.agents.fields import hints, shown
from bridge.agents.handoff import Handoff
from bridge.agents.listening import Silence, TurnDetection
from bridge.agents.loading import load_file, load_module, pick_agent, split_spec
from bridge.agents.problems import Problem, errors
from bridge.agents.reader import Reader
from bridge.agents.team import Routing
from bridge.errors import AgentError
from bridge.tools.phone import check_destination, transfer_to

LIMITS = ("max_minutes", "warn_minutes", "prepare_s")
"""Fields of an agent that may stand in `[limits]`."""
ONLY_IN_FILES = ("prompt", "variables", "limits", "hooks")
_FROM_ENVIRONMENT = ("transfer_to", "model", "voice")


def load_agent_file(path: Path) -> Agent:
    """The agent of a file. Raises AgentError: the first thing that is wrong, with file and line."""
    from bridge.agents.lint import lint

    reading = read_agent_file(path)
    problems = list(reading.problems)
    if reading.agent is not None:
        problems += lint(reading.agent, reading.sources[reading.agent.name], reading.sources)
    wrong = errors(problems)
    if wrong:
        more = f" (and {len(wrong) - 1} more: callbridge agents check {path})" if len(wrong) > 1 else ""
        raise AgentError(f"{wrong[0]}{more}")
    if reading.agent is None:
        raise AgentError(f"{path}:1: it cannot be read")
    return reading.agent


@dataclass
class Reading:
    """What came out of a file and the files it hands over to. `agent` is None when something is wrong with it."""

    agent: Agent | None = None
    problems: list[Problem] = field(default_factory=list)
    sources: dict[str, Document] = field(default_factory=dict)
    """The documents of the team, by the agents' names."""


def read_agent_file(path: Path, environment: Environment | None = None) -> Reading:
    """Read a file and its team. Raises AgentError only when there is no such file or it is no TOML or YAML."""
    reading = Reading()
    reading.agent = _Team(Environment() if environment is None else environment, reading).agent(path)
    return reading


class _Team:
    """Reads files that hand over to each other, each once."""

    def __init__(self, environment: Environment, reading: Reading) -> None:
        self._environment = environment
        self._reading = reading
        self._read: dict[Path, Agent | None] = {}
        self._open: dict[Path, str] = {}
        """Files that are being read right now, and the names of their agents."""

    def agent(self, path: Path) -> Agent | None:
        document = read_document(path)
        name = document.content.get("name", path.stem)
        reader = Reader(document, self._environment, self._reading.problems)
        if isinstance(name, str) and name in self._reading.sources:
            reader.wrong(f"{self._reading.sources[name].name} is called {name!r} already", "name")
        self._reading.sources.setdefault(str(name), document)
        place = path.resolve()
        self._open[place] = str(name)
        self._read[place] = _agent(reader, self)
        del self._open[place]
        return self._read[place]

    def handoffs(self, reader: Reader, value: object) -> list[Agent | str | Handoff]:
        """The agents of `handoffs`; those that are not files stay names. A table also has words to say before."""
        if not isinstance(value, list):
            reader.wrong(f"handoffs is a list of names or files, not {shown(value)}", "handoffs")
            return []
        found: list[Agent | str | Handoff] = []
        for index, entry in enumerate(value):
            if isinstance(entry, dict):
                found += self._with_words(reader, entry, index)
            else:
                found += self._one(reader, entry, "handoffs", index)
        return found

    def _with_words(self, reader: Reader, table: dict[str, Any], index: int) -> list[Handoff]:
        keys = ("handoffs", index)
        given = reader.known(table, ["to", "say", "description"], *keys)
        words = {
            name: text
            for name in ("say", "description")
            if name in given
            if (text := reader.text(given[name], *keys, name)) is not None
        }
        if "to" not in given:
            reader.wrong("a handoff that is a table needs to: the name or file of an agent", *keys)
            return []
        return [Handoff(target, **words) for target in self._one(reader, given["to"], *keys, "to")]

    def _one(self, reader: Reader, entry: object, *keys: str | int) -> list[Agent | str]:
        text = reader.text(entry, *keys)
        if text is None:
            return []
        # An error in the other file is told with its own place; a missing file at ours.
        found = reader.attempt(lambda: self._handoff(reader, text), *keys)
        return [] if found is None else [found]

    def _handoff(self, reader: Reader, text: str) -> Agent | str | None:
        if text.endswith(ENDINGS):
            return self._once(reader.document.beside(text))
        if ":" in text or text.endswith(".py"):
            source, attribute = split_spec(text)
            beside = reader.document.beside(source)
            found = pick_agent(load_file(beside) if source.endswith(".py") else load_module(source), attribute, source)
            if isinstance(found, Routing):
                raise AgentError(f"{text} is a Routing between agents; a call is handed to one agent")
            return found
        file = next((path for path in _named(reader.document, text) if path.is_file()), None)
        return text if file is None else self._once(file)

    def _once(self, path: Path) -> Agent | str | None:
        place = path.resolve()
        if place in self._open:
            return self._open[place]  # it hands over to us too: in a circle somebody is known by name only
        return self._read[place] if place in self._read else self.agent(path)


def _named(document: Document, name: str) -> Iterable[Path]:
    return (document.beside(f"{name}{ending}") for ending in ENDINGS)


def _agent(reader: Reader, team: _Team) -> Agent | None:
    content = reader.document.content
    before = len(reader.problems)
    table = reader.known(content, [*hints(Agent), *ONLY_IN_FILES])
    table = _with_limits(reader, table)
    several = isinstance(table.get("transfer_to"), dict)
    given = reader.plain({name: value for name, value in table.items() if name != "transfer_to" or not several}, Agent)
    for name in _FROM_ENVIRONMENT:
        if name in given:
            given[name] = reader.attempt(lambda name=name: reader.environment.fill(given[name]), name)  # type: ignore[misc]
    if given.get("transfer_to"):
        _number(reader, given["transfer_to"], "transfer_to")
    given.setdefault("name", reader.document.path.stem)
    given |= _parts(reader, table, team)
    _say(reader, table, given)
    if len(reader.problems) > before:
        return None
    hooks = file_parts.hooks(reader, table["hooks"]) if "hooks" in table else {}
    agent = _made(reader, given, table)
    if agent is None or len(reader.problems) > before:
        return None
    file_parts.hook_on(reader, agent, hooks)
    return agent if len(reader.problems) == before else None


def _with_limits(reader: Reader, table: dict[str, Any]) -> dict[str, Any]:
    """The table with `[limits]` among the other fields."""
    if "limits" not in table:
        return table
    found = {}
    for name, value in reader.known(reader.table(table["limits"], "limits") or {}, LIMITS, "limits").items():
        if name in table:
            reader.wrong(f"{name} is said twice, in line {reader.document.line(name)} too", "limits", name)
        # What is wrong with it later is told at its place in [limits].
        reader.document.lines.setdefault((name,), reader.document.line("limits", name))
        found[name] = value
    return found | table


def _parts(reader: Reader, table: Mapping[str, Any], team: _Team) -> dict[str, Any]:
    """The fields that are more than a value."""
    makers: dict[str, Callable[[Any], Any]] = {
        "turn_detection": lambda value: reader.build(TurnDetection, value, "turn_detection"),
        "silence": lambda value: reader.build(Silence, value, "silence"),
        "tools": lambda value: file_tools.tools(reader, value),
        "handoffs": lambda value: team.handoffs(reader, value),
        "guardrails": lambda value: file_parts.guardrails(reader, value),
        "menu": lambda value: file_parts.menu(reader, value),
        "hours": lambda value: file_parts.hours(reader, value),
        "analysis": lambda value: file_parts.analysis(reader, value),
        "prepare": lambda value: file_parts.function(reader, value, "prepare"),
    }
    found = {name: make(table[name]) for name, make in makers.items() if name in table}
    if isinstance(table.get("transfer_to"), dict):
        warm = table.get("transfer") == "warm"
        found["tools"] = [*found.get("tools", ()), *_destinations(reader, table["transfer_to"], warm=warm)]
    return found


def _destinations(reader: Reader, table: Mapping[str, Any], *, warm: bool) -> list[Any]:
    """`transfer_to` with several numbers by name: one tool, of which the model chooses a name."""
    numbers = {}
    for name, value in table.items():
        text = reader.text(value, "transfer_to", name)
        number = None if text is None else _number(reader, text, "transfer_to", name)
        if number is not None:
            numbers[name] = number
    if len(numbers) < len(table):
        return []
    tool = reader.attempt(lambda: transfer_to(numbers, warm=warm), "transfer_to")
    return [] if tool is None else [tool]


def _number(reader: Reader, text: str, *keys: str) -> str | None:
    return reader.attempt(lambda: check_destination(reader.environment.fill(text)), *keys)


def _say(reader: Reader, table: Mapping[str, Any], given: dict[str, Any]) -> None:
    """Instructions (from their file too) and greeting, with the variables that the file itself knows."""
    if "prompt" in table:
        if "instructions" in table:
            line = reader.document.line("instructions")
            reader.wrong(f"prompt and instructions are both said; line {line} has the other", "prompt")
        name = reader.text(table["prompt"], "prompt")
        if name is not None:
            _prompt(reader, name, given)
    elif "instructions" not in table:
        reader.wrong("it has no instructions: write them here, or name their file with prompt")
    known = file_parts.variables(reader, table["variables"]) if "variables" in table else {}
    for name in ("instructions", "greeting"):
        if isinstance(given.get(name), str):
            given[name] = file_parts.filled(given[name], known)


def _prompt(reader: Reader, name: str, given: dict[str, Any]) -> None:
    text = reader.attempt(lambda: read_text(reader.document.beside(name)), "prompt")
    if text is not None:
        given["instructions"] = text
        if not text.strip():
            reader.wrong(f"{name} is empty; it is to hold the instructions", "prompt")


def _made(reader: Reader, given: Mapping[str, Any], table: Mapping[str, Any]) -> Agent | None:
    try:
        return Agent(**given)
    except AgentError as error:
        # The file is named beside the sentence: the agent's name would say it twice.
        told = str(error).removeprefix(f"agent {given['name']!r}: ")
        reader.blamed(AgentError(told), table, ())
        return None
