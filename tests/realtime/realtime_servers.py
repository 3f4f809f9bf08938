"""Servers on loopback for the model's socket: an honest one, and one made by hand that can be anything."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve
from websockets.utils import accept_key

from bridge.realtime.connection import Connection, connect

Talk = Callable[[ServerConnection], Awaitable[None]]


class Line:
    """What came over one connection."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[bytes] = asyncio.Queue()
        self.closed: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self.closes = 0

    def on_messages(self, messages: list[bytes]) -> None:
        for message in messages:
            self.messages.put_nowait(message)

    def on_close(self, code: int, reason: str) -> None:
        self.closes += 1
        self.closed.set_result((code, reason))

    async def open(self, url: str, headers: dict[str, str] | None = None, timeout_s: float = 10.0) -> Connection:
        return await connect(url, headers or {}, self.on_messages, self.on_close, timeout_s=timeout_s)


async def over(connection: Connection) -> None:
    """Close, and wait until the transport is gone."""
    connection.close()
    while connection._transport is not None:  # noqa: ASYNC110 - our own close is announced to nobody
        await asyncio.sleep(0.001)


def server(talk: Talk, **options: object) -> AbstractAsyncContextManager[str]:
    @asynccontextmanager
    async def running():  # type: ignore[no-untyped-def]
        async with serve(talk, "127.0.0.1", 0, **options) as listening:  # type: ignore[arg-type]
            scheme = "wss" if options.get("ssl") else "ws"
            yield f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1/realtime"

    return running()


def raw_server(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AbstractAsyncContextManager[str]:
    @asynccontextmanager
    async def running():  # type: ignore[no-untyped-def]
        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await talk(reader, writer)
            except ConnectionError:
                pass
            finally:
                writer.close()

        listening = await asyncio.start_server(one, "127.0.0.1", 0)
        async with listening:
            yield f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"

    return running()


async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The server's side of a WebSocket upgrade, by hand; returns the request."""
    request = await reader.readuntil(b"\r\n\r\n")
    key = request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0].decode()
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    writer.write(f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode())
    return request


async def echo(socket: ServerConnection) -> None:
    async for message in socket:
        await socket.send(message)
