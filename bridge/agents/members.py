"""Who belongs to the team of an agent: everybody a call can be handed to from it, directly or through others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bridge.agents.agent import Agent


def handed_to(agent: Agent) -> Sequence[Agent | str]:
    """Whom an agent hands calls to, in the order of `handoffs`: agents, or names."""
    return [way.target for way in agent.ways]


def name_of(one: Agent | str) -> str:
    """The name of somebody calls are handed to."""
    return one if isinstance(one, str) else one.name


def members_of(agent: Agent) -> dict[str, Agent]:
    """The members by name, this one first. A name that is given twice belongs to who was found first."""
    found: dict[str, Agent] = {}
    for member in _walk(agent, set()):
        found.setdefault(member.name, member)
    return found


def missing(agent: Agent, members: dict[str, Agent]) -> list[str]:
    """The names this agent hands over to and that nobody of the team bears."""
    return [one for one in handed_to(agent) if isinstance(one, str) and one not in members]


def _walk(agent: Agent, seen: set[int]) -> Iterator[Agent]:
    if id(agent) in seen:
        return
    seen.add(id(agent))
    yield agent
    for other in handed_to(agent):
        if isinstance(other, Agent):
            yield from _walk(other, seen)
