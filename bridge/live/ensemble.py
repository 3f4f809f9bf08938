"""The agents of one call at work: who speaks, what they may do, who guards them, and who is told.

The session asks here for its tools to be run, and for nothing else; what follows from a tool (another agent takes
over) goes to the call as an event, like everything that happens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bridge.agents.agent import Agent
from bridge.call import events as ev
from bridge.live.briefing import Briefing, tool_terms
from bridge.live.guards import Guards
from bridge.live.hooks import Hooks
from bridge.live.info import LiveCall
from bridge.live.preparing import look_up
from bridge.live.taps import Subscriber
from bridge.tools.base import Tool, ToolResult
from bridge.tools.runner import ToolRunner

log = logging.getLogger(__name__)

Tell = Callable[[ev.Event], None]


class Ensemble:
    """One call's."""

    def __init__(self, briefing: Briefing, call: LiveCall, tell: Tell, running: set[asyncio.Task[None]]) -> None:
        """`tell`: where events go. `running`: work that goes on when the call is over."""
        self.briefing = briefing
        self.call = call
        self._tell = tell
        self._runner = ToolRunner(briefing.tools(""), call)
        self._running = running

    @property
    def agent(self) -> Agent:
        """Who speaks."""
        return self.briefing.agent(self.call.speaking)

    def subscribers(self) -> list[Subscriber]:
        """Those who read along for the agents; they know the ensemble, and it does not know them."""
        guards = Guards(self.call, self._tell, lambda: self.agent.guardrails)
        return [guards, Hooks(self.call, lambda: self.agent, self._running)]

    async def prepare(self) -> None:
        """Look up what is to be known before the first word; the call waits for it, though not for ever."""
        prepare = self.agent.prepare
        if prepare is None:
            return
        self.briefing.learn(await look_up(prepare, self.call, self.agent.prepare_s))
        self._tell(ev.Prepared(self.briefing.greeting()))

    async def run_tool(self, name: str, arguments: str) -> ToolResult:
        """Run a tool of the agent that speaks; see `ToolRunner.run`."""
        result = await self._runner.run(name, arguments)
        if result.become:
            self._hand_over(result)
        return result

    def _hand_over(self, result: ToolResult) -> None:
        if result.become not in self.briefing.team.agents:
            log.error("handoff to nobody", extra={"call_id": self.call.id, "agent": result.become})
            return
        self.call.speaking = result.become
        self._runner.tools = self.briefing.tools(result.become)
        terms = self.briefing.terms(result.become)
        self._tell(ev.AgentChanged(result.become, terms, result.why, self.briefing.filled(result.announce)))

    def change_tools(self, tools: list[Tool]) -> None:
        """Tools that come from outside during the call, instead of those that came before."""
        self.briefing.more_tools = tools
        self._runner.tools = self.briefing.tools(self.call.speaking)
        self._tell(ev.ToolsChanged({tool.name: tool_terms(tool) for tool in tools}))
