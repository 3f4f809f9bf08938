"""`<Play>` of a file: fetched from the application like TwiML, read as WAV."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from bridge.audio.g711 import SAMPLE_RATE_HZ, pcm16_to_ulaw
from bridge.audio.wav import read_wav
from bridge.errors import UsageError
from bridge.sim.twilio.call import SimCall
from bridge.sim.twilio.problems import Complaint
from bridge.sim.twilio.webhook import Exchange

WAV_TYPES = frozenset({"audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave"})


async def fetch_sound(call: SimCall, url: str) -> bytes:
    """The file at `url` as mu-law at 8 kHz. Raises Complaint."""
    exchange = await call.post(url, "GET", ())
    if exchange.failure or exchange.status >= 300:
        raise Complaint(11200, f"{url}: {exchange.reason or exchange.status}")
    return await decode_sound(exchange)


def is_sound(exchange: Exchange) -> bool:
    """Did a WAV file come back?"""
    return _kind(exchange) in WAV_TYPES


async def decode_sound(exchange: Exchange) -> bytes:
    """The file that came back as mu-law at 8 kHz. Raises Complaint."""
    url = exchange.url
    if not is_sound(exchange):
        raise Complaint(
            12300, f"{url} has the content type {_kind(exchange)!r}; the pretend carrier plays WAV files only"
        )
    try:
        return await asyncio.to_thread(_decode, exchange.body)
    except UsageError as error:
        raise Complaint(12300, f"{url} cannot be played: {error}") from error


def _kind(exchange: Exchange) -> str:
    return exchange.content_type.partition(";")[0].strip().lower()


def _decode(content: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "play.wav"
        path.write_bytes(content)
        return pcm16_to_ulaw(read_wav(path, SAMPLE_RATE_HZ))
