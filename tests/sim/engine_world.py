"""A client of the local engine for its tests: real WebSocket, every event checked against OpenAI's own types."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from openai.types.beta.realtime.realtime_server_event import RealtimeServerEvent as BetaServerEvent
from openai.types.realtime.realtime_server_event import RealtimeServerEvent
from pydantic import TypeAdapter
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bridge.audio import base64text
from bridge.sim import loop
from bridge.sim.engine.formats import PCMU, SoundFormat, from_mouth
from bridge.sim.engine.record import SessionRecord
from bridge.sim.model import ModelOptions, ModelServer
from bridge.sim.voice import Mouth

Event = dict[str, Any]
T = TypeVar("T")

GA_TYPES: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
BETA_TYPES: TypeAdapter[Any] = TypeAdapter(BetaServerEvent)

HOURS = (
    "We are open from Monday to Friday, nine in the morning until six in the evening. "
    "On Saturday we are open from ten until four. On Sunday we are closed."
)
GREETING = "Thanks for calling Harbour Lane Books. How can I help you?"
SILENCE_MS = 700  # longer than the turn detection's patience
OPTIONS = ModelOptions(ears="energy", keep=True)
RECEPTION_TOOLS = [
    {"type": "function", "name": name, "description": name, "parameters": {"type": "object", "properties": {}}}
    for name in ("opening_hours", "order_status", "hang_up")
]
PCMU_BOTH = {"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcmu"}}}


class Client:
    """Sends events, keeps everything that comes, waits for what is expected."""

    def __init__(self, connection: ClientConnection, types: TypeAdapter[Any] | None) -> None:
        self.connection = connection
        self.events: list[Event] = []
        self._types = types
        self._read = 0
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        try:
            async for message in self.connection:
                event = json.loads(message)
                if self._types is not None:
                    self._types.validate_python(event)
                self.events.append(event)
                self._news.set()
        except ConnectionClosed:
            pass

    async def closed(self) -> tuple[int | None, str | None]:
        """Wait for the server to close; code and reason."""
        await self._reader
        return self.connection.close_code, self.connection.close_reason

    async def send(self, kind: str, **facts: Any) -> None:
        await self.connection.send(json.dumps({"type": kind, **facts}))

    async def expect(self, kind: str, within_s: float = 60.0) -> Event:
        """The next event of this type; what comes before it is passed over (and kept in `events`)."""
        async with asyncio.timeout(within_s):
            while True:
                while self._read < len(self.events):
                    self._read += 1
                    if self.events[self._read - 1]["type"] == kind:
                        return self.events[self._read - 1]
                if self._reader.done():
                    await self._reader
                    raise AssertionError(f"the server closed before {kind}: {self.types()}")
                self._news.clear()
                waiter = asyncio.create_task(self._news.wait())
                await asyncio.wait({waiter, self._reader}, return_when=asyncio.FIRST_COMPLETED)
                waiter.cancel()

    async def set_up(self, **session: Any) -> Event:
        """A session.update, with mu-law both ways and the reception's tools unless told otherwise."""
        given = {"type": "realtime", "audio": PCMU_BOTH, "tools": RECEPTION_TOOLS} | session
        await self.send("session.update", session=given)
        return await self.expect("session.updated")

    async def play(self, data: bytes, sound: SoundFormat = PCMU, *, frame_ms: int = 20) -> None:
        """Append sound at the pace of a telephone."""
        step = sound.bytes_per_ms * frame_ms
        for start in range(0, len(data), step):
            await self.send("input_audio_buffer.append", audio=base64text.encode(data[start : start + step]))
            await asyncio.sleep(frame_ms / 1000)

    async def speak(self, text: str, sound: SoundFormat = PCMU) -> None:
        """A caller's sentence, with the silence that ends a turn."""
        await self.play(from_mouth(await Mouth().say(text, voice="caller"), sound) + silence(SILENCE_MS, sound), sound)

    def types(self, start: int = 0) -> list[str]:
        """Names of all events so far, deltas of one kind in a row as one."""
        names: list[str] = []
        for event in self.events[start:]:
            if not (names and names[-1] == event["type"] and event["type"].endswith(".delta")):
                names.append(event["type"])
        return names

    def sound(self, item_id: str) -> bytes:
        """All audio that came for an item."""
        deltas = [e["delta"] for e in self.events if "audio.delta" in e["type"] and e["item_id"] == item_id]
        return b"".join(base64text.decode(delta) for delta in deltas)


def silence(duration_ms: int, sound: SoundFormat = PCMU) -> bytes:
    return from_mouth(bytes(48 * duration_ms), sound)


@asynccontextmanager
async def client_of(
    server: ModelServer,
    query: str = "?model=gpt-realtime-2.1",
    *,
    beta: bool = False,
    check: bool = True,
    **kwargs: Any,
) -> AsyncIterator[Client]:
    """A connected client; leaving closes it."""
    headers = {"OpenAI-Beta": "realtime=v1"} if beta else {}
    async with connect(server.url + query, additional_headers=headers, compression=None, **kwargs) as connection:
        yield Client(connection, (BETA_TYPES if beta else GA_TYPES) if check else None)


def converse(
    story: Callable[[Client], Awaitable[T]],
    *,
    query: str = "?model=gpt-realtime-2.1",
    beta: bool = False,
    **options: Any,
) -> tuple[T, SessionRecord]:
    """One client's story against an engine of its own, in virtual time; its result and the engine's record."""

    async def world() -> tuple[T, SessionRecord]:
        async with ModelServer(replace(OPTIONS, **options)) as server:
            async with client_of(server, query, beta=beta) as client:
                result = await story(client)
            return result, server.sessions[0]

    return loop.run(world())


def in_virtual_time(world: Coroutine[Any, Any, T]) -> T:
    return loop.run(world)
