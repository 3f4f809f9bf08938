"""What is seen of running calls without looking into them: what was said, who speaks, which tools run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bridge.call import facts
from bridge.live.info import CallInfo
from bridge.live.taps import Subscriber

MOST = 400
"""Turns that are kept; older ones are forgotten here, the transcript has them all."""

Told = (
    facts.CallerSaid
    | facts.AgentSaid
    | facts.KeysPressed
    | facts.ToolUsed
    | facts.AgentTookOver
    | facts.Guarded
    | facts.HandingOver
    | facts.TakenBack
    | facts.Trouble
)
"""What somebody reads who follows a call."""


@dataclass(frozen=True, slots=True)
class RunningTool:
    """A tool that has not returned."""

    tool_call_id: str
    name: str
    arguments: str
    at_ms: int
    """On the call's clock."""


@dataclass(slots=True)
class Glance:
    """One call's."""

    agent: str
    """Who speaks now."""
    who: str = ""
    """Whose words `words` are: caller, agent or keys."""
    words: str = ""
    told: list[Told] = field(default_factory=list)
    tools: dict[str, RunningTool] = field(default_factory=dict)
    """Those that run, by the model's id of each."""

    def __call__(self, fact: facts.Fact) -> None:
        """Something happened."""
        if isinstance(fact, Told):
            self.told.append(fact)
            del self.told[:-MOST]
        match fact:
            case facts.CallerSaid(text=text) if text:
                self.who, self.words = "caller", text
            case facts.AgentSaid(heard_text=text) if text:
                self.who, self.words = "agent", text
            case facts.KeysPressed(digits=digits):
                self.who, self.words = "keys", digits
            case facts.ToolStarted(tool_call_id, name, arguments, at_ms):
                self.tools[tool_call_id] = RunningTool(tool_call_id, name, arguments, at_ms)
            case facts.ToolUsed(tool_call_id=tool_call_id):
                self.tools.pop(tool_call_id, None)
            case facts.AgentTookOver(agent):
                self.agent = agent
            case _:
                pass


class Glances:
    """Those of all running calls."""

    def __init__(self) -> None:
        self._by_call: dict[str, Glance] = {}

    def subscriber(self, info: CallInfo) -> Subscriber:
        """Reads along with one call, and forgets it when it is over."""
        glance = self._by_call[info.call_id] = Glance(info.agent)

        def told(fact: facts.Fact) -> None:
            glance(fact)
            if type(fact) is facts.CallEnded:
                self._by_call.pop(info.call_id, None)

        return told

    def of(self, info: CallInfo) -> Glance:
        """One call's; an empty one for a call that is over."""
        return self._by_call.get(info.call_id) or Glance(info.agent)

    def tools(self, call_id: str) -> Sequence[RunningTool]:
        """Tools of a call that have not returned, oldest first."""
        glance = self._by_call.get(call_id)
        return list(glance.tools.values()) if glance is not None else ()
