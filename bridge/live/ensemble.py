"""The agents of one call at work: who speaks, what they may do, who guards them, and who is told.

The session asks here for its tools to be run, and for nothing else; what follows from a tool (another agent takes
over) goes to the call as an event, like everything that happens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from bridge.agents.agent import Agent
from bridge.agents.analysis import Analysis
from bridge.call import events as ev
from bridge.errors import AgentError, ToolError
from bridge.live.briefing import Briefing, tool_terms
from bridge.live.guards import Guards
from bridge.live.hooks import Hooks
from bridge.live.info import LiveCall
from bridge.live.memory import Memory
from bridge.live.preparing import look_up
from bridge.live.taps import Subscriber
from bridge.tools.base import Tool, ToolResult
from bridge.tools.runner import Approve, ToolRunner

log = logging.getLogger(__name__)

Tell = Callable[[ev.Event], None]
TAKEN_OVER = (
    "An operator has handed this call to you: you are now {agent}. Go on with it by your new instructions, and do not "
    "greet the caller again."
)
"""What the model is told; a tool's result says it where the model itself handed over."""


class Ensemble:
    """One call's."""

    def __init__(
        self,
        briefing: Briefing,
        call: LiveCall,
        tell: Tell,
        running: set[asyncio.Task[None]],
        approve: Approve | None = None,
    ) -> None:
        """`tell`: where events go. `running`: work that goes on when the call is over. `approve`: asks a person."""
        self.briefing = briefing
        self.call = call
        self._tell = tell
        self._runner = ToolRunner(briefing.tools(""), call, approve)
        self._running = running
        self._brought: dict[object, tuple[Tool, ...]] = {}

    @property
    def agent(self) -> Agent:
        """Who speaks."""
        return self.briefing.agent(self.call.speaking)

    @property
    def analysis(self) -> Analysis | None:
        """What is to be made of the call when it is over: as the agent says that spoke last, else the first one."""
        return self.agent.analysis or self.briefing.team.first.analysis

    def subscribers(self) -> list[Subscriber]:
        """Those who read along for the agents; they know the ensemble, and it does not know them."""
        guards = Guards(self.call, self._tell, lambda: self.agent.guardrails)
        memory = Memory()
        self.call.turns = memory.turns
        return [memory, guards, Hooks(self.call, lambda: self.agent, self._running)]

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

    async def opt_out(self, reason: str) -> None:
        """They pressed the key that says that they do not want to be called again."""
        try:
            await self.call.opt_out(reason)
        except ToolError:
            log.exception("a wish not to be called again could not be kept", extra={"call_id": self.call.id})

    def _hand_over(self, result: ToolResult) -> None:
        if result.become not in self.briefing.team.agents:
            log.error("handoff to nobody", extra={"call_id": self.call.id, "agent": result.become})
            return
        self.call.speaking = result.become
        self._runner.tools = self.briefing.tools(result.become)
        terms = self.briefing.terms(result.become)
        self._tell(ev.AgentChanged(result.become, terms, result.why, self.briefing.filled(result.announce)))

    @property
    def team(self) -> Sequence[str]:
        """The names of all who may speak; the one that the call began with first."""
        return tuple(self.briefing.team.agents)

    def become(self, agent: str, why: str) -> None:
        """Have another agent go on, because a person wants it. Raises AgentError when it is none of this team."""
        if agent not in self.briefing.team.agents:
            raise AgentError(f"nobody of this team is called {agent!r}; there are {', '.join(self.team)}")
        if agent == self.agent.name:
            raise AgentError(f"{agent!r} speaks already")
        self._hand_over(ToolResult("", become=agent, why=why))
        self._tell(ev.NoteAsked(TAKEN_OVER.format(agent=agent), respond=True))

    def bring(self, owner: object, tools: Sequence[Tool]) -> None:
        """Tools that come from outside during the call, instead of those that `owner` brought before; () takes them.

        Raises AgentError when the call has another tool of that name.
        """
        others = [tool for who, brought in self._brought.items() if who is not owner for tool in brought]
        taken = {tool.name for tool in (*self.briefing.own_tools(self.agent.name), *others)}
        twice = sorted({tool.name for tool in tools if tool.name in taken})
        if twice or len({tool.name for tool in tools}) < len(tools):
            raise AgentError(f"this call has a tool of that name already: {', '.join(twice) or 'given twice'}")
        had = self._brought.pop(owner, ())
        if tools:
            self._brought[owner] = tuple(tools)
        elif not had:
            return
        self.briefing.more_tools = [*others, *tools]
        self._runner.tools = self.briefing.tools(self.call.speaking)
        more = {tool.name: tool_terms(tool) for tool in self.briefing.more_tools}
        self._tell(ev.ToolsChanged(more, self.briefing.tool_s(self.call.speaking)))
