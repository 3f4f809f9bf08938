"""Words to telephone sound: what a mouth says at 24 kHz, as the mu-law a phone carries."""

from __future__ import annotations

from bridge.audio.g711 import SAMPLE_RATE_HZ, pcm16_to_ulaw
from bridge.audio.resample import Resampler
from bridge.sim.voice import RATE_HZ, Mouth, Voice


async def phone_speech(mouth: Mouth, text: str, voice: Voice) -> bytes:
    """`text` as mu-law at 8 kHz. Raises what the mouth raises."""
    resampler = Resampler(RATE_HZ, SAMPLE_RATE_HZ)
    return pcm16_to_ulaw(resampler.feed(await mouth.say(text, voice=voice)) + resampler.flush())
