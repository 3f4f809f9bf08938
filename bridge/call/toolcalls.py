"""Every tool call is answered exactly once.

A call the model makes is open until its result has been returned, be it a value, an error or a time-out; a result that
comes again, or too late, is dropped. The model speaks once, when the last open call has returned.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class OpenCall:
    """A tool call that has not been answered."""

    call_id: str
    name: str
    arguments: str
    began_at: float


class ToolCalls:
    """One call's open tool calls."""

    def __init__(self) -> None:
        self._open: dict[str, OpenCall] = {}
        self._known: set[str] = set()
        self._speak = False

    def called(self, call_id: str, name: str, arguments: str, now: float) -> bool:
        """The model called; False when this id was seen before (servers announce a call in more than one event)."""
        if call_id in self._known:
            return False
        self._known.add(call_id)
        self._open[call_id] = OpenCall(call_id, name, arguments, now)
        return True

    def returned(self, call_id: str, *, speak: bool) -> OpenCall | None:
        """A result is there; None when the call is not open (unknown, or answered before)."""
        call = self._open.pop(call_id, None)
        if call is not None:
            self._speak = self._speak or speak
        return call

    def take_speak(self) -> bool:
        """Is it time to speak about what came back? True once, when nothing is open any more."""
        if self._open or not self._speak:
            return False
        self._speak = False
        return True

    def overdue(self, now: float, limit_s: float) -> list[OpenCall]:
        """Open calls that have been open for `limit_s` or longer."""
        return [c for c in self._open.values() if c.began_at + limit_s <= now]

    @property
    def oldest_at(self) -> float | None:
        """When the oldest open call began; None when nothing is open."""
        return min((c.began_at for c in self._open.values()), default=None)

    @property
    def open(self) -> int:
        """How many calls wait for their result."""
        return len(self._open)
