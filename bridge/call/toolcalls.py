"""Every tool call is answered exactly once.

A call the model makes is open until its result has been returned, be it a value, an error or a time-out; a result that
comes again, or too late, is dropped. The model speaks once, when the last open call has returned.
"""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(slots=True)
class OpenCall:
    """A tool call that has not been answered."""

    call_id: str
    name: str
    arguments: str
    began_at: float
    deaf: bool = False
    """Until it returns, nothing the caller says is answered."""
    again: bool = False
    """The same as the one before it, which has the answer."""
    spoken_of: bool = False
    """The caller was told that it takes a moment."""


class ToolCalls:
    """One call's open tool calls."""

    def __init__(self) -> None:
        self._open: dict[str, OpenCall] = {}
        self._known: set[str] = set()
        self._speak = False
        self._last = ("", "")
        self._in_a_row = 0
        self._last_output: str | None = None

    def called(self, call_id: str, name: str, arguments: str, now: float, *, deaf: bool = False) -> bool:
        """The model called; False when this id was seen before (servers announce a call in more than one event)."""
        if call_id in self._known:
            return False
        self._known.add(call_id)
        which = (name, _same(arguments))
        again = which == self._last
        self._open[call_id] = OpenCall(call_id, name, arguments, now, deaf, again)
        if not again:
            self._last, self._in_a_row, self._last_output = which, 0, None
        self._in_a_row += 1
        return True

    @property
    def in_a_row(self) -> int:
        """How many identical calls the last one ends, without a word of the caller between."""
        return self._in_a_row

    @property
    def last_output(self) -> str | None:
        """What the identical call before it brought; None while it runs."""
        return self._last_output

    def caller_turn(self) -> None:
        """The caller said (or entered) something: the same call again is no repetition."""
        self._last, self._in_a_row, self._last_output = ("", ""), 0, None

    def returned(self, call_id: str, output: str, *, speak: bool) -> OpenCall | None:
        """A result is there; None when the call is not open (unknown, or answered before)."""
        call = self._open.pop(call_id, None)
        if call is not None:
            self._speak = self._speak or speak
            if not call.again and (call.name, _same(call.arguments)) == self._last:
                self._last_output = output
        return call

    def speak(self) -> None:
        """Something came back that is not one of these calls, and is to be spoken about too."""
        self._speak = True

    def name_of(self, call_id: str) -> str:
        """Which tool an open call is of; empty when it is not open."""
        call = self._open.get(call_id)
        return call.name if call is not None else ""

    def waiting(self) -> list[OpenCall]:
        """Open calls, oldest first."""
        return list(self._open.values())

    @property
    def deaf(self) -> bool:
        """A call is open that nothing the caller says may lead past."""
        return any(call.deaf for call in self._open.values())

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


def _same(arguments: str) -> str:
    """Arguments in one spelling: spaces and the order of keys do not make another call of it."""
    try:
        return json.dumps(json.loads(arguments or "{}"), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments
