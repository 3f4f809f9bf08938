"""Everything that can be said about the agent a spec names, with its places: the work of `callbridge agents check`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from bridge.agents.agent import Agent
from bridge.agents.document import ENDINGS, Document, read_document
from bridge.agents.file import read_agent_file
from bridge.agents.library import load_agent
from bridge.agents.lint import lint
from bridge.agents.loading import HAS_PLACE
from bridge.agents.members import handed_to, members_of, name_of
from bridge.agents.problems import Problem, Source, errors
from bridge.agents.python_source import PythonSource, python_sources
from bridge.agents.team import all_of
from bridge.errors import AgentError


@dataclass(frozen=True, slots=True)
class Checked:
    """An agent and what is wrong with it. `agent` is None when it cannot even be made."""

    spec: str
    agent: Agent | None
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Can calls be answered with it? Warnings do not hinder that."""
        return self.agent is not None and not errors(self.problems)


@dataclass(frozen=True, slots=True)
class Looked:
    """An agent that is in use, looked at where it was written down. `places`: `file:line` by the agents' names."""

    problems: tuple[Problem, ...]
    places: Mapping[str, str]


def look_at(spec: str, agent: Agent) -> Looked:
    """What is wrong with an agent that was made already, and where it stands. Python is read and not run again."""
    sources: Mapping[str, Source]
    if spec.strip().endswith(ENDINGS):
        try:
            sources = read_agent_file(Path(spec.strip())).sources
        except AgentError as error:  # the file was taken away, or broken, since it was loaded
            return Looked((Problem(0, "error", str(error), spec.strip()),), {})
        problems = lint(agent, sources[agent.name], sources) if agent.name in sources else []
    else:
        sources = {}
        for path, _ in _modules_of(spec, agent):
            sources |= python_sources(path, _shown(path))
        problems = _of_python(spec, agent)[1]
    found = {name: f"{one.name}:{one.line('name') or one.line()}" for name, one in sources.items()}
    return Looked(tuple(problems), found)


def check_agent(spec: str) -> Checked:
    """Load and lint. Raises AgentError when `spec` names nothing at all; what is wrong within a file is a problem."""
    try:
        agent, problems = _from_file(Path(spec.strip())) if spec.strip().endswith(ENDINGS) else _from_python(spec)
    except AgentError as error:
        place = HAS_PLACE.match(str(error))
        if place is None:
            raise
        return Checked(
            spec, None, (Problem(int(place[2]), "error", str(error)[place.end() :], _shown(Path(place[1]))),)
        )
    return Checked(spec, agent, tuple(problems))


def _from_file(path: Path) -> tuple[Agent | None, list[Problem]]:
    reading = read_agent_file(path)
    if reading.agent is None:
        return None, sorted(reading.problems, key=lambda one: (one.source != str(path), one.source, one.line))
    source = reading.sources[reading.agent.name]
    problems = [*reading.problems, *lint(reading.agent, source, reading.sources)]
    return reading.agent, problems + _forgotten_files(path, reading.sources)


def _forgotten_files(path: Path, team_files: Mapping[str, Document]) -> list[Problem]:
    """Agent files beside this one that say when to hand over to them, and that nobody hands over to.

    They are only looked at: nothing of theirs is run.
    """
    read = {document.path.resolve() for document in team_files.values()}
    files = [file for ending in ENDINGS for file in sorted(path.parent.glob(f"*{ending}"))]
    others = [document for file in files if file.resolve() not in read for document in _looked_at(file)]
    named = [given for one in others if isinstance(given := one.content.get("handoffs"), list)]
    handed = {str(one.get("to") if isinstance(one, dict) else one) for given in named for one in given}
    found = []
    for one in others:
        name = str(one.content.get("name", one.path.stem))
        if "handoff_description" in one.content and not handed & {name, one.path.stem, one.path.name}:
            found.append(_nobody(name, one))
    return found


def _looked_at(file: Path) -> list[Document]:
    try:
        return [read_document(file)]
    except AgentError:
        return []  # a neighbour that is no agent file is none of our business


def _nobody(name: str, source: Source) -> Problem:
    line = source.line("handoff_description")
    return Problem(line, "warning", f"nobody hands a call to {name!r}", source.name)


def _from_python(spec: str) -> tuple[Agent, list[Problem]]:
    first, *more = all_of(load_agent(spec))
    agent, found = _of_python(spec, first)
    for other in more:
        found += [problem for problem in _of_python(spec, other)[1] if problem not in found]
    return agent, found


def _of_python(spec: str, agent: Agent) -> tuple[Agent, list[Problem]]:
    places: dict[str, PythonSource] = {}
    others: dict[str, Agent] = {}
    for path, module in _modules_of(spec, agent):
        places |= python_sources(path, _shown(path))
        others |= {one.name: one for one in vars(module).values() if isinstance(one, Agent)}
    source = places.get(agent.name) or PythonSource(spec.strip() or "the bundled reception", {})
    members = members_of(agent)
    handed = {name_of(one) for other in others.values() for one in handed_to(other)}
    forgotten = [
        _nobody(name, places.get(name, source))
        for name, other in others.items()
        # Two agents of one module may well be two telephones; those of a team, or that say when, are meant for it.
        if name not in members and name not in handed and (other.handoff_description or len(members) > 1)
    ]
    return agent, lint(agent, source, places) + forgotten


def _modules_of(spec: str, agent: Agent) -> list[tuple[Path, ModuleType]]:
    """The modules in which this very agent, or one of its team, is at home."""
    wanted = {id(one) for one in members_of(agent).values()}
    found = []
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and any(id(value) in wanted for value in list(vars(module).values())):
            found.append((Path(file), module))
    return found


def _shown(path: Path) -> str:
    """Relative to where we stand, when it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
