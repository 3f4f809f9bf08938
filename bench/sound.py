"""What is said in the benchmark: quiet noise, and now and then a loud tone whose arrival can be told."""

from __future__ import annotations

from base64 import b64encode

from bridge.audio import tones
from bridge.audio.g711 import pcm16_to_ulaw, ulaw_to_pcm16
from bridge.audio.level import rms

FRAME_MS = 20
LOUD = 3_000
"""Mean power, as a sample value, above which a piece of sound has the tone in it; the noise stays far below."""


def noise(ms: int, rate: int, seed: int) -> bytes:
    """Quiet noise, PCM16."""
    return tones.noise(ms, rate, rms_dbfs=-50.0, seed=seed)


def tone(ms: int, rate: int) -> bytes:
    """1 kHz, loud, PCM16."""
    return tones.sine(1000.0, ms, rate, peak_dbfs=-3.0)


QUIET = tuple(b64encode(pcm16_to_ulaw(noise(FRAME_MS, 8000, seed))).decode() for seed in range(64))
"""Frames of the phone, base64 of mu-law; many, so that nothing on the way repeats."""
BURST = b64encode(pcm16_to_ulaw(tone(FRAME_MS, 8000))).decode()


def is_loud(audio: bytes, audio_format: str) -> bool:
    """Is the tone in this piece (`pcm` or `pcmu`)?"""
    return rms(audio if audio_format == "pcm" else ulaw_to_pcm16(audio)) > LOUD
