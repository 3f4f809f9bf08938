"""The link to a phone: protocol and socket of one leg. A call may have several, one after the other.

`send` is synchronous: it fills an outbox that `run_writer` empties into the socket. Nothing for the phone is dropped,
except by a flush: audio that has not left us is taken out first, then the phone is told to clear.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.carriers.base import LegStart, Wire
from bridge.errors import WireError
from bridge.live.one_write import as_one_write
from bridge.live.taps import Meter, WireTap

log = logging.getLogger(__name__)

MALFORMED_LIMIT = 500
"""Broken messages a leg may send before it is closed: one of a signed carrier sends none."""


BESIDE = -1
"""Instead of a size: a message that is none of the protocol's."""


class _Unread:
    """A meter that nobody reads."""

    size = 0

    def begin(self) -> None:
        """Nothing."""


class _Silent:
    """Sees nothing: until a leg belongs to a call, nobody watches it."""

    def message(self, side: object, way: object, text: object) -> None:
        """Nothing."""

    def garbage(self, side: object, way: object, text: object) -> None:
        """Nothing."""

    def meter(self, side: object, way: object) -> Meter:
        """One that is not read."""
        return _Unread()


class ShortWay(Protocol):
    """A socket that can be written to without waiting; `web.lane.Lane` is one."""

    @property
    def ready(self) -> bool:
        """Can it be written to now?"""
        ...

    def write(self, texts: Sequence[bytes]) -> None:
        """Send these messages at once."""
        ...


class PhoneLink:
    """One phone leg."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.sound = wire.sound
        """See `Wire.sound`."""
        self.watch(_Silent())
        self.on_event: Callable[[ev.Event], None] = lambda event: None
        self.on_together: Callable[[bool], None] = lambda begins: None
        """Told before (True) and after (False) the messages of one read, when there are several."""
        self.malformed = 0
        self.closing = False
        self._held = False
        self._writing = False
        self.short_way: ShortWay | None = None
        """Where messages go at once, while it is ready and nothing waits before them."""
        self._outbox: list[tuple[bytes, int, bool]] = []
        self._writer: asyncio.Future[None] | None = None
        """The writer, while it waits for something to write."""

    def watch(self, tap: WireTap) -> None:
        """Let `tap` see what goes over the wire from now on."""
        self._tap = tap
        self._out = tap.meter("phone", "out")

    @property
    def start(self) -> LegStart | None:
        """Who the leg says it is; None until it said so."""
        return self._wire.start

    def receive(self, messages: Sequence[str | bytes]) -> None:
        """The messages of one read: parsed, shown to the tap, their events handed on."""
        as_one_write(messages, self._read, self.on_together)

    def _read(self, messages: Sequence[str | bytes]) -> None:
        for message in messages:
            try:
                events = self._wire.read(message)
            except WireError as error:
                self._malformed(message, error)
                continue
            for event in events:
                if type(event) is not ev.PhoneAudio and type(event) is not ev.PhoneGap:
                    self._tap.message("phone", "in", message)
                self.on_event(event)

    def _malformed(self, message: str | bytes, error: WireError) -> None:
        self.malformed += 1
        self._tap.garbage("phone", "in", message)
        if self.malformed <= 3:
            log.warning("phone message ignored", extra={"error": str(error)})
        if self.malformed >= MALFORMED_LIMIT:
            self.close()

    def play(self, plays: Sequence[do.Play], *, at_once: bool) -> None:
        """Send pieces of sound as one write, also while others are held when it must be `at_once`."""
        outbox = self._outbox
        for command in plays:
            size = len(command.audio)
            for text in self._wire.write(command):
                outbox.append((text, size, True))
                size = 0  # the audio comes first, what follows is its mark
        if at_once or not self._held:
            self._empty()

    def send(self, command: do.PhoneCommand) -> None:
        """Send a command. A flush first takes out the audio that has not left yet."""
        if type(command) is do.Play:
            self.play((command,), at_once=False)
            return
        if type(command) is do.Flush:
            self._outbox = [entry for entry in self._outbox if not entry[2]]
        self._outbox += [(text, 0, False) for text in self._wire.write(command)]
        if self._outbox and not self._held:
            self._empty()

    def tell(self, text: bytes) -> None:
        """Send a message beside the protocol, in its turn: for an ear that understands more than a phone does."""
        self._outbox.append((text, BESIDE, False))
        if not self._held:
            self._empty()

    def hold(self) -> None:
        """What is sent from now on waits for `release`: the answers to several events leave as one write."""
        self._held = True

    def release(self) -> None:
        """Send what was held."""
        self._held = False
        if self._outbox:
            self._empty()

    def _empty(self) -> None:
        """The outbox goes the short way at once, or waits for the writer; nothing overtakes what the writer sends."""
        way = self.short_way
        if way is None or not self._clear(way):
            self._wake()
            return
        sent, self._outbox = self._outbox, []
        way.write([text for text, _, _ in sent])  # before it is told: a first sound waits for nobody
        for text, size, _ in sent:
            self._show(text, size)

    def _clear(self, way: ShortWay) -> bool:
        return way.ready and not self.closing and not self._writing

    def close(self) -> None:
        """Have the writer close the socket when the outbox is empty."""
        self.closing = True
        self._wake()

    def _wake(self) -> None:
        """There is work for the writer."""
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    async def run_writer(self, send_text: Callable[[bytes], Awaitable[None]]) -> None:
        """Empty the outbox into the socket until the link is closed. Ends with the socket's own error if it fails."""
        while True:
            while self._outbox:
                text, size, _ = self._outbox.pop(0)
                self._show(text, size)
                self._writing = True
                await send_text(text)
                self._writing = False
            if self.closing:
                return
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer

    def _show(self, text: bytes, size: int) -> None:
        if size > 0:
            if not self._out.size:
                self._out.begin()
            self._out.size += size
        elif size != BESIDE:
            self._tap.message("phone", "out", text)
