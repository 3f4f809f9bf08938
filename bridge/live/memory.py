"""What has been said in a call, as its tools may read it (`Call.turns`)."""

from __future__ import annotations

from dataclasses import replace

from bridge.call import facts
from bridge.tools.base import Turn

MOST = 400
"""Turns that are kept; older ones are forgotten here, the transcript has them all."""


class Memory:
    """One call's turns; a subscriber. A turn of the caller is there when it ends, its words follow."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []

    def __call__(self, fact: facts.Fact) -> None:
        """Something was said, or done."""
        match fact:
            case facts.CallerStopped(start_ms):
                self._add(Turn("caller", "", start_ms))
            case facts.CallerSaid(_, text, start_ms):
                self._words(text, start_ms)
            case facts.AgentSaid(heard_text=text, start_ms=start_ms):
                self._add(Turn("agent", text, start_ms))
            case facts.KeysPressed(_, digits, at_ms):
                self._add(Turn("caller", f"(pressed {digits})", at_ms))
            case facts.ToolUsed(name=name, arguments=arguments, output=output, end_ms=end_ms):
                self._add(Turn("tool", f"{name}({arguments}) -> {output}", end_ms))
            case _:
                pass

    def _add(self, turn: Turn) -> None:
        self.turns.append(turn)
        del self.turns[:-MOST]

    def _words(self, text: str, start_ms: int) -> None:
        for index in range(len(self.turns) - 1, -1, -1):
            turn = self.turns[index]
            if turn.who == "caller" and turn.at_ms == start_ms:
                self.turns[index] = replace(turn, text=text)
                return
        self._add(Turn("caller", text, start_ms))
