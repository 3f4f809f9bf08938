"""The two directions of one call's sound, chosen once, when the call begins.

The phone always speaks mu-law at 8 kHz. The model speaks either the same (`pcmu`: every sample passes untouched, numpy
is never imported) or PCM16 at 24 kHz (`pcm`: both ways through the filter of `resample.py`, 2 ms each).
"""

from __future__ import annotations

import audioop
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal

from bridge.audio.base64text import Encode, encode_long, encode_short
from bridge.audio.g711 import SAMPLE_RATE_HZ, pcm16_to_ulaw

if TYPE_CHECKING:
    from bridge.audio.resample import Resampler

Format = Literal["pcm", "pcmu"]

MODEL_PCM_RATE_HZ = 24000
"""The only rate of `audio/pcm` in the Realtime API."""

ULAW_BYTES_PER_MS = SAMPLE_RATE_HZ // 1000


def _filtered(feed: Callable[[bytes, Encode], bytes], ulaw: bytes) -> bytes:
    # Fifty times a second and call: `audioop` and base64 are called as they are.
    return feed(audioop.ulaw2lin(ulaw, 2), encode_long)


class AudioPath:
    """What turns the caller's sound into the model's and back; one per call, as it remembers the filters' past.

    `in_ulaw` is the quickest way from a delta's PCM16 to mu-law.
    """

    def __init__(self, up: Resampler | None, down: Resampler | None, in_ulaw: Encode = pcm16_to_ulaw) -> None:
        self._up = up
        self._down = down
        self._in_ulaw = in_ulaw
        self.to_model: Callable[[bytes], bytes] = encode_short if up is None else partial(_filtered, up.feed)
        """The caller's mu-law as the model wants it, in base64."""
        self._late = round(down.delay_ms * ULAW_BYTES_PER_MS) if down is not None else 0
        self._skip = self._late

    def to_phone(self, data: bytes) -> bytes:
        """One audio delta of the model, decoded, as mu-law for the phone: 160 bytes for each 20 ms, of any length."""
        return data if self._down is None else self._on_time(self._down.feed(data, self._in_ulaw))

    def flush_for_phone(self) -> bytes:
        """The end of the model's item: the 2 ms of mu-law still in the filter, so that the next item starts clean."""
        if self._down is None:
            return b""
        tail = self._on_time(pcm16_to_ulaw(self._down.flush()))
        self._skip = self._late
        return tail

    def _on_time(self, ulaw: bytes) -> bytes:
        """Take off what the filter adds before an item's first sample.

        So the mu-law of an item is exactly as long as the item, and its n-th byte is what the model said at n / 8 ms:
        a truncation names the very sample that was heard last.
        """
        if not self._skip:
            return ulaw
        skip = min(self._skip, len(ulaw))
        self._skip -= skip
        return ulaw[skip:]

    def describe(self) -> str:
        """Both directions in words, for one line of the log."""
        phone = f"mu-law {SAMPLE_RATE_HZ // 1000} kHz"
        to_model = f"{phone}{_hops(self._up)}" if self._up else f"{phone} untouched"
        from_model = f"pcm16 {MODEL_PCM_RATE_HZ // 1000} kHz" if self._down else phone
        to_phone = f"{from_model}{_hops(self._down)}" if self._down else f"{phone} untouched"
        return f"to model: {to_model}; to phone: {to_phone}"


def make_path(input_format: Format, output_format: Format) -> AudioPath:
    """The path of a call whose model takes `input_format` and speaks `output_format`; only `pcm` loads numpy."""
    if input_format == output_format == "pcmu":
        return AudioPath(None, None)
    from bridge.audio.resample import Resampler
    from bridge.audio.ulawtable import look_up_ulaw

    return AudioPath(
        up=Resampler(SAMPLE_RATE_HZ, MODEL_PCM_RATE_HZ) if input_format == "pcm" else None,
        down=Resampler(MODEL_PCM_RATE_HZ, SAMPLE_RATE_HZ) if output_format == "pcm" else None,
        in_ulaw=look_up_ulaw,
    )


def _hops(resampler: Resampler | None) -> str:
    if resampler is None:
        return ""
    coding = "mu-law" if resampler.target_rate == SAMPLE_RATE_HZ else "pcm16"
    return f" -> FIR {resampler.taps} -> {coding} {resampler.target_rate // 1000} kHz"
