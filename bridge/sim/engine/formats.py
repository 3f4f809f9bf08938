"""The three sound formats of the Realtime API, and their translation to and from what the engine works with.

Ears work on the phone's band (PCM16, 8 kHz); mouths give PCM16 at 24 kHz. Source: OpenAI Realtime API reference,
`audio.input.format`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bridge.audio.g711 import alaw_to_pcm16, pcm16_to_alaw, pcm16_to_ulaw, ulaw_to_pcm16
from bridge.audio.resample import Resampler

EARS_RATE_HZ = 8000
MOUTH_RATE_HZ = 24000


@dataclass(frozen=True)
class SoundFormat:
    """One format: its wire object, its beta name, how many bytes a millisecond has, and its codec (None: PCM16)."""

    wire: dict[str, Any]
    beta_name: str
    bytes_per_ms: int
    decode: Callable[[bytes], bytes] | None
    encode: Callable[[bytes], bytes] | None

    def duration_ms(self, data_bytes: int) -> float:
        """How long so many bytes sound."""
        return data_bytes / self.bytes_per_ms


PCM = SoundFormat({"type": "audio/pcm", "rate": 24000}, "pcm16", 48, None, None)
PCMU = SoundFormat({"type": "audio/pcmu"}, "g711_ulaw", 8, ulaw_to_pcm16, pcm16_to_ulaw)
PCMA = SoundFormat({"type": "audio/pcma"}, "g711_alaw", 8, alaw_to_pcm16, pcm16_to_alaw)

BY_TYPE = {"audio/pcm": PCM, "audio/pcmu": PCMU, "audio/pcma": PCMA}
BY_BETA_NAME = {sound.beta_name: sound for sound in BY_TYPE.values()}


class EarPath:
    """From the client's format to the ears, as a stream: half samples and the filter's past carry over."""

    def __init__(self, sound: SoundFormat) -> None:
        self._decode = sound.decode
        self._down = None if sound.decode else Resampler(MOUTH_RATE_HZ, EARS_RATE_HZ)

    def feed(self, data: bytes) -> bytes:
        """The next bytes of the client, as PCM16 at 8 kHz."""
        if self._decode is not None:
            return self._decode(data)
        return self._down.feed(data) if self._down else b""


def from_mouth(pcm16: bytes, sound: SoundFormat) -> bytes:
    """A whole utterance, PCM16 at 24 kHz, in the client's format."""
    if sound.encode is None:
        return pcm16
    down = Resampler(MOUTH_RATE_HZ, EARS_RATE_HZ)
    # The filter's tail is 2 ms longer than what went in; an utterance keeps its length.
    return sound.encode((down.feed(pcm16) + down.flush())[: len(pcm16) // 6 * 2])


def from_ears(pcm16: bytes, sound: SoundFormat) -> bytes:
    """What the ears kept, PCM16 at 8 kHz, in the client's format (for `conversation.item.retrieve`)."""
    if sound.encode is not None:
        return sound.encode(pcm16)
    up = Resampler(EARS_RATE_HZ, MOUTH_RATE_HZ)
    return (up.feed(pcm16) + up.flush())[: 3 * len(pcm16)]
