"""Servers on loopback for the tools' tests: one that answers and remembers, and one that nobody may reach."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Reply = Callable[["Asked"], bytes | None]


@dataclass
class Asked:
    """A request as it was on the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Service:
    """A little HTTP/1.1 server. `reply` gives a whole response; None closes the connection without a word."""

    reply: Reply
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode("latin-1").rstrip().split("\r\n")
                method, target, _ = first.split(" ", 2)
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                asked = Asked(method, target, headers, body)
                self.asked.append(asked)
                answer = self.reply(asked)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def service(reply: Reply | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Service]:
    """A running server that answers `{"ok": true}` if it is told nothing else."""
    it = Service(reply or (lambda _: answer({"ok": True})))
    server = await asyncio.start_server(it.talk, "127.0.0.1", 0, ssl=tls)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        for writer in it._writers:
            writer.close()
        await server.wait_closed()


def answer(
    document: object = None,
    *,
    status: str = "200 OK",
    body: bytes | None = None,
    kind: str = "application/json",
    **more: str,
) -> bytes:
    """A whole HTTP response; `more` are headers, `_` for `-`."""
    content = json.dumps(document).encode() if body is None else body
    headers = {"content-type": kind, "content-length": str(len(content)), **more}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + content


class FixedResolver:
    """A name server of our own: each name has a list of answers, given one after the other, the last for ever."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self._answers = {name.replace("_", "."): given for name, given in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        given = self._answers.get(host)
        if given is None:
            raise OSError("no such name")
        return given.pop(0) if len(given) > 1 else given[0]
