"""The 20 ms clock of one answered call, between a phone and whatever it is connected to at the moment.

The clock runs from answer to hang-up; verbs come and go by setting `leg`. Ticks stand at fixed times (start + n x 20
ms): a late loop catches up in a burst, as a packet network does, and never drifts.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import Protocol

from bridge.sim.phone import FRAME_S, SILENCE, Phone


class Leg(Protocol):
    """The other end of the line: a media stream, an announcement, another phone."""

    def listen(self, ulaw: bytes, key: str, at_s: float) -> None:
        """20 ms of the phone's microphone (160 bytes mu-law), and the key pressed in it or an empty text."""

    def speak(self, at_s: float) -> bytes:
        """Up to 160 bytes of mu-law for the phone's ear; empty is silence."""


class Line:
    """Drives one phone. `latency_ms` (rounded to 20) is the way between the carrier and the phone, each direction."""

    def __init__(self, phone: Phone, latency_ms: float = 0.0) -> None:
        self.phone = phone
        self._leg: Leg | None = None
        self._awake = asyncio.Event()
        frames = round(latency_ms / 1000 / FRAME_S)
        self._to_ear = deque([b""] * frames)
        self._from_mouth = deque([(SILENCE, "")] * frames)

    @property
    def leg(self) -> Leg | None:
        """What the phone is connected to now."""
        return self._leg

    @leg.setter
    def leg(self, leg: Leg | None) -> None:
        self._leg = leg
        self._awake.set()

    async def run(self) -> None:
        """Tick until the phone is hung up. A light phone's clock stands while there is nothing to carry."""
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        phone = self.phone
        if phone.light:
            phone.stir = self._awake.set
        phone.pick_up(start_s)
        ticks = 0
        while not phone.hung_up:
            if phone.light and self._leg is None and not phone.attentive:
                await self._stirred()
                ticks = max(ticks, math.ceil((loop.time() - start_s) / FRAME_S))
                await _until(loop, start_s + ticks * FRAME_S)
                continue
            self._tick(start_s + ticks * FRAME_S)
            ticks += 1
            await _until(loop, start_s + ticks * FRAME_S)

    async def _stirred(self) -> None:
        self._awake.clear()
        await self._awake.wait()

    def _tick(self, at_s: float) -> None:
        self._from_mouth.append((self.phone.tick(at_s), self.phone.take_key()))
        frame, key = self._from_mouth.popleft()
        leg = self.leg
        if leg is not None:
            leg.listen(frame, key, at_s)
        self._to_ear.append(leg.speak(at_s) if leg is not None else b"")
        self.phone.hear(self._to_ear.popleft(), at_s)


async def _until(loop: asyncio.AbstractEventLoop, when_s: float) -> None:
    """Sleep to a fixed time; when it has passed, others get one turn."""
    reached = asyncio.Event()
    timer = loop.call_at(when_s, reached.set)
    try:
        await reached.wait()
    finally:
        timer.cancel()
