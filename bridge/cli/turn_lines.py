"""Calls as they go on, a line a turn:

12:01:07 CA..9f  turn 3  caller 2.1s  model 612 ms  tool get_hours 84 ms  barge-in  "We are open until six."
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.call import facts
from bridge.cli.call_view import printable

LONGEST = 72
"""Characters of what was said: a line stays a line."""


@dataclass
class _Open:
    """What has happened in a call since its last line."""

    name: str
    turns: int = 0
    caller_ms: int = 0
    tools: list[str] = field(default_factory=list)
    cut: bool = False


class TurnLines:
    """Facts of any number of calls in, lines out. `clock`: the time of day as it is to be shown."""

    def __init__(
        self, put: Callable[[str], None], clock: Callable[[], str] = lambda: time.strftime("%H:%M:%S")
    ) -> None:
        self._put = put
        self._clock = clock
        self._calls: dict[str, _Open] = {}

    @property
    def live(self) -> int:
        """Calls that have begun and not ended."""
        return len(self._calls)

    def tell(self, call_id: str, fact: facts.Fact) -> None:
        """One fact of a call."""
        if isinstance(fact, facts.CallBegan):
            self._calls[call_id] = _Open(short(fact.carrier_call_id or call_id))
            who = f"{fact.from_number} -> {fact.to_number}, answered by {fact.agent}"
            if fact.direction != "inbound":
                who = f"{fact.to_number} <- {fact.from_number}, called by {fact.agent}"
            self._line(call_id, printable(who))
            return
        call = self._calls.setdefault(call_id, _Open(short(call_id)))
        match fact:
            case facts.CallerStopped():
                call.caller_ms += max(0, fact.end_ms - fact.start_ms)
            case facts.ToolUsed():
                failed = "" if fact.ok else " FAILED"
                call.tools.append(f"tool {printable(fact.name)} {max(0, fact.end_ms - fact.start_ms)} ms{failed}")
            case facts.Interrupted():
                call.cut = True
            case facts.AgentSaid():
                self._turn(call_id, call, fact)
            case facts.KeysPressed():
                self._line(call_id, f"keys {printable(fact.digits)}")
            case facts.AgentTookOver():
                self._line(call_id, f"{printable(fact.agent)} took over")
            case facts.Trouble():
                self._line(call_id, f"trouble {printable(f'{fact.where}: {fact.message or fact.code}')}")
            case facts.CallEnded():
                by = f" (by the {fact.by})" if fact.by else ""
                error = f": {printable(fact.error)}" if fact.error else ""
                self._line(call_id, f"ended  {fact.reason}{by} after {fact.at_ms / 1000:.0f} s{error}")
                del self._calls[call_id]
            case _:
                pass

    def _turn(self, call_id: str, call: _Open, said: facts.AgentSaid) -> None:
        call.turns += 1
        parts = [f"turn {call.turns}"]
        parts += [f"caller {call.caller_ms / 1000:.1f}s"] if call.caller_ms else []
        parts += [f"model {said.latency_ms} ms"] if said.latency_ms >= 0 else []
        parts += call.tools
        parts += ["barge-in"] if call.cut else ["cut"] if said.cut else []
        words = printable(said.heard_text if said.cut else said.text)
        if words:
            parts.append(f'"{words if len(words) <= LONGEST else words[: LONGEST - 4] + " ..."}"')
        self._line(call_id, "  ".join(parts))
        call.caller_ms, call.cut = 0, False
        call.tools.clear()

    def _line(self, call_id: str, text: str) -> None:
        self._put(f"{self._clock()} {self._calls[call_id].name}  {text}")


def short(name: str) -> str:
    """`CA..9f`: enough to tell the calls of a terminal apart."""
    return f"{name[:2]}..{name[-2:]}" if len(name) > 6 else name
