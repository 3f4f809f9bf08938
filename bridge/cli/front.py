"""The front of `callbridge dev`: it has the ports, and hands each request to the process that it belongs to.

The agent's files change while somebody is on the phone. New calls are to go to the new code, and the call that goes on
is to end where it began: its webhooks carry tokens that only that process knows. So each process listens at a port of
its own, and the front tries who knows a token: newest first, then those that are being left, until one does not answer
403 or 404. What belongs to no call yet goes to the newest; what is told of a call by its id alone is told to all.

One request a connection: every answer closes its own. After the head a connection is bytes both ways, so a media socket
costs two copies and no reading. Heads and bodies are small here (65 kB), and are held so that they can be sent again.
"""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import suppress
from dataclasses import dataclass

HEAD_S = 10.0
LONGEST = 65_536
"""Of a head, and of a body that may have to be sent again."""
PIECE = 65_536
_OF_A_CALL = re.compile(rb"[A-Z]+ \S*/twilio/(?:after|handed|person|media|voice|status|amd)/")
"""Paths with a token that one process knows."""
_OF_ALL = re.compile(rb"[A-Z]+ \S*/twilio/(?:status|stream|amd)[ ?]")
"""What carries a call's id alone: who does not know it takes no note."""
_ONE_CALL = re.compile(rb"POST /api/v1/calls/\w+/")
"""What a person asks of a live call; to look at one, the newest process has its files."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_UPGRADE = re.compile(rb"\r\nupgrade: *websocket\r\n", re.IGNORECASE)
_HOP = re.compile(rb"\r\n(?:connection|keep-alive): *[^\r]*(?=\r\n)", re.IGNORECASE)
_UNKNOWN = (b"403", b"404")

_STARTING = b"callbridge dev: the agent is not running; its terminal says why\n"
NOBODY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: %d\r\nRetry-After: 1\r\nConnection: close\r\n\r\n%s" % (
    len(_STARTING),
    _STARTING,
)
TOO_LONG = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Backs:
    """Ports of this machine: the newest process first, then those that are being left."""

    ports: tuple[int, ...] = ()


class Front:
    """One listener. `backs` may be replaced at any time; connections go on where they are."""

    def __init__(self, listener: socket.socket) -> None:
        self.backs = Backs()
        self._listener = listener
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._taken, sock=self._listener, limit=LONGEST)

    async def stop(self) -> None:
        """Close the listener and every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a connection's callback is a task
        self._open.add(task)
        try:
            with suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        finally:
            self._open.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            writer.write(TOO_LONG)
            return
        ports = self.backs.ports
        several = len(ports) > 1 and (_OF_A_CALL.match(head) or _OF_ALL.match(head) or _ONE_CALL.match(head))
        if not several:
            await self._hand(ports[:1], _mended(head), reader, writer)
            return
        length = _LENGTH.search(head)
        body = b""
        if length is not None:
            if int(length.group(1)) > LONGEST:
                writer.write(TOO_LONG)
                return
            async with asyncio.timeout(HEAD_S):
                body = await reader.readexactly(int(length.group(1)))
        if _OF_ALL.match(head):
            await asyncio.gather(*(_tell(port, _mended(head) + body) for port in ports[1:]))
            ports = ports[:1]
        await self._hand(ports, _mended(head) + body, reader, writer)

    async def _hand(
        self, ports: tuple[int, ...], request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Send the request to the first that knows it, and connect the two."""
        for place, port in enumerate(ports, 1):
            try:
                there, back = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            try:
                back.write(request)
                begun = b""
                if place < len(ports):
                    begun = await there.read(PIECE)
                    if not begun or begun[9:12] in _UNKNOWN:
                        continue
                writer.write(begun)
                await _both_ways(reader, writer, there, back)
                return
            except ConnectionError:
                if place == len(ports):
                    raise
            finally:
                back.close()
        writer.write(NOBODY)
        await writer.drain()


def _mended(head: bytes) -> bytes:
    """The head as it goes on: no answer keeps its connection, but for an upgrade's."""
    if _UPGRADE.search(head):
        return head
    return _HOP.sub(b"", head).removesuffix(b"\r\n\r\n") + b"\r\nConnection: close\r\n\r\n"


async def _tell(port: int, request: bytes) -> None:
    """Send a request whose answer nobody waits for."""
    with suppress(OSError, TimeoutError):
        there, back = await asyncio.open_connection("127.0.0.1", port)
        try:
            back.write(request)
            async with asyncio.timeout(HEAD_S):
                await there.read(PIECE)
        finally:
            back.close()


async def _both_ways(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    there: asyncio.StreamReader,
    back: asyncio.StreamWriter,
) -> None:
    """Copy until the process has said all; then nothing more can come of it."""
    towards = asyncio.create_task(_copy(reader, back))
    try:
        await _copy(there, writer)
    finally:
        towards.cancel()
        await asyncio.gather(towards, return_exceptions=True)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await source.read(PIECE):
            target.write(piece)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()
