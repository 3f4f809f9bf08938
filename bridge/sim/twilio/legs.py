"""What a caller's line may be connected to besides a media stream: an announcement, a keypad reader.

Other phones: `mixer.py`."""

from __future__ import annotations

import asyncio

from bridge.sim.line import Line
from bridge.sim.twilio.playout import Playout


class Announcement:
    """Plays one piece of mu-law; keys and voice of the caller are noted and go nowhere."""

    def __init__(self, ulaw: bytes) -> None:
        self.keys = ""
        self._playout = Playout()
        self._playout.add(ulaw)
        self._over = asyncio.Event()

    def listen(self, ulaw: bytes, key: str, at_s: float) -> None:
        """The caller, who is only heard for keys."""
        self.keys += key

    def speak(self, at_s: float) -> bytes:
        """The next 20 ms of the announcement."""
        frame = self._playout.take()
        if not frame:
            self._over.set()
        return frame

    async def play(self, line: Line) -> None:
        """Play it to the end."""
        line.leg = self
        try:
            await self._over.wait()
        finally:
            line.leg = None


class Keypad:
    """Plays prompts until a key is pressed, then collects keys as `<Gather>` does."""

    def __init__(self, prompt: bytes, *, wanted: int | None, finish_on: str, timeout_s: float) -> None:
        self.digits = ""
        self.finished_on = ""
        self._wanted = wanted
        self._finish_on = finish_on
        self._timeout_s = timeout_s
        self._playout = Playout()
        self._playout.add(prompt)
        self._quiet_since_s: float | None = None
        self._over = asyncio.Event()

    def listen(self, ulaw: bytes, key: str, at_s: float) -> None:
        """One key at most every frame."""
        if not key:
            return
        self._playout.clear()
        self._quiet_since_s = at_s
        if key in self._finish_on:
            self.finished_on = key
            self._over.set()
            return
        self.digits += key
        if self._wanted is not None and len(self.digits) >= self._wanted:
            self._over.set()

    def speak(self, at_s: float) -> bytes:
        """The prompt; the wait for keys begins at its end."""
        frame = self._playout.take()
        if not frame:
            if self._quiet_since_s is None:
                self._quiet_since_s = at_s
            elif at_s - self._quiet_since_s >= self._timeout_s:
                self._over.set()
        return frame

    async def collect(self, line: Line) -> str:
        """The digits, perhaps none."""
        line.leg = self
        try:
            await self._over.wait()
        finally:
            line.leg = None
        return self.digits
