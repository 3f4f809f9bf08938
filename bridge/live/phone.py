"""The link to a phone: protocol and socket of one leg. A call may have several, one after the other.

`send` is synchronous: it fills an outbox that `run_writer` empties into the socket. Nothing for the phone is dropped,
except by a flush: audio that has not left us is taken out first, then the phone is told to clear.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.carriers.base import LegStart, Wire
from bridge.errors import WireError
from bridge.live.taps import WireTap

log = logging.getLogger(__name__)

MALFORMED_LIMIT = 500
"""Broken messages a leg may send before it is closed: one of a signed carrier sends none."""


class _Silent:
    """Sees nothing: until a leg belongs to a call, nobody watches it."""

    def message(self, side: object, way: object, text: object) -> None:
        """Nothing."""

    def audio(self, side: object, way: object, ms: object) -> None:
        """Nothing."""


class ShortWay(Protocol):
    """A socket that can be written to without waiting; `web.lane.Lane` is one."""

    @property
    def ready(self) -> bool:
        """Can it be written to now?"""
        ...

    def write(self, texts: Sequence[str]) -> None:
        """Send these messages at once."""
        ...


class PhoneLink:
    """One phone leg."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.tap: WireTap = _Silent()
        self.on_event: Callable[[ev.Event], None] = lambda event: None
        self.malformed = 0
        self.closing = False
        self.short_way: ShortWay | None = None
        """Where messages go at once, while it is ready and nothing waits before them."""
        self._outbox: deque[tuple[str, float, bool]] = deque()
        self._ready = asyncio.Event()

    @property
    def start(self) -> LegStart | None:
        """Who the leg says it is; None until it said so."""
        return self._wire.start

    def receive(self, message: str | bytes) -> None:
        """One message from the phone: parsed, shown to the tap, its events handed on."""
        try:
            events = self._wire.read(message)
        except WireError as error:
            self.malformed += 1
            if self.malformed <= 3:
                log.warning("phone message ignored", extra={"error": str(error)})
            if self.malformed >= MALFORMED_LIMIT:
                self.close()
            return
        for event in events:
            if isinstance(event, ev.PhoneAudio):
                self.tap.audio("phone", "in", event.size / 8)
            elif not isinstance(event, ev.PhoneGap):
                self.tap.message("phone", "in", message)
            self.on_event(event)

    def send(self, command: do.PhoneCommand) -> None:
        """Send a command. A flush first takes out the audio that has not left yet."""
        if isinstance(command, do.Flush):
            self._outbox = deque(entry for entry in self._outbox if not entry[2])
        play = isinstance(command, do.Play)
        ms = len(command.audio) / 8 if isinstance(command, do.Play) else 0.0
        texts = self._wire.write(command)
        way = self.short_way
        if way is not None and not self._outbox and not self.closing and way.ready:
            for text in texts:
                self._show(text, ms)
                ms = 0.0  # the audio comes first, what follows is its mark
            way.write(texts)
            return
        for text in texts:
            self._outbox.append((text, ms, play))
            ms = 0.0
        self._ready.set()

    def close(self) -> None:
        """Have the writer close the socket when the outbox is empty."""
        self.closing = True
        self._ready.set()

    async def run_writer(self, send_text: Callable[[str], Awaitable[None]]) -> None:
        """Empty the outbox into the socket until the link is closed. Ends with the socket's own error if it fails."""
        while True:
            while self._outbox:
                text, ms, _ = self._outbox.popleft()
                self._show(text, ms)
                await send_text(text)
            if self.closing:
                return
            self._ready.clear()
            await self._ready.wait()

    def _show(self, text: str, ms: float) -> None:
        if ms:
            self.tap.audio("phone", "out", ms)
        else:
            self.tap.message("phone", "out", text)
