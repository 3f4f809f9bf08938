"""Who said what: one JSON line a turn, told when it is known.

Fields: turn, role (caller, agent, tool, keys), text, start_ms, end_ms; for the agent heard_ms, length_ms, cut,
heard_text, latency_ms; for a tool tool, arguments, ok, and where there is one a note on who allowed it. A caller's
words may come after the agent's answer began: readers sort by `turn`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from bridge.call import facts
from bridge.store.disk import GrowingFile


class Transcript:
    """One call's transcript."""

    def __init__(self, file: GrowingFile[dict[str, Any]]) -> None:
        self._file = file
        self.turns = 0

    def __call__(self, fact: facts.Fact) -> None:
        """Write the facts that are turns."""
        line = turn_of(fact)
        if line is not None:
            self.turns += 1
            self._file.append(line)


def lines(turns: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    """The lines of the file."""
    return map(msgspec.json.encode, turns)


def turn_of(fact: facts.Fact) -> dict[str, Any] | None:
    """A fact as a line of the transcript; None when it is no turn."""
    match fact:
        case facts.CallerSaid():
            return _line(fact.turn, "caller", fact.text, fact.start_ms, fact.end_ms)
        case facts.AgentSaid():
            line = _line(fact.turn, "agent", fact.text, fact.start_ms, fact.end_ms)
            line |= {"heard_ms": fact.heard_ms, "length_ms": fact.length_ms, "cut": fact.cut}
            return line | {"heard_text": fact.heard_text, "latency_ms": fact.latency_ms}
        case facts.KeysPressed():
            return _line(fact.turn, "keys", fact.digits, fact.at_ms, fact.at_ms)
        case facts.ToolUsed():
            line = _line(fact.turn, "tool", fact.output, fact.start_ms, fact.end_ms)
            line |= {"tool": fact.name, "arguments": fact.arguments, "ok": fact.ok}
            return line | ({"note": fact.note} if fact.note else {})
        case _:
            return None


def _line(turn: int, role: str, text: str, start_ms: int, end_ms: int) -> dict[str, Any]:
    return {"turn": turn, "role": role, "text": text, "start_ms": start_ms, "end_ms": end_ms}
