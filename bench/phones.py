"""The phones' end of the benchmark: calls as Twilio brings them, in real time, with a tone now and then."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import xml.etree.ElementTree as ET
from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

import httpx2
from websockets.asyncio.client import ClientConnection, connect

from bench import sound
from bridge.sim.twilio.signature import sign

TOKEN = "bench"  # noqa: S105 - signs requests to our own server on loopback
ACCOUNT = "AC" + "0" * 32
PUBLIC_URL = "https://bench.example.test"
TONE_EVERY = 23
"""Frames between tones: 460 ms is no multiple of anything a bridge might collect."""


class Phone:
    """One call."""

    def __init__(self, tone_every: int = TONE_EVERY) -> None:
        """`tone_every`: frames between two tones."""
        self.tone_every = tone_every
        self.call_sid = "CA" + secrets.token_hex(16)
        self.stream_sid = "MZ" + secrets.token_hex(16)
        self.said: list[float] = []
        """When each tone was sent."""
        self.heard: list[float] = []
        """When each tone of an answer arrived."""
        self.answered_s = 0.0
        """How long the webhook took to answer."""
        self.until = 0.0
        """When it stops talking; it hears on for a moment."""
        self._socket: ClientConnection | None = None
        self._plays_until = 0.0

    async def ring(self, port: int, stream_path: str) -> None:
        """Begin the call: by webhook and its answer, or straight to `stream_path` of a bridge without one."""
        headers = {}
        if not stream_path:
            stream_path = await self._answer(port)
            headers["X-Twilio-Signature"] = sign(TOKEN, PUBLIC_URL.replace("https", "wss") + stream_path)
        url = f"ws://127.0.0.1:{port}{stream_path}"
        self._socket = await connect(url, additional_headers=headers, compression=None, ping_interval=None)
        await self._send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        start: dict[str, object] = {
            "streamSid": self.stream_sid,
            "accountSid": ACCOUNT,
            "callSid": self.call_sid,
            "tracks": ["inbound"],
        }
        await self._send({"event": "start", "sequenceNumber": "1", "start": start, "streamSid": self.stream_sid})

    async def _answer(self, port: int) -> str:
        form = {"CallSid": self.call_sid, "AccountSid": ACCOUNT, "From": "+14155550100", "To": "+14155550123"}
        form |= {"CallStatus": "ringing", "Direction": "inbound"}
        signed = {"X-Twilio-Signature": sign(TOKEN, f"{PUBLIC_URL}/twilio/voice", form.items())}
        signed["Content-Type"] = "application/x-www-form-urlencoded"
        async with httpx2.AsyncClient(trust_env=False) as client:
            url = f"http://127.0.0.1:{port}/twilio/voice"
            began = time.perf_counter()
            answer = await client.post(url, content=urlencode(form), headers=signed)
            self.answered_s = time.perf_counter() - began
        stream = ET.fromstring(answer.text).find(".//Stream")  # noqa: S314 - from our own server
        assert stream is not None, answer.text
        return urlsplit(stream.attrib["url"]).path

    async def talk(self, until: float, offset_s: float) -> None:
        """Send a frame every 20 ms and hear what comes, until that moment."""
        self.until = until
        hearing = asyncio.ensure_future(self._hear())
        begin = time.perf_counter() + offset_s
        frame = 0
        while (due := begin + frame * 0.020) < self.until:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            burst = frame % self.tone_every == self.tone_every - 1
            payload = sound.BURST if burst else sound.QUIET[frame % len(sound.QUIET)]
            media = {"track": "inbound", "chunk": str(frame + 1), "timestamp": str(20 * frame + 20), "payload": payload}
            message = {"event": "media", "sequenceNumber": str(frame + 2), "media": media, "streamSid": self.stream_sid}
            if burst:
                self.said.append(time.perf_counter())
            await self._send(message)
            frame += 1
        await asyncio.sleep(0.3)
        await self._send({"event": "stop", "streamSid": self.stream_sid, "stop": {"callSid": self.call_sid}})
        hearing.cancel()

    async def hang_up(self) -> None:
        """Close."""
        if self._socket is not None:
            await self._socket.close()

    async def _send(self, message: Mapping[str, object]) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps(message, separators=(",", ":")))

    async def _hear(self) -> None:
        assert self._socket is not None
        loop = asyncio.get_running_loop()
        async for text in self._socket:
            now = time.perf_counter()
            message = json.loads(text)
            if message["event"] == "media":
                audio = b64decode(message["media"]["payload"])
                if sound.is_loud(audio[:160], "pcmu"):
                    self.heard.append(now)
                self._plays_until = max(now, self._plays_until) + len(audio) / 8000
            elif message["event"] == "mark":
                mark: dict[str, object] = {"event": "mark", "streamSid": self.stream_sid, "mark": message["mark"]}
                loop.call_later(self._plays_until - now, self._echo, mark)

    def _echo(self, mark: Mapping[str, object]) -> None:
        task = asyncio.ensure_future(self._send(mark))
        task.add_done_callback(lambda t: t.cancelled() or t.exception())  # the socket may be gone by then
