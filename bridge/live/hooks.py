"""`@agent.on(...)`: the user's functions are told what happens in a call. Nothing waits for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bridge.agents.agent import Agent, Hook
from bridge.call import facts
from bridge.tools.base import Call
from bridge.tools.threads import carried_out

log = logging.getLogger(__name__)

LONGEST_S = 60.0
"""A hook that takes longer is given up."""
_NAMES: dict[type[facts.Fact], str] = {
    facts.CallAnswered: "call.started",
    facts.CallerSaid: "turn.completed",
    facts.AgentSaid: "turn.completed",
    facts.CallEnded: "call.ended",
}


class Hooks:
    """The hooks of one call's agents; a subscriber. `running` are the tasks that go on after the call."""

    def __init__(self, call: Call, agent: Callable[[], Agent], running: set[asyncio.Task[None]]) -> None:
        self._call = call
        self._agent = agent
        self._running = running
        self._started = False

    def __call__(self, fact: facts.Fact) -> None:
        """Tell whoever wants to know."""
        name = _NAMES.get(type(fact))
        if name is None or (name == "call.started" and self._started):
            return  # a line that is back is no new call
        self._started = True
        for hook in self._agent().hooks(name):
            task = asyncio.ensure_future(self._run(name, hook, fact))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self, name: str, hook: Hook, fact: facts.Fact) -> None:
        try:
            async with asyncio.timeout(LONGEST_S):
                await carried_out(hook, self._call, lambda call: hook(call, fact))
        except Exception:  # the boundary to users' code, TimeoutError included
            log.exception("a hook failed", extra={"call_id": self._call.id, "hook": name})
