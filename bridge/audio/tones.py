"""Sounds made from nothing, as PCM16 mono: silence, a sine, the keys of a telephone, noise.

The same arguments give the same sound, so that tests can compare what arrives with what was sent.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

_FULL_SCALE = 32767
_PCM16_BYTES = 2

_WAITING_HZ = 440
_WAITING_DBFS = -26.0
"""Well below speech on the phone (about -21 dBFS rms), so that nobody takes it for an answer."""

_DTMF_ROWS_HZ = (697, 770, 852, 941)
_DTMF_COLUMNS_HZ = (1209, 1336, 1477, 1633)
_DTMF_KEYS = ("123A", "456B", "789C", "*0#D")
"""ITU-T Q.23: a key is the sum of its row's tone and its column's."""


def silence(duration_ms: float, sample_rate: int) -> bytes:
    """`duration_ms` of zeros."""
    return bytes(_samples(duration_ms, sample_rate) * _PCM16_BYTES)


def sine(frequency_hz: float, duration_ms: float, sample_rate: int, *, peak_dbfs: float = -12.0) -> bytes:
    """A pure tone that starts at phase zero."""
    return _sum_of_sines((frequency_hz,), duration_ms, sample_rate, peak_dbfs)


def dtmf(key: str, duration_ms: float, sample_rate: int, *, peak_dbfs: float = -12.0) -> bytes:
    """The two tones of one telephone key, `0`-`9`, `*`, `#` or `A`-`D`. Raises ValueError for any other key."""
    for row_hz, keys in zip(_DTMF_ROWS_HZ, _DTMF_KEYS, strict=True):
        if len(key) == 1 and key in keys:
            column_hz = _DTMF_COLUMNS_HZ[keys.index(key)]
            return _sum_of_sines((row_hz, column_hz), duration_ms, sample_rate, peak_dbfs)
    raise ValueError(f"{key!r} is not a telephone key; there are 0-9, *, # and A-D")


def waiting(duration_ms: float, sample_rate: int) -> bytes:
    """A soft, low sound that swells and fades: the line is alive, and somebody is busy."""
    count = _samples(duration_ms, sample_rate)
    amplitude = _FULL_SCALE * 10.0 ** (_WAITING_DBFS / 20.0)
    step = 2.0 * math.pi * _WAITING_HZ / sample_rate
    # A raised cosine over the whole length: it begins and ends in silence, without a click.
    values = (
        round(amplitude * math.sin(step * n) * 0.5 * (1.0 - math.cos(2.0 * math.pi * n / count))) for n in range(count)
    )
    return b"".join(value.to_bytes(_PCM16_BYTES, "little", signed=True) for value in values)


def noise(
    duration_ms: float,
    sample_rate: int,
    *,
    seed: int,
    band_hz: tuple[float, float] | None = None,
    rms_dbfs: float = -20.8,
) -> bytes:
    """Noise that is the same for the same seed, evenly loud over `band_hz` (default: all of it) and nil outside.

    The default level is an rms of 3000, the middle of speech on the phone.
    """
    import numpy as np

    count = _samples(duration_ms, sample_rate)
    if not count:
        return b""
    # Not numpy's generators: their streams may change between releases, this one may not.
    source = random.Random(seed)
    samples = np.array([source.random() - 0.5 for _ in range(count)])
    if band_hz is not None:
        spectrum = np.fft.rfft(samples)
        frequencies = np.fft.rfftfreq(count, 1.0 / sample_rate)
        spectrum[(frequencies < band_hz[0]) | (frequencies > band_hz[1])] = 0.0
        samples = np.fft.irfft(spectrum, count)
    level = math.sqrt(float(np.mean(samples**2)))
    if not level:
        raise ValueError(f"there is nothing between {band_hz} Hz in {duration_ms} ms at {sample_rate} Hz")
    scaled = samples * (_FULL_SCALE * 10.0 ** (rms_dbfs / 20.0) / level)
    return bytes(np.clip(np.rint(scaled), -_FULL_SCALE, _FULL_SCALE).astype("<i2"))


def _sum_of_sines(frequencies_hz: Sequence[float], duration_ms: float, sample_rate: int, peak_dbfs: float) -> bytes:
    amplitude = _FULL_SCALE * 10.0 ** (peak_dbfs / 20.0) / len(frequencies_hz)
    steps = [2.0 * math.pi * frequency_hz / sample_rate for frequency_hz in frequencies_hz]
    values = (
        round(amplitude * sum(math.sin(step * index) for step in steps))
        for index in range(_samples(duration_ms, sample_rate))
    )
    return b"".join(value.to_bytes(_PCM16_BYTES, "little", signed=True) for value in values)


def _samples(duration_ms: float, sample_rate: int) -> int:
    return round(duration_ms * sample_rate / 1000.0)
