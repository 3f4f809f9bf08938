"""The model's end of the benchmark: a Realtime server that answers for ever and notes when it hears the tone."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench import sound
from bridge.audio.g711 import pcm16_to_ulaw

DELTA_MS = 200
DELTAS = 20
"""4 s an answer, sent five times as fast as it plays; the first piece begins with the tone."""
PACE_S = 0.04
REST_S = 3.7
"""Between answers: the rest of what plays, and half a second."""


class Session:
    """One call at the model."""

    def __init__(self, socket: ServerConnection, deltas: int, rest_s: float) -> None:
        self.socket = socket
        self._deltas = deltas
        self._rest_s = rest_s
        self.heard: list[float] = []
        """When each tone of the caller arrived."""
        self.bytes = 0
        self.spoke: list[float] = []
        """When the first piece of each answer was sent."""
        self.format = "pcmu"
        self.loud = False

    async def run(self) -> None:
        """Until the other side closes."""
        await self._send("session.created", session={"id": "sess_bench", "expires_at": 2_000_000_000})
        speaking: asyncio.Task[None] | None = None
        try:  # a socket that is gone is a call that is over
            async for message in self.socket:
                now = time.perf_counter()
                event = json.loads(message)
                if event["type"] == "input_audio_buffer.append":
                    self._hear(b64decode(event["audio"]), now)
                elif event["type"] == "session.update":
                    session = event["session"]
                    self.format = "pcm" if session["audio"]["input"]["format"]["type"] == "audio/pcm" else "pcmu"
                    await self._send("session.updated", session=session)
                    speaking = speaking or asyncio.ensure_future(self._speak())
        except ConnectionClosed:
            pass
        finally:
            if speaking is not None:
                speaking.cancel()

    def _hear(self, audio: bytes, now: float) -> None:
        self.bytes += len(audio)
        loud = sound.is_loud(audio, self.format)
        if loud and not self.loud:
            self.heard.append(now)
        self.loud = loud

    async def _send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, "event_id": "event_bench", **fields}, separators=(",", ":")))

    async def _speak(self) -> None:
        with suppress(ConnectionClosed):
            await self._answer_for_ever()

    async def _answer_for_ever(self) -> None:
        rate = 24000 if self.format == "pcm" else 8000
        start = sound.tone(sound.FRAME_MS, rate) + sound.noise(DELTA_MS - sound.FRAME_MS, rate, 1)
        pieces = [start, *(sound.noise(DELTA_MS, rate, seed) for seed in range(2, self._deltas + 1))]
        said = [b64encode(p if self.format == "pcm" else pcm16_to_ulaw(p)).decode() for p in pieces]
        for number in itertools.count():
            of = {"response_id": f"resp_{number}", "item_id": f"item_{number}", "output_index": 0, "content_index": 0}
            response = {"id": of["response_id"], "conversation_id": "conv", "status": "in_progress"}
            await self._send("response.created", response=response)
            self.spoke.append(time.perf_counter())
            for piece in said:
                await self._send("response.output_audio.delta", **of, delta=piece)
                await self._send("response.output_audio_transcript.delta", **of, delta="and so on, ")
                await asyncio.sleep(PACE_S)
            await self._send("response.output_audio.done", **of)
            await self._send("response.done", response=response | {"status": "completed"})
            await asyncio.sleep(self._rest_s)


class Model:
    """The server. Sessions come in the order in which calls were begun."""

    def __init__(self, deltas: int = DELTAS, rest_s: float = REST_S) -> None:
        """`deltas`: pieces of an answer; `rest_s`: between two answers."""
        self._deltas = deltas
        self._rest_s = rest_s
        self.sessions: asyncio.Queue[Session] = asyncio.Queue()
        self.url = ""
        """For REALTIME_URL, once it listens."""
        self._server: Server | None = None

    async def start(self) -> str:
        """Listen; returns the URL."""
        self._server = await serve(self._serve, "127.0.0.1", 0, compression=None, max_size=None)
        self.url = f"ws://127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}/v1/realtime"
        return self.url

    async def _serve(self, socket: ServerConnection) -> None:
        session = Session(socket, self._deltas, self._rest_s)
        self.sessions.put_nowait(session)
        await session.run()

    async def stop(self) -> None:
        """No more."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
