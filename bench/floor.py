"""The least that a bridge in Python can do, to compare with: cut the base64 out of one message, paste it into another.

No signature, no token, no ledger, no marks, no record of anything, no errors handled. One asyncio protocol on each
side, frames by hand, on uvloop where it is installed. `python bench/floor.py PORT REALTIME_URL`.
"""

from __future__ import annotations

import asyncio
import sys
from urllib.parse import urlsplit

from websockets.utils import accept_key

from bench.loop import run
from bridge.frames import Cutter, masked_text_frame, text_frames

UPDATE = (
    b'{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcmu"}},'
    b'"output":{"format":{"type":"audio/pcmu"}}}}}'
)
LARGEST = 1 << 20


def cut(message: bytes, key: bytes) -> bytes:
    """The text that follows `key`, up to the next quotation mark."""
    start = message.find(key) + len(key)
    return message[start : message.find(b'"', start)]


class Side(asyncio.Protocol):
    """One WebSocket: after the handshake, `take` gets every text."""

    def __init__(self, *, masked: bool) -> None:
        self.transport: asyncio.Transport | None = None
        self.masked = masked
        self.cutter = Cutter(masked=masked, longest=LARGEST)
        self.head: bytes | None = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if self.head is not None:
            self.head += data
            request, end, data = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            self.head = None
            self.shake(request)
        if self.masked:
            text = self.cutter.whole(data)
            texts = None if text is None else [text]
        else:
            texts = self.cutter.texts(data)
        if texts is not None:
            for text in texts:
                self.take(text)
            return
        for is_text, piece in self.cutter.cut(data):
            if is_text:
                self.take(piece)
            elif piece[:1] == b"\x88" and self.transport is not None:
                self.transport.close()

    def shake(self, head: bytes) -> None: ...
    def take(self, message: bytes) -> None: ...


class Model(Side):
    """The model's socket."""

    def __init__(self, phone: Phone, host: str, path: str) -> None:
        super().__init__(masked=False)
        self.phone = phone
        self.host, self.path = host, path

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        request = (
            f"GET {self.path} HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
        )
        transport.write(request.encode())  # type: ignore[attr-defined]

    def shake(self, head: bytes) -> None:
        self.phone.model = self
        self.send(UPDATE)

    def send(self, message: bytes) -> None:
        if self.transport is not None:
            self.transport.write(masked_text_frame(message))

    def take(self, message: bytes) -> None:
        if message.startswith(b'{"type":"response.output_audio.delta"'):
            self.phone.send(cut(message, b'"delta":"'))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None


class Phone(Side):
    """The phone's socket."""

    def __init__(self, url: str) -> None:
        super().__init__(masked=True)
        self.url = urlsplit(url)
        self.model: Model | None = None
        self.stream = b""

    def shake(self, head: bytes) -> None:
        lines = head.decode().lower().split("\r\n")
        name = next(line for line in lines if line.startswith("sec-websocket-key:"))
        key = head.decode()[head.decode().lower().index(name) :].split("\r\n")[0].split(":", 1)[1].strip()
        answer = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n"
        )
        assert self.transport is not None
        self.transport.write(answer.encode())

    def take(self, message: bytes) -> None:
        if message.startswith(b'{"event":"media"'):
            if self.model is not None:
                audio = cut(message, b'"payload":"')
                self.model.send(b'{"type":"input_audio_buffer.append","audio":"' + audio + b'"}')
        elif message.startswith(b'{"event":"start"'):
            self.stream = cut(message, b'"streamSid":"')
            self.dialling = asyncio.ensure_future(self.dial())

    async def dial(self) -> None:
        host, port = self.url.hostname or "127.0.0.1", self.url.port or 80
        path = f"{self.url.path}?model=floor"
        await asyncio.get_running_loop().create_connection(lambda: Model(self, host, path), host, port)

    def send(self, audio: bytes) -> None:
        if self.transport is not None:
            media = b'{"event":"media","streamSid":"' + self.stream + b'","media":{"payload":"' + audio + b'"}}'
            self.transport.write(text_frames((media,)))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self.model is not None and self.model.transport is not None:
            self.model.transport.close()


async def serve(port: int, url: str) -> None:
    """Until killed."""
    server = await asyncio.get_running_loop().create_server(lambda: Phone(url), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    run(serve(int(sys.argv[1]), sys.argv[2]))
