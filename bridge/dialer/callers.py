"""Who talks in the calls that we place: agents by the name an operator gives, each loaded once."""

from __future__ import annotations

from bridge.agents.agent import Agent
from bridge.agents.library import load_agent
from bridge.agents.team import Routing, Team
from bridge.errors import AgentError


class AgentBook:
    """Finds agents for outbound calls: "" is the one that serves, a name one of those that serve, else `load_agent`."""

    def __init__(self, routing: Routing) -> None:
        self._serving = routing
        self._loaded: dict[str, Agent] = {}

    def get(self, spec: str) -> Agent:
        """The agent. Raises AgentError, one sentence."""
        spec = spec.strip()
        if not spec:
            return self._serving.otherwise
        for agent in self._serving.agents:
            if agent.name == spec:
                return agent
        if spec not in self._loaded:
            found = load_agent(spec)
            if isinstance(found, Routing):
                found = found.otherwise
            Team(found)  # what is wrong with it is said now, and not when somebody has picked up
            self._loaded[spec] = found
        return self._loaded[spec]

    def check(self, spec: str) -> str:
        """Empty when this agent can talk, else why not."""
        try:
            self.get(spec)
        except AgentError as error:
            return str(error)
        return ""
