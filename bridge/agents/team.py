"""The agents that may speak in one call, and which of several teams answers which number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bridge.agents.agent import Agent
from bridge.agents.handoff import HandoffTool
from bridge.errors import AgentError
from bridge.tools.base import Tool, ToolSource

_NO_NUMBER = re.compile(r"(?!\+[1-9]\d{6,14}$)[\d\s+()./-]*")
"""Looks like a number, and is not as a carrier writes it. Calls come to `sip:` addresses too."""


class Team:
    """An agent with all whom it (and they in turn) may hand a call to. Raises AgentError for a handoff to nobody."""

    def __init__(self, first: Agent) -> None:
        self.first = first
        self.agents: dict[str, Agent] = {}
        self._gather(first)
        self._handoffs = {name: tuple(self._ways(agent)) for name, agent in self.agents.items()}

    def _gather(self, agent: Agent) -> None:
        known = self.agents.get(agent.name)
        if known is agent:
            return
        if known is not None:
            raise AgentError(f"two agents of the team are called {agent.name!r}")
        self.agents[agent.name] = agent
        for way in agent.ways:
            if not isinstance(way.target, str):
                self._gather(way.target)

    def _ways(self, agent: Agent) -> list[Tool]:
        ways: list[Tool] = []
        for way in agent.ways:
            target = self.agents.get(way.target_name)
            if target is None:
                there = ", ".join(self.agents)
                raise AgentError(
                    f"agent {agent.name!r}: it hands calls to {way.target_name!r}, who is nobody; the team is {there}"
                )
            if target is agent:
                raise AgentError(f"agent {agent.name!r}: it hands calls to itself")
            ways.append(HandoffTool(target, way))
        names = [tool.name for tool in (*agent.all_tools, *ways)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise AgentError(f"agent {agent.name!r}: more than one tool is called {', '.join(twice)}")
        return ways

    def tools(self, name: str) -> tuple[Tool, ...]:
        """Everything this agent's model is told of, handoffs included; a source's tool of such a name is left out."""
        ways = self._handoffs[name]
        taken = {way.name for way in ways}
        return (*(tool for tool in self.agents[name].all_tools if tool.name not in taken), *ways)

    @property
    def sources(self) -> tuple[ToolSource, ...]:
        """What has to be opened before the first call, each once."""
        found = {id(source): source for agent in self.agents.values() for source in agent.sources}
        return tuple(found.values())


def all_of(answers: Agent | Routing) -> tuple[Agent, ...]:
    """Everybody who may answer; the first one answers where nothing else is said."""
    return answers.agents if isinstance(answers, Routing) else (answers,)


@dataclass(frozen=True)
class Routing:
    """Which agent answers which of our numbers: `Routing({"+14155550100": sales}, otherwise=reception)`."""

    numbers: Mapping[str, Agent]
    otherwise: Agent

    def __post_init__(self) -> None:
        for given in (*self.numbers.values(), self.otherwise):
            if not isinstance(given, Agent):
                raise AgentError(f"a routing is between agents, and {given!r} is none")
        for number in self.numbers:
            if _NO_NUMBER.fullmatch(number):
                raise AgentError(f"routing: no call comes to {number!r}; numbers are written like +14155550100")

    def agent_for(self, number: str) -> Agent:
        """Who answers a call to this number."""
        return self.numbers.get(number, self.otherwise)

    @property
    def agents(self) -> tuple[Agent, ...]:
        """Everybody who may answer, each once."""
        found = {id(agent): agent for agent in (self.otherwise, *self.numbers.values())}
        return tuple(found.values())
