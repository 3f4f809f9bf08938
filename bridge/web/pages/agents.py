"""`/agents`: who answers and who calls; each with what it says, what it may do, where it is written down, and what is
wrong with it.

Looking runs nobody's code twice: agents that serve are looked at as they are, those of campaigns are loaded as the
dialer loads them, in a thread, and one that cannot be is shown with its sentence while the others work.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bridge.agents.agent import Agent
from bridge.agents.check import Looked, look_at
from bridge.agents.problems import Problem
from bridge.agents.prompts import agent_tokens
from bridge.agents.team import Team
from bridge.errors import AgentError, StoreError
from bridge.store.figures import DAY_S, AgentSums, Figures
from bridge.web.answers import desk_of
from bridge.web.problem import problem, refusal
from bridge.web.render import page
from bridge.web.services import Services

DAYS = 7
KEEP_S = 10.0
"""What was found out is good for so long."""


@dataclass(frozen=True, slots=True)
class Known:
    """One agent."""

    name: str
    agent: Agent
    team: Team
    roles: tuple[str, ...]
    """Why it is here: which numbers it answers, which campaigns it calls for, whose team it is of."""
    place: str
    """`file:line`, "" where nobody can tell."""
    problems: tuple[Problem, ...]
    talk: str
    """By what `/talk` finds it; "" for who is only handed to."""


@dataclass(frozen=True, slots=True)
class Broken:
    """One that cannot be loaded."""

    spec: str
    sentence: str
    roles: tuple[str, ...]


@dataclass(slots=True)
class View:
    """What there is. `trouble`: why there are no figures, and no agents of campaigns; one sentence."""

    agents: dict[str, Known] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    sums: Mapping[str, AgentSums] = field(default_factory=dict)
    trouble: str = ""


class AgentsPage:
    """The handlers."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._found = View()
        self._good_until = float("-inf")
        self._lock = asyncio.Lock()

    async def show(self, request: Request) -> Response:
        """The list."""
        return page(request, "agents.html", view=await self._view(), days=DAYS)

    async def one(self, request: Request) -> Response:
        """One agent."""
        view = await self._view()
        known = view.agents.get(request.path_params["name"])
        if known is None:
            return refusal(request, 404, "There is no such agent", "nobody of this name answers, calls or is handed to")
        about = described(known)
        sums = view.sums.get(known.name, AgentSums())
        return page(request, "agent.html", known=known, about=about, sums=sums, trouble=view.trouble, days=DAYS)

    async def listed(self, _: Request) -> Response:
        """`GET /api/v1/agents`."""
        view = await self._view()
        rows = [_row(known, view.sums.get(known.name, AgentSums())) for known in view.agents.values()]
        broken = [{"spec": one.spec, "error": one.sentence, "roles": list(one.roles)} for one in view.broken]
        return JSONResponse({"agents": rows, "broken": broken})

    async def described(self, request: Request) -> Response:
        """`GET /api/v1/agents/{name}`."""
        view = await self._view()
        known = view.agents.get(request.path_params["name"])
        if known is None:
            return problem(404, "Not Found", "there is no such agent")
        return JSONResponse(_row(known, view.sums.get(known.name, AgentSums())) | described(known))

    # ---- finding out

    async def _view(self) -> View:
        async with self._lock:  # several readers at once look once
            if time.monotonic() >= self._good_until:
                self._found = await self._look()
                self._good_until = time.monotonic() + KEEP_S
            return self._found

    async def _look(self) -> View:
        view = View()
        campaigns: dict[str, list[str]] = {}
        try:
            view.sums = await Figures(self._s.db).agents(time.time() - DAYS * DAY_S)
            for campaign in await desk_of(self._s).office.every():
                if campaign.state not in ("done", "cancelled"):
                    campaigns.setdefault(campaign.agent, []).append(campaign.name)
        except StoreError as error:
            view.trouble = str(error)
        await asyncio.to_thread(self._gather, view, campaigns)
        return view

    def _gather(self, view: View, campaigns: Mapping[str, list[str]]) -> None:
        """In a thread: files are read, and agents of campaigns are loaded."""
        routing, spec = self._s.routing, self._s.settings.agent
        for agent in routing.agents:
            numbers = [number for number, one in routing.numbers.items() if one is agent]
            roles = [f"answers {number}" for number in numbers]
            roles += ["answers every other number" if routing.numbers else "answers calls"] * (
                agent is routing.otherwise
            )
            _keep(view, spec, agent, roles, agent.name)
        for wanted, names in campaigns.items():
            roles = [f"calls for {name}" for name in names]
            try:
                found = self._s.dialer.agents.get(wanted)
            except AgentError as error:
                view.broken.append(Broken(wanted, str(error), tuple(roles)))
            else:
                serving = any(found is one for one in routing.agents)
                _keep(view, spec if serving else wanted, found, roles, found.name if serving else wanted)


def _keep(view: View, spec: str, agent: Agent, roles: list[str], talk: str) -> None:
    """The agent with its team."""
    known = view.agents.get(agent.name)
    if known is not None and known.agent is agent:
        merged = tuple(dict.fromkeys((*known.roles, *roles)))
        view.agents[agent.name] = replace(known, roles=merged, talk=known.talk or talk)
        return
    looked, team = look_at(spec, agent), Team(agent)
    for name, member in team.agents.items():
        why = roles if member is agent else [f"of the team of {agent.name}"]
        place = looked.places.get(name, "")
        found = _of(name, looked, agent.name)
        reached = talk if member is agent else ""
        view.agents.setdefault(name, Known(name, member, team, tuple(why), place, found, reached))


def _of(name: str, looked: Looked, first: str) -> tuple[Problem, ...]:
    """Problems have a place, and no agent: those of a file of its own are a member's, the others the first one's."""
    file = looked.places.get(name, "").rpartition(":")[0]
    others = {place.rpartition(":")[0] for other, place in looked.places.items() if other != name}
    if file and file not in others:
        return tuple(one for one in looked.problems if one.source == file)
    own = {place.rpartition(":")[0] for place in looked.places.values()}
    alone = len(own) == len(looked.places) > 1
    return () if name != first else tuple(one for one in looked.problems if not alone or one.source == file)


def described(known: Known) -> dict[str, Any]:
    """What there is to be known of an agent, as JSON can hold it."""
    agent = known.agent
    tools = [
        {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
        for tool in known.team.tools(known.name)
    ]
    rails = [{"name": rail.name, "on": rail.on, "say": rail.say, "every": rail.every} for rail in agent.guardrails]
    return {
        "instructions": agent.instructions,
        "greeting": agent.greeting,
        "facts": {name: value for name, value in _facts(agent) if value not in ("", None)},
        "tools": tools,
        "tool_sources": [source.name for source in agent.sources],
        "handoffs": [way.target_name for way in agent.ways],
        "guardrails": rails,
        "menu": dict(agent.menu),
        "estimated_tokens": agent_tokens(agent),
    }


def _facts(agent: Agent) -> Iterator[tuple[str, Any]]:
    yield "voice", agent.voice
    yield "model", agent.model
    yield "language", agent.language
    yield "transcription", agent.transcription_model
    yield "turn detection", _said(agent.turn_detection.definition() or {"type": agent.turn_detection.type})
    yield "noise reduction", agent.noise_reduction
    yield "longest call", f"{agent.max_minutes:g} min"
    yield "transfers to", agent.transfer_to
    yield "false interruption", f"{agent.false_interruption_ms} ms" if agent.false_interruption_ms else ""
    yield "opening hours", f"{_said(agent.hours.week)} ({agent.hours.timezone})" if agent.hours else ""
    yield "looks up before a call", getattr(agent.prepare, "__name__", "yes") if agent.prepare else ""
    yield "analysis", "when a call is over" if agent.analysis else ""


def _said(values: Mapping[str, Any]) -> str:
    """`threshold 0.5, create_response true`."""
    return ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}" for name, value in values.items()
    )


def _row(known: Known, sums: AgentSums) -> dict[str, Any]:
    return {
        "name": known.name,
        "roles": list(known.roles),
        "place": known.place,
        "voice": known.agent.voice,
        "problems": [
            {"source": one.source, "line": one.line or None, "level": one.level, "sentence": one.sentence}
            for one in known.problems
        ],
        "calls": sums.calls,
        "failed": sums.failed,
        "tool_calls": sums.tool_calls,
        "tool_errors": sums.tool_errors,
    }
