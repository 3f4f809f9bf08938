"""A browser on `/talk`, as small as can be: speaks and plays 20 ms at a time, in the loop's time."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from guard_world import Admin
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

SILENCE = b"\xff" * 160


class Browser:
    """One that has called."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.voice: deque[bytes] = deque()
        self.facts: list[dict[str, Any]] = []
        self.call: dict[str, Any] = {}
        self.refused: dict[str, Any] = {}
        self.heard = bytearray()
        """All that was played, in the form it came in."""
        self.encodings: set[str] = set()
        self.clears = 0
        self._playing: deque[bytes | str] = deque()
        self._wide = False

    async def live(self) -> None:
        """Read, and carry a frame each way every 20 ms, until the socket is closed."""
        reader = asyncio.create_task(self._read())
        loop, count = asyncio.get_running_loop(), 0
        began = loop.time()
        with contextlib.suppress(ConnectionClosed):
            while not reader.done():
                if self.call:
                    await self._tick(count)
                count += 1
                await asyncio.sleep(began + count * 0.02 - loop.time())
        await reader

    async def _tick(self, count: int) -> None:
        frame = self.voice.popleft() if self.voice else SILENCE
        media = {"track": "inbound", "timestamp": str(count * 20), "payload": base64.b64encode(frame).decode()}
        await self.send("media", media=media)
        if self._playing and isinstance(self._playing[0], bytes):
            self.heard += self._playing.popleft()  # type: ignore[arg-type]
        while self._playing and isinstance(self._playing[0], str):
            await self.send("mark", mark={"name": self._playing.popleft()})

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in self.socket:
                self._take(json.loads(text))

    def _take(self, message: dict[str, Any]) -> None:
        match message["event"]:
            case "media":
                encoding = message["media"].get("encoding", "audio/x-mulaw")
                self.encodings.add(encoding)
                sound = base64.b64decode(message["media"]["payload"])
                size = 160 if encoding == "audio/x-mulaw" else 960
                assert len(sound) % size == 0
                self._playing += (sound[at : at + size] for at in range(0, len(sound), size))
            case "mark":
                self._playing.append(message["mark"]["name"])
            case "clear":
                self.clears += 1
                marks = [entry for entry in self._playing if isinstance(entry, str)]
                self._playing = deque(marks)
            case "fact":
                self.facts.append(message["fact"])
            case "call":
                self.call = message["call"]
            case "refused":
                self.refused = message

    async def send(self, event: str, **content: Any) -> None:
        """One message, spelled as the page spells it."""
        await self.socket.send(json.dumps({"event": event, "streamSid": "MZbrowser", **content}, separators=(",", ":")))

    async def type(self, text: str) -> None:
        """A line in writing."""
        await self.send("text", text=text)

    def say(self, ulaw: bytes) -> None:
        """Mu-law into the microphone."""
        self.voice += (ulaw[at : at + 160].ljust(160, b"\xff") for at in range(0, len(ulaw), 160))

    def told(self, fact: str) -> list[dict[str, Any]]:
        """Facts of one kind so far."""
        return [one for one in self.facts if one["fact"] == fact]

    async def until(self, fact: str, count: int = 1, limit_s: float = 30.0) -> dict[str, Any]:
        """Wait for so many facts of a kind; the last of them."""
        async with asyncio.timeout(limit_s):
            while len(self.told(fact)) < count:  # noqa: ASYNC110 - virtual time
                await asyncio.sleep(0.01)
        return self.told(fact)[count - 1]


@asynccontextmanager
async def talking(world: Admin, wish: dict[str, str] | None = None, **headers: str) -> AsyncIterator[Browser]:
    """A browser that calls, and is there until the block is left."""
    url = f"ws://{world.base}/api/v1/talk"
    async with connect(url, additional_headers=headers, compression=None) as socket:
        browser = Browser(socket)
        await socket.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        start = {"accountSid": BROWSER, "callSid": BROWSER, "streamSid": "MZbrowser", "customParameters": wish or {}}
        await browser.send("start", start=start)
        life = asyncio.create_task(browser.live())
        try:
            yield browser
        finally:
            await socket.close()
            await life


BROWSER = "browser"
