"""A short way for a phone's frames: uvicorn's own WebSocket class, with a lane past ASGI's queue.

ASGI carries each message through a queue, a task switch and, in uvicorn, a pause and a resume of the socket; measured,
that is most of what a 20 ms frame costs here. Routing, middleware and handshake stay uvicorn's and go their ordinary
way; fragments, size limit, pings and closing stay with websockets' parser (see `bridge/frames.py`). Only whole messages
of a socket that was accepted and asked for the lane are handed to a function at once, and answers are written at once.
Under any other server the media door uses plain ASGI, with the same outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import apply_mask  # type: ignore[attr-defined]  # in C where it was built
from websockets.protocol import OPEN

from bridge.frames import Cutter, Piece, text_frames

EXTENSION = "callbridge.lane"
"""Key in the scope's `extensions` under which an application finds the lane of its socket."""

Take = Callable[[Sequence[str | bytes]], None]
"""Gets the messages that came together, in order: text as str, binary as bytes."""
Hear = Callable[[bytes], bool]
"""Takes one text in UTF-8, or says False: then it goes the way of all."""


TOGETHER = 2
"""A frame and a mark often come in one read. More than that was held up somewhere, and its answers go as one write."""


def _deaf(text: bytes) -> bool:
    """Hears nothing."""
    return False


def _nobody(messages: Sequence[str | bytes]) -> None:
    """Takes them and does nothing."""


class Lane(WebSocketsSansIOProtocol):
    """One WebSocket. Until `take_over` it is an ordinary one."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.writable = _Sluice()  # type: ignore[assignment]
        self._ear = _Ear(self, longest=self.config.ws_max_size)
        self._take: Take | None = None
        self._come: list[str | bytes] = []

    def handle_connect(self, event: Any) -> None:
        """The upgrade: tell the application that there is a lane."""
        super().handle_connect(event)
        scope = getattr(self, "scope", None)
        if scope is not None:
            scope["extensions"][EXTENSION] = self

    def take_over(self, take: Take, hear: Hear) -> None:
        """From now on every message goes to `take`; `receive()` tells only the end. What waited comes first.

        A text that comes alone is offered to `hear` before.
        """
        self._take = take
        self._forget_handshake()
        events = []
        while not self.queue.empty():
            events.append(self.queue.get_nowait())
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.queue = _Letterbox()  # type: ignore[assignment]
        waiting: list[str | bytes] = []
        for event in events:
            if event["type"] == "websocket.receive":
                text = event.get("text")
                waiting.append(text if text is not None else event.get("bytes") or b"")
            else:
                self.queue.put_nowait(event)
        if waiting:
            take(waiting)
        self._ear.listen(hear, take)
        self.transport.set_protocol(self._ear)

    def _forget_handshake(self) -> None:
        """5 kB a call, held for its whole length by the parser's frame and by everybody who has the scope."""
        self.request.headers.clear()
        self.response.headers.clear()
        self.scope["headers"] = []

    def data_received(self, data: bytes) -> None:
        """Bytes of the socket. The first are the request alone: nobody sends frames before its answer."""
        if not self.handshake_initiated:
            super().data_received(data)
            return
        self.read(self._ear.cut(data))

    def read(self, pieces: list[Piece]) -> None:
        """What the cutter made of the bytes."""
        for whole, piece in pieces:
            if not whole:
                super().data_received(piece)
                if self.close_sent:  # nobody hears what comes after a close
                    self.transport.set_protocol(self)
            elif self.conn.state is OPEN:
                self.curr_msg_data_type = "text"
                self.frames = [piece]
                self.send_receive_event_to_app()
        if self._come and self._take is not None:
            come, self._come = self._come, []
            self._take(come)

    def connection_lost(self, exc: Exception | None) -> None:
        """The end. The scope knew the lane and the lane the call: nobody may be kept by that."""
        super().connection_lost(exc)
        self.conn.parser.close()  # a generator that knows its object: a ring
        self._take = None
        self._ear.part()
        scope = getattr(self, "scope", None)
        if scope is not None:
            scope["extensions"].pop(EXTENSION, None)

    def send_receive_event_to_app(self) -> None:
        """A whole message has come."""
        if self._take is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        try:
            self._come.append(bytes(data).decode() if self.curr_msg_data_type == "text" else bytes(data))
        except UnicodeDecodeError:
            super().send_receive_event_to_app()  # closes with 1007
            return
        self.frames = []

    @property
    def ready(self) -> bool:
        """Can something be written now without waiting?"""
        return self.writable.is_set() and not self.close_sent and not self.disconnected

    def write(self, texts: Sequence[bytes]) -> None:
        """Send these messages (UTF-8) at once, as one write. Only while `ready`."""
        self.transport.write(text_frames(texts))


class _Letterbox:
    """What uvicorn asks of its queue, once one reader waits for nothing but the end: asyncio's holds 3 kB."""

    __slots__ = ("_letters", "_reader")

    def __init__(self) -> None:
        self._letters: list[Any] = []
        self._reader: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        """Is nothing there?"""
        return not self._letters

    def put_nowait(self, letter: Any) -> None:
        """Put one in."""
        self._letters.append(letter)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> Any:
        """The oldest; waits for one."""
        while not self._letters:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self._letters.pop(0)


class _Sluice:
    """What uvicorn asks of its event: open until it is cleared, which few sockets ever are; 1 kB less than an event."""

    __slots__ = ("_closed",)

    def __init__(self) -> None:
        self._closed: asyncio.Event | None = None

    def is_set(self) -> bool:
        """Is it open?"""
        return self._closed is None

    def clear(self) -> None:
        """Close it."""
        if self._closed is None:
            self._closed = asyncio.Event()

    def set(self) -> None:
        """Open it."""
        if self._closed is not None:
            self._closed.set()
            self._closed = None

    async def wait(self) -> bool:
        """Wait until it opens."""
        if self._closed is not None:
            await self._closed.wait()
        return True


class _Ear(Cutter, asyncio.Protocol):
    """What the transport talks to once the lane is taken over: ordinary frames go to the call, all else to the lane.

    A small object of its own, because the lane's forty fields lie far apart in memory and fifty frames a second each
    find them cold.
    """

    __slots__ = ("_hear", "_lane", "_take")

    def __init__(self, lane: Lane, *, longest: int) -> None:
        super().__init__(masked=True, longest=longest)
        self._lane = lane
        self.listen(_deaf, _nobody)

    def listen(self, hear: Hear, take: Take) -> None:
        """Who hears from now on."""
        self._hear = hear
        self._take = take

    def part(self) -> None:
        """The socket is gone; ear and lane knew each other."""
        self.listen(_deaf, _nobody)
        del self._lane

    def data_received(self, data: bytes) -> None:
        """One whole frame as a rule, or one and a mark."""
        if len(data) == self._length and data.startswith(self._head):
            text: bytes | None = apply_mask(data[8:], data[4:8])  # what `whole` does with one like the one before
        else:
            text = self.whole(data)
        if text is not None and text.isascii():  # else it has yet to prove that it is UTF-8
            hear = self._hear
            if not hear(text):
                self._tell(text)
            return
        pieces = self.cut(data)
        if len(pieces) > TOGETHER or not all(whole and piece.isascii() for whole, piece in pieces):
            self._lane.read(pieces)
            return
        for _, piece in pieces:
            if not self._hear(piece):
                self._tell(piece)

    def _tell(self, text: bytes) -> None:
        if not self._lane.close_sent:
            self._take((text.decode("ascii"),))

    def eof_received(self) -> None:
        """The other side sends no more."""
        self._lane.eof_received()

    def pause_writing(self) -> None:
        """The other side reads too slowly."""
        self._lane.pause_writing()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._lane.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        self._lane.connection_lost(exc)
