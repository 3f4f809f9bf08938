"""The only door to the model: one WebSocket, opened by us, every message handed to a function.

Built on the sans-I/O `ClientProtocol` of websockets over `asyncio.Protocol`, because sending must be synchronous: the
driver decides and acts without an await between, and a caller's frame must not wait in a queue for a task's turn.
(Measured for the asyncio client of the same package: one queue and one task switch more each way.)

- no compression is offered: base64 audio costs CPU and gains little;
- messages up to 16 MiB: a retrieved item carries its whole audio, the package's default of 1 MiB would close the call;
- a ping every 5 s, and 10 s without a sign of life end it: the usual 20/20/10 notices a dead peer after 50 s;
- 1 s for a polite close, then it is cut.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import cast
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import OPEN, Event
from websockets.uri import parse_uri

from bridge.errors import ModelRefused, ModelUnreachable
from bridge.frames import Cutter, masked_text_frame
from bridge.realtime import verdicts

MAX_MESSAGE = 16 * 1024 * 1024
PING_S = 5.0
SILENCE_S = 10.0
CLOSE_S = 1.0
HIGH_WATER = 65_536
"""Bytes the transport may hold before `writable` turns off: 2 s of one call's audio is 129 kB as base64 PCM."""

OnMessages = Callable[[list[bytes]], None]
"""Gets the whole text messages of one read, in order; more than one where the server, or we, were late."""
OnClose = Callable[[int, str], None]


class Connection(asyncio.Protocol):
    """One open socket. `on_messages` gets whole messages; `on_close` the close code and reason, once."""

    def __init__(self, url: str, headers: Mapping[str, str], on_messages: OnMessages, on_close: OnClose) -> None:
        self._ws = ClientProtocol(parse_uri(url), max_size=MAX_MESSAGE)
        self._headers = headers
        self._on_messages = on_messages
        self._on_close = on_close
        self.on_writable: Callable[[], None] = lambda: None
        self.writable = True
        self._loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._out: Callable[[bytes], None] = _nowhere
        self._cutter: Cutter | None = None
        self._before = b""
        self._parts: list[bytes] = []
        self._text = True
        self._come: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at = self._loop.time()
        self._open = False
        self._over = False

    # ---- what the link uses

    def send(self, message: bytes) -> None:
        """Send one text message (UTF-8) now. Nothing is sent on a socket that is closing."""
        if self._open:
            self._out(masked_text_frame(message))

    def send_all(self, messages: Sequence[bytes]) -> None:
        """Send text messages as one write."""
        if self._open:
            self._out(b"".join(map(masked_text_frame, messages)))

    def close(self) -> None:
        """Close politely, and within a second."""
        self._over = True
        self._open = False
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is None:
            return
        if self._ws.state is OPEN:
            self._ws.send_close(1000)
            self._write()
            self._timer = self._loop.call_later(CLOSE_S, self._transport.abort)
        else:
            self._transport.abort()

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP (and TLS) stand: ask for the upgrade."""
        transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass
        self._transport = transport
        self._out = transport.write
        transport.set_write_buffer_limits(high=HIGH_WATER)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = self._ws.connect()
        for name, value in self._headers.items():
            request.headers[name] = value
        self._ws.send_request(request)
        self._write()

    def data_received(self, data: bytes) -> None:
        """Bytes from the server: frames to messages, pings to pongs."""
        self._heard_at = self._loop.time()
        cutter = self._cutter
        if cutter is None:
            self._read_upgrade(data)
            return
        messages = cutter.texts(data)
        if messages and self._open and all(map(bytes.isascii, messages)):  # else they have yet to prove to be UTF-8
            self._on_messages(messages)
        else:
            self._read_frames(cutter, data)

    def pause_writing(self) -> None:
        """The server reads more slowly than we send."""
        self.writable = False

    def resume_writing(self) -> None:
        """It has caught up."""
        self.writable = True
        self.on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, whoever wanted it."""
        if self._timer is not None:
            self._timer.cancel()
        self._ws.receive_eof()
        self._transport = None
        self._out = _nowhere
        self._open = False
        for event in self._ws.events_received():
            self._handle(event)  # a refusal without a length ends with the connection
        if not self.opened.done():
            self.opened.set_exception(ModelUnreachable("the Realtime server closed the connection before answering"))
        elif not self._over:
            self._over = True
            self._on_close(self._ws.close_code or 1006, self._ws.close_reason or "")
        self._ws.parser.close()  # a generator that knows its object: a ring that only the collector would open

    # ---- inside

    def _read_upgrade(self, data: bytes) -> None:
        """The answer to the upgrade. Frames may follow in the same read; they begin after the empty line."""
        seen = self._before + data
        end = seen.find(b"\r\n\r\n")
        if end < 0:
            self._before = seen[-3:]
            self._feed(data)
            return
        cut = end + 4 - len(self._before)
        self._feed(data[:cut])
        if self._ws.state is not OPEN:
            self._feed(data[cut:])  # a refusal's body
            return
        self._cutter = Cutter(masked=False, longest=MAX_MESSAGE)
        self._read_frames(self._cutter, data[cut:])

    def _read_frames(self, cutter: Cutter, data: bytes) -> None:
        for whole, piece in cutter.cut(data):
            if not whole:
                self._feed(piece)
            elif self._ws.state is OPEN:
                self._take(piece)
        if self._come:
            come, self._come = self._come, []
            if not self._over:
                self._on_messages(come)

    def _feed(self, data: bytes) -> None:
        """Bytes for the package's parser: the upgrade, fragments, pings, closing, and whatever is wrong."""
        if not data:
            return
        self._ws.receive_data(data)
        for event in self._ws.events_received():
            self._handle(event)
        if self._ws.handshake_exc is not None:
            self._upgraded()  # an answer that is no HTTP at all makes no event
        self._open = self._ws.state is OPEN and not self._over
        self._write()

    def _handle(self, event: Event) -> None:
        if isinstance(event, Response):
            self._upgraded()
            if self._ws.handshake_exc is None:
                event.headers.clear()  # nobody asks for them, and the parser's frame would keep them
        elif isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            if event.opcode is not Opcode.CONT:
                self._text = event.opcode is Opcode.TEXT
            self._parts.append(bytes(event.data))
            if event.fin:
                whole, self._parts = b"".join(self._parts), []
                self._take(whole, text=self._text)

    def _take(self, message: bytes, *, text: bool = True) -> None:
        if text and not message.isascii():
            try:
                message.decode()
            except UnicodeDecodeError:
                self._ws.fail(CloseCode.INVALID_DATA, "a text that is not UTF-8")
                self._open = False
                self._write()
                return
        self._come.append(message)

    def _upgraded(self) -> None:
        if self.opened.done():
            return
        error = self._ws.handshake_exc
        if error is None:
            self.opened.set_result(None)
            self._timer = self._loop.call_later(PING_S, self._keep_alive)
        else:
            self.opened.set_exception(_refusal(error))

    def _keep_alive(self) -> None:
        if self._transport is None:
            return
        left_s = self._heard_at + SILENCE_S - self._loop.time()
        if left_s <= 0:
            self._transport.abort()
            return
        if self._ws.state is OPEN:
            self._ws.send_ping(b"")
            self._write()
        # Not before a millisecond: a rest smaller than the clock can tell must not spin.
        self._timer = self._loop.call_later(max(0.001, min(PING_S, left_s)), self._keep_alive)

    def _write(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        for data in self._ws.data_to_send():
            if data:
                transport.write(data)
            elif transport.can_write_eof():
                transport.write_eof()
        if self._ws.close_expected() and self._timer is not None and not self._over:
            self._timer.cancel()
            self._timer = self._loop.call_later(CLOSE_S, transport.abort)


def _nowhere(data: bytes) -> None:
    """Where bytes go while there is no transport."""


def _refusal(error: Exception) -> ModelRefused | ModelUnreachable:
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        text = f"the Realtime server answered the upgrade with HTTP {status}"
        if status in (401, 403):
            text += "; check OPENAI_API_KEY"
        return ModelRefused(text) if verdicts.http_is_fatal(status) else ModelUnreachable(text)
    if isinstance(error, InvalidHandshake):
        return ModelRefused(f"REALTIME_URL does not lead to a WebSocket server: {error}")
    return ModelUnreachable(f"the upgrade failed: {error}")


def with_model(url: str, model: str) -> str:
    """REALTIME_URL with `?model=`; one that already names a model keeps it."""
    parts = urlsplit(url)
    if not model or "model" in parse_qs(parts.query, keep_blank_values=True):
        return url
    named = f"model={quote(model, safe='')}"
    query = f"{parts.query}&{named}" if parts.query else named
    return urlunsplit(parts._replace(query=query))


async def connect(
    url: str, headers: Mapping[str, str], on_messages: OnMessages, on_close: OnClose, *, timeout_s: float = 10.0
) -> Connection:
    """Open a socket to the Realtime server.

    Raises:
        ModelRefused: it will not serve us; asking again changes nothing.
        ModelUnreachable: it could not be reached in time; asking again may help.
    """
    try:
        uri = parse_uri(url)
    except (InvalidURI, ValueError):  # ValueError: a port or an IPv6 address that is none
        raise ModelRefused(f"REALTIME_URL is {url!r}: it must look like wss://host/v1/realtime") from None
    _refuse_proxy(uri.host, secure=uri.secure)
    loop = asyncio.get_running_loop()
    connection: Connection | None = None
    try:
        async with asyncio.timeout(timeout_s):
            _, connection = await loop.create_connection(
                lambda: Connection(url, headers, on_messages, on_close),
                uri.host,
                uri.port,
                ssl=_tls() if uri.secure else None,
            )
            await connection.opened
    except BaseException as error:
        if connection is not None:
            connection.close()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                connection.opened.cancel()
        if isinstance(error, TimeoutError):
            raise ModelUnreachable(f"the Realtime server did not answer within {timeout_s:g} s") from None
        if isinstance(error, ssl.SSLError):
            raise ModelRefused(f"TLS with {uri.host} failed: {error.reason or error}") from None
        if isinstance(
            error, OSError | UnicodeError
        ):  # UnicodeError: a host name that no name server could be asked for
            why = getattr(error, "strerror", None) or error
            raise ModelUnreachable(f"cannot reach {uri.host}:{uri.port}: {why}") from None
        raise
    return connection


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates holds the loop for 25 to 40 ms."""
    return ssl.create_default_context()


def _refuse_proxy(host: str, *, secure: bool) -> None:
    """A proxy that is configured and not used would make every call wait for a time-out: say so at once."""
    proxy = urllib.request.getproxies().get("https" if secure else "http")
    local = host == "localhost" or host.startswith("127.") or host == "::1"
    if proxy and not local and not urllib.request.proxy_bypass(host):
        raise ModelRefused(f"a proxy is set for {host} and callbridge connects directly; add {host} to NO_PROXY")
