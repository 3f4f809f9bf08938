"""Media Streams as the phone company speaks them: the client of one `<Connect><Stream>` socket.

Order of what is sent: `connected`, `start`, then `media` every 20 ms, `dtmf` and `mark` as they come, `stop`. What
comes back is queued and played at the line's pace; a mark returns when all audio before it has been heard, or when
`clear` throws that audio away. Complaints go to `report` by their numbers; nothing is forgiven in silence.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus, InvalidURI

from bridge.errors import WireError
from bridge.sim.line import Line
from bridge.sim.phone import FRAME_BYTES
from bridge.sim.twilio.messages import Clear, Mark, Media, read_message
from bridge.sim.twilio.playout import Playout
from bridge.sim.twilio.problems import Report

Ended = Literal["failed", "server_closed", "protocol_error"]
CONNECT_TIMEOUT_S = 10.0  # the real value is not published
CLOSE_TIMEOUT_S = 5.0
MOST_WAITING_FRAMES = 250  # 31930: five seconds of caller audio that the bridge does not take
SEND_BUFFER_BYTES = 65_536  # about three seconds of media messages
NORMAL_CLOSES = frozenset({1000, 1001, 1005})


class RefusingConnect(connect):
    """A WebSocket client that follows no redirect: any answer but 101 fails the handshake."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


Wire = str | bytes
Mischief = Callable[[str], Sequence[Wire]]
"""Called with each message about to be sent; what it answers is sent instead."""


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """How the carrier's side of a stream behaves."""

    marks: Literal["tick", "exact"] = "tick"
    """`tick`: a mark returns with the 20 ms tick after its audio ended, as the real one; `exact`: in that instant."""
    first_timestamp_ms: tuple[int, int] = (100, 180)
    """Range of the first `media.timestamp`; captured traffic has 102 to 171."""
    mischief: Callable[[], Mischief] | None = None
    """For tests of the bridge: made once for each stream, what changes its messages on the way (`mischief.py`)."""


@dataclass(frozen=True, slots=True)
class StreamNoun:
    """What a `<Stream>` element asked for; `url` absolute."""

    url: str
    name: str
    parameters: Mapping[str, str]
    status_callback: str = ""
    status_method: str = "POST"


@dataclass(slots=True)
class StreamCounts:
    """What went over one stream."""

    frames_sent: int = 0
    frames_dropped: int = 0
    media_received: int = 0
    bytes_received: int = 0
    odd_sized: int = 0  # media whose length is no multiple of 160: allowed, but heard as jitter when not an item's end
    clears: int = 0
    invalid: int = 0
    marks: list[str] = field(default_factory=list)
    marks_returned: list[tuple[str, float]] = field(default_factory=list)


class MediaStream:
    """One stream of one call. `run` lives as long as it; cancel it to end the stream from the carrier's side."""

    def __init__(
        self,
        noun: StreamNoun,
        *,
        account_sid: str,
        call_sid: str,
        signature: str,
        report: Report,
        options: StreamOptions,
        rng: random.Random,
    ) -> None:
        self.sid = "MZ" + secrets.token_hex(16)
        self.noun = noun
        self.counts = StreamCounts()
        self.playout = Playout()
        self.close_code: int | None = None
        self._account_sid = account_sid
        self._call_sid = call_sid
        self._signature = signature
        self._report = report
        self._options = options
        self._mischief = options.mischief() if options.mischief is not None else None
        self._first_timestamp_ms = rng.randint(*options.first_timestamp_ms)
        self._sequence = 0
        self._chunk = 0
        self._busy_until_s = 0.0  # when the audio taken last will have been heard
        self._outbox: asyncio.Queue[str | None] = asyncio.Queue()

    async def run(self, line: Line, place: tuple[str, int], started: Callable[[], None]) -> Ended:
        """Connect to `place`, stream, and say how it ended. `started` is called once the `start` message is on its way.

        When cancelled, `stop` is sent and the socket closed.
        """
        connection = await self._open(place)
        if connection is None:
            return "failed"
        self._send_opening()
        started()
        sender = asyncio.create_task(self._send(connection), name=f"sender of {self.sid}")
        line.leg = self
        try:
            return await self._read(connection)
        except asyncio.CancelledError:
            self._say("stop", f'"stop":{json.dumps({"accountSid": self._account_sid, "callSid": self._call_sid})}')
            raise
        finally:
            line.leg = None
            await self._close(connection, sender)

    # The line's side: called every 20 ms.

    def listen(self, ulaw: bytes, key: str, at_s: float) -> None:
        """20 ms of the caller, on to the bridge."""
        self._chunk += 1
        if self._outbox.qsize() > MOST_WAITING_FRAMES:
            if not self.counts.frames_dropped:
                self._report(31930, "the bridge does not read its socket: caller audio is thrown away")
            self.counts.frames_dropped += 1
        else:
            timestamp = self._first_timestamp_ms + (self._chunk - 1) * 20
            payload = base64.b64encode(ulaw).decode("ascii")
            body = f'"track":"inbound","chunk":"{self._chunk}","timestamp":"{timestamp}","payload":"{payload}"'
            self._say("media", f'"media":{{{body}}}')
            self.counts.frames_sent += 1
        if key:
            self._say("dtmf", f'"dtmf":{{"track":"inbound_track","digit":"{key}"}}')

    def speak(self, at_s: float) -> bytes:
        """The next 20 ms of the bridge's audio; marks whose audio has been heard go back first."""
        self._return_marks(at_s)
        frame = self.playout.take()
        if frame:
            start = self.playout.played - len(frame)
            self._busy_until_s = at_s + len(frame) / 8000
            if self._options.marks == "exact":
                loop = asyncio.get_running_loop()
                for position, name in self.playout.reached():
                    loop.call_at(at_s + (position - start) / 8000, self._return_mark, name)
        return frame

    def _return_marks(self, at_s: float) -> None:
        if at_s >= self._busy_until_s - 1e-6:
            for _, name in self.playout.reached():
                self._return_mark(name)

    def _return_mark(self, name: str) -> None:
        self.counts.marks_returned.append((name, asyncio.get_running_loop().time()))
        self._say("mark", f'"mark":{{"name":{json.dumps(name)}}}')

    # The socket's side.

    async def _open(self, place: tuple[str, int]) -> ClientConnection | None:
        """Shake hands with the signed URL's Host at a loopback address."""
        url = "ws" + self.noun.url.removeprefix("wss").removeprefix("ws")
        try:
            connection = await RefusingConnect(
                url,
                host=place[0],
                port=place[1],
                proxy=None,
                compression=None,
                origin=None,
                user_agent_header="Twilio.TmeWs/1.0",
                additional_headers={"X-Twilio-Signature": self._signature, "Accept-Encoding": "gzip"},
                open_timeout=CONNECT_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                ping_interval=None,  # the real one is not known to ping; it answers pings
                max_size=None,
            )
            # A bridge that does not read is noticed after a few seconds of audio and not after minutes.
            plug = connection.transport.get_extra_info("socket")
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            return connection
        except InvalidStatus as error:
            self._report(31920, f"the upgrade was answered with {error.response.status_code} instead of 101")
        except (InvalidHandshake, InvalidMessage) as error:
            self._report(31920, f"the upgrade was not answered as it should be ({error})")
        except InvalidURI as error:
            self._report(31923, str(error))
        except TimeoutError:
            self._report(31901, f"the upgrade was not answered within {CONNECT_TIMEOUT_S:g} s")
        except OSError as error:
            self._report(31902, f"no connection could be made ({error})")
        return None

    def _send_opening(self) -> None:
        self._outbox.put_nowait('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        start = {
            "accountSid": self._account_sid,
            "streamSid": self.sid,
            "callSid": self._call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(self.noun.parameters),
        }
        self._say("start", f'"start":{json.dumps(start, separators=(",", ":"))}')

    def _say(self, event: str, body: str) -> None:
        """Queue one message; `sequenceNumber` counts from 1, as a text, over all events behind `connected`."""
        self._sequence += 1
        self._outbox.put_nowait(
            f'{{"event":"{event}","sequenceNumber":"{self._sequence}",{body},"streamSid":"{self.sid}"}}'
        )

    async def _send(self, connection: ClientConnection) -> None:
        try:
            while (message := await self._outbox.get()) is not None:
                for text in self._mischief(message) if self._mischief is not None else (message,):
                    await connection.send(text)
        except ConnectionClosed:
            return  # the reader says how and why

    async def _read(self, connection: ClientConnection) -> Ended:
        while True:
            try:
                message = await connection.recv()
            except ConnectionClosed as closed:
                return self._closed_by_server(closed)
            except UnicodeDecodeError:
                self._report(31924, "a text frame is not UTF-8")
                return "protocol_error"
            if isinstance(message, bytes):
                self._report(31924, f"a binary frame of {len(message)} bytes; every message is a JSON text frame")
                return "protocol_error"
            try:
                self._obey(read_message(message, self.sid))
            except WireError as error:
                self.counts.invalid += 1
                if self.counts.invalid == 1:  # raised once per stream
                    self._report(31951, f"the message {message[:120]!r} {error}")

    def _obey(self, message: Media | Mark | Clear) -> None:
        now_s = asyncio.get_running_loop().time()
        match message:
            case Media(ulaw):
                self.counts.media_received += 1
                self.counts.bytes_received += len(ulaw)
                self.counts.odd_sized += len(ulaw) % FRAME_BYTES != 0
                if not self.playout.add(ulaw):
                    self._report(31931, f"{len(ulaw)} bytes did not fit")
            case Mark(name):
                self.counts.marks.append(name)
                self.playout.mark(name)
                if not self.playout.queued_bytes:
                    self._return_marks(now_s)  # nothing before it: it comes back at once
            case Clear():
                self.counts.clears += 1
                for name in self.playout.clear():
                    self._return_mark(name)

    def _closed_by_server(self, closed: ConnectionClosed) -> Ended:
        self.close_code = closed.rcvd.code if closed.rcvd is not None else 1006
        if closed.sent is not None and not closed.rcvd_then_sent:
            self._report(31924, f"the bridge broke the WebSocket protocol ({closed.sent.reason or closed.sent.code})")
            return "protocol_error"
        if closed.rcvd is None:
            self._report(31903, "the connection broke without a close frame")
        else:
            text = f"the bridge closed the stream with {self.close_code} {closed.rcvd.reason}".rstrip()
            self._report(31921, text, "notice" if self.close_code in NORMAL_CLOSES else None)
        return "server_closed"

    async def _close(self, connection: ClientConnection, sender: asyncio.Task[None]) -> None:
        """Let what is queued (`stop`) go out, then close; a bridge that does not take it is cut off."""
        self._outbox.put_nowait(None)
        _, late = await asyncio.wait({sender}, timeout=CLOSE_TIMEOUT_S)
        if late:
            connection.transport.abort()
            sender.cancel()
        await connection.close()
