"""A proxy between the carrier and us, as they are met: honest, deaf to upgrades, redirecting, or somebody else's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

Mend = Callable[[str], str | bytes]
"""The head of a request (lines, without the empty one) as it goes on; bytes are the answer instead."""


def answering(status: str, body: str = "", *headers: str) -> Mend:
    """Answer every request itself."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", body]
    return lambda head: "\r\n".join(lines).encode()


def honest(head: str) -> str:
    """Pass everything."""
    return head


def without(*names: str) -> Mend:
    """Drop these headers, as a proxy of HTTP/1.0 does with those that are for one hop."""
    dropped = tuple(f"{name}:" for name in names)
    return lambda head: "\r\n".join(line for line in head.split("\r\n") if not line.lower().startswith(dropped))


def replacing(old: str, new: str) -> Mend:
    """Change words of the head."""
    return lambda head: head.replace(old, new)


class Proxy:
    """Listens on a free port of this machine. One request a connection."""

    def __init__(self) -> None:
        self.target = 0
        self.mend: Mend = honest
        self.swallow_upgrades = False
        self.seen: list[str] = []
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().removesuffix("\r\n\r\n")
            self.seen.append(head.split("\r\n")[0])
            if self.swallow_upgrades and "upgrade: websocket" in head.lower():
                await reader.read()
            else:
                await self._pass(self.mend(head), reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _pass(self, head: str | bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(head, bytes):
            writer.write(head)
            await writer.drain()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        closing = "" if "upgrade: websocket" in head.lower() else "\r\nConnection: close"
        back.write(f"{head}{closing}\r\n\r\n".encode())
        towards = asyncio.create_task(_copy(reader, back))
        try:
            await _copy(there, writer)
        finally:
            towards.cancel()
            await asyncio.gather(towards, return_exceptions=True)
            back.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()


@asynccontextmanager
async def proxy() -> AsyncIterator[Proxy]:
    """A proxy for a story; its target is set when there is one."""
    one = Proxy()
    await one.start()
    try:
        yield one
    finally:
        await one.stop()
