"""The faults of one session, carried out: between the session and its socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from bridge.sim.engine.faults import Fault


class Link(Protocol):
    """The socket of a session. Nothing here waits; what is sent goes out in order."""

    def send(self, message: str) -> None: ...
    def close(self, code: int, reason: str) -> None: ...

    def drop(self) -> None:
        """Cut the TCP connection without a closing handshake."""
        ...

    def freeze(self) -> None:
        """Neither read nor send from now on; the connection stays open."""
        ...


class FaultPlan:
    """Tells when a fault is due and carries out those that happen to the connection."""

    def __init__(self, faults: Sequence[Fault], session_number: int, link: Link) -> None:
        self._faults = [fault for fault in faults if fault.concerns(session_number)]
        self._link = link
        self._events_sent = 0
        self._responses = 0
        self._deltas = 0
        self._strange = False
        self._timers: list[asyncio.TimerHandle] = []

    def has(self, kind: str) -> bool:
        return any(fault.kind == kind for fault in self._faults)

    def get(self, kind: str) -> Fault | None:
        return next((fault for fault in self._faults if fault.kind == kind), None)

    def opened(self) -> None:
        """The session has begun."""
        self._reached("start", 1)

    def response_asked(self) -> Fault | None:
        """A response of the conversation is about to begin; the fault that happens to it, if one does.

        Called once for each response, as it counts them.
        """
        self._responses += 1
        self._reached("response", self._responses)
        fitting = [f for f in self._faults if f.kind in ("fail", "mute") and f.nth == self._responses]
        return fitting[0] if fitting else None

    def event_sent(self) -> None:
        """One event went out."""
        self._events_sent += 1
        self._reached("event", self._events_sent)

    def loses(self) -> bool:
        """True when the delta of sound that is about to be sent shall be lost."""
        fault = self.get("lose")
        self._deltas += 1
        return fault is not None and self._deltas % int(fault.number) == 0

    def dressed(self, event: dict[str, Any]) -> dict[str, Any]:
        """An event with fields nobody knows, once that fault has set in."""
        return {**event, "x_unknown_field": {"nested": [1, 2, 3]}} if self._strange else event

    def over(self) -> None:
        """The session has ended; nothing more is due."""
        for timer in self._timers:
            timer.cancel()

    def _reached(self, anchor: str, nth: int) -> None:
        acts: dict[str, Callable[[Fault], None]] = {
            "close": lambda fault: self._link.close(int(fault.number), ""),
            "drop": lambda _: self._link.drop(),
            "freeze": lambda _: self._link.freeze(),
            "garbage": lambda _: self._link.send('{"type": "response.output_audio.delta", "delta": '),
            "unknown": lambda _: self._act_strange(),
        }
        for fault in self._faults:
            if fault.kind in acts and fault.anchor == anchor and fault.nth == nth:
                loop = asyncio.get_running_loop()
                self._timers.append(loop.call_later(fault.after_s, acts[fault.kind], fault))

    def _act_strange(self) -> None:
        self._strange = True
        self._link.send('{"type": "weather.updated", "event_id": "event_unknown", "sky": "blue"}')
