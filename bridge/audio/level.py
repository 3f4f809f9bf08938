"""How loud a stretch of PCM16 is, in dB below full scale (dBFS): 0 is the loudest, -60 a quiet room, -inf digital
silence. A full-scale sine has an rms of -3 dBFS by this measure, as full scale is a sample of 32768.
"""

from __future__ import annotations

import audioop
import math

_PCM16_BYTES = 2
_FULL_SCALE = 32768


def rms_dbfs(pcm16: bytes) -> float:
    """The mean power. Empty sound and digital silence are -inf."""
    return _dbfs(audioop.rms(pcm16, _PCM16_BYTES))


def peak_dbfs(pcm16: bytes) -> float:
    """The loudest single sample. Empty sound and digital silence are -inf."""
    return _dbfs(audioop.max(pcm16, _PCM16_BYTES))


def rms(pcm16: bytes) -> int:
    """The mean power as a sample value, 0 to 32768: cheap (0.2 us for 20 ms), for comparing levels frame by frame."""
    return audioop.rms(pcm16, _PCM16_BYTES)


def _dbfs(value: int) -> float:
    return 20.0 * math.log10(value / _FULL_SCALE) if value else -math.inf
