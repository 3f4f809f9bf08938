"""The link to the model: protocol and socket of one session.

`send` is synchronous. While the server reads too slowly, caller audio waits here, newest 2 s, older is dropped and
counted; everything else waits its turn and is never dropped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.errors import ModelError, WireError
from bridge.live.one_write import as_one_write
from bridge.live.taps import WireTap
from bridge.realtime import verdicts
from bridge.realtime.connection import OnClose, OnMessages
from bridge.realtime.reconnect import retry_after_s
from bridge.realtime.wire import APPEND, RealtimeWire

log = logging.getLogger(__name__)

WAITING_BYTES = 16_000
"""2 s of mu-law caller audio; what the model has not taken by then is no longer conversation."""


class Socket(Protocol):
    """What a link needs of a connection; `realtime.connection.Connection` is one."""

    writable: bool
    on_writable: Callable[[], None]

    def send(self, message: bytes) -> None: ...
    def send_all(self, messages: Sequence[bytes]) -> None: ...
    def close(self) -> None: ...


Connect = Callable[[OnMessages, OnClose], Awaitable[Socket]]
"""Opens a socket to the model with this call's URL and headers."""


def _nobody(_: object) -> None:
    """Is told, and does nothing."""


class ModelLink:
    """One call's model leg."""

    def __init__(self, wire: RealtimeWire, connect: Connect, tap: WireTap) -> None:
        self._wire = wire
        self._to_model = wire.to_model
        self._connect = connect
        self._tap = tap
        self._in = tap.meter("model", "in")
        self._socket: Socket | None = None
        self._free: Socket | None = None
        """The same, while nothing is held and nothing waits: looked at fifty times a second."""
        self._waiting: list[tuple[bytes, int]] = []
        self._waiting_audio = 0
        self._held = False
        self.on_event: Callable[[ev.Event], None] = _nobody
        self.on_together: Callable[[bool], None] = _nobody
        """Told before (True) and after (False) the messages of one read, when there is more than one."""
        self.dropped_bytes = 0
        """Caller audio (mu-law bytes) dropped because the server read too slowly."""
        self.malformed = 0
        """Messages that were no Realtime events."""

    async def open(self) -> None:
        """Open the socket, trying again while that may help; the outcome arrives as events."""
        attempt = 1
        while True:
            try:
                socket = await self._connect(self._received, self._closed)
            except ModelError as error:
                wait_s = retry_after_s(attempt, error)
                if wait_s is None:
                    self.on_event(ev.ModelLost(str(error), fatal=not error.retry))
                    return
                log.warning("model not reached, trying again", extra={"attempt": attempt, "error": str(error)})
                attempt += 1
                await asyncio.sleep(wait_s)
                continue
            socket.on_writable = self._flush
            self._socket = socket
            self._flush()
            return

    def send(self, command: do.ModelCommand) -> None:
        """Send a command, or keep it while the socket cannot take it."""
        if type(command) is do.Feed:
            self.feed(command.audio)
            return
        for message in self._wire.write(command):
            self._tap.message("model", "out", message)
            self._send(message)

    def feed(self, audio: bytes) -> None:
        """Send caller audio (mu-law): what `send(Feed(audio))` does."""
        to_model = self._to_model
        message = APPEND % to_model(audio)
        socket = self._free
        if socket is not None and socket.writable:
            socket.send(message)
        else:
            self._wait(message, len(audio))

    def _send(self, message: bytes) -> None:
        socket = self._free
        if socket is not None and socket.writable:
            socket.send(message)
        else:
            self._wait(message, 0)

    def hold(self) -> None:
        """What is sent from now on waits for `release`: the answers to several events leave as one write."""
        self._held = True
        self._free = None

    def release(self) -> None:
        """Send what was held."""
        self._held = False
        self._flush()

    def _wait(self, message: bytes, size: int) -> None:
        self._waiting.append((message, size))
        self._waiting_audio += size
        self._free = None
        if self._waiting_audio > WAITING_BYTES and self._socket is not None and self._socket.writable:
            self._send_waiting(self._socket)  # it was only held: what a reading server can have is not dropped
        while self._waiting_audio > WAITING_BYTES:
            index = next(i for i, (_, n) in enumerate(self._waiting) if n)
            old = self._waiting[index][1]
            del self._waiting[index]
            self._waiting_audio -= old
            self.dropped_bytes += old

    def _flush(self) -> None:
        socket = self._socket
        if self._held or socket is None:
            return
        if not self._waiting:
            self._free = socket
        elif socket.writable:
            self._send_waiting(socket)

    def _send_waiting(self, socket: Socket) -> None:
        messages = [message for message, _ in self._waiting]
        self._waiting.clear()
        self._waiting_audio = 0
        if not self._held:
            self._free = socket
        socket.send_all(messages)

    def _received(self, messages: list[bytes]) -> None:
        as_one_write(messages, self._read, self.on_together)

    def _read(self, messages: Sequence[bytes]) -> None:
        for message in messages:
            try:
                events = self._wire.read(message)
            except WireError as error:
                self._malformed(message, error)
                continue
            if events and type(events[0]) is ev.ModelAudio:
                if not self._in.size:
                    self._in.begin()
                self._in.size += round(events[0].ms * 8)
            else:
                self._tap.message("model", "in", message)
            for event in events:
                self.on_event(event)

    def _malformed(self, message: bytes, error: WireError) -> None:
        self.malformed += 1
        self._tap.garbage("model", "in", message)
        if self.malformed <= 3:
            log.warning("model message not understood", extra={"error": str(error)})

    def _closed(self, code: int, reason: str) -> None:
        self._socket = self._free = None
        detail = f"the Realtime server closed the connection ({code}{': ' + reason if reason else ''})"
        self.on_event(ev.ModelLost(detail, fatal=verdicts.close_is_fatal(code, reason)))

    @property
    def notes(self) -> list[str]:
        """What the server configured otherwise than asked, without harm."""
        return self._wire.notes

    def close(self) -> None:
        """Close the socket; nothing is received any more, and nobody is told of anything."""
        self.on_event = _nobody
        self.on_together = _nobody
        socket, self._socket, self._free = self._socket, None, None
        self._waiting.clear()
        if socket is not None:
            socket.close()
