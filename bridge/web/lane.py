"""A short way for a phone's frames: uvicorn's own WebSocket class, with a lane past ASGI's queue.

ASGI carries each message through a queue, a task switch and, in uvicorn, a pause and a resume of the socket; measured,
that is most of what a 20 ms frame costs here. Routing, middleware, handshake, fragments, UTF-8, size limit, pings and
closing stay uvicorn's and go their ordinary way. Only whole messages of a socket that was accepted and asked for the
lane are handed to a function at once, and answers are written at once. Under any other server the media door uses
plain ASGI, with the same outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION = "callbridge.lane"
"""Key in the scope's `extensions` under which an application finds the lane of its socket."""


class Lane(WebSocketsSansIOProtocol):
    """One WebSocket. Until `take_over` it is an ordinary one."""

    _take: Callable[[str | bytes], None] | None = None

    def handle_connect(self, event: Any) -> None:
        """The upgrade: tell the application that there is a lane."""
        super().handle_connect(event)
        scope = getattr(self, "scope", None)
        if scope is not None:
            scope["extensions"][EXTENSION] = self

    def take_over(self, take: Callable[[str | bytes], None]) -> None:
        """From now on every message goes to `take`; `receive()` tells only the end. What waited comes first."""
        self._take = take
        waiting = []
        while not self.queue.empty():
            waiting.append(self.queue.get_nowait())
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        for message in waiting:
            if message["type"] == "websocket.receive":
                text = message.get("text")
                take(text if text is not None else message.get("bytes") or b"")
            else:
                self.queue.put_nowait(message)

    def send_receive_event_to_app(self) -> None:
        """A whole message has come."""
        take = self._take
        if take is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        if self.curr_msg_data_type != "text":
            self.frames = []
            take(bytes(data))
            return
        try:
            text = bytes(data).decode()
        except UnicodeDecodeError:
            super().send_receive_event_to_app()  # closes with 1007
            return
        self.frames = []
        take(text)

    @property
    def ready(self) -> bool:
        """Can something be written now without waiting?"""
        return self.writable.is_set() and not self.close_sent and not self.disconnected

    def write(self, texts: Sequence[str]) -> None:
        """Send these messages at once, as one write. Only while `ready`."""
        for text in texts:
            self.conn.send_text(text.encode())
        self.transport.write(b"".join(self.conn.data_to_send()))
