"""Sounds made from nothing are what they say, and levels are measured as they were made."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest

from bridge.audio.level import peak_dbfs, rms, rms_dbfs
from bridge.audio.tones import dtmf, noise, silence, sine


def loudest_hz(pcm16: bytes, sample_rate: int, count: int) -> list[float]:
    samples = np.frombuffer(pcm16, "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    peaks = [k for k in range(1, spectrum.size - 1) if spectrum[k - 1] < spectrum[k] >= spectrum[k + 1]]
    peaks.sort(key=lambda k: -spectrum[k])
    return sorted(k * sample_rate / samples.size for k in peaks[:count])


def test_silence_has_its_length_and_no_level() -> None:
    assert silence(20.0, 8000) == bytes(320)
    assert rms_dbfs(silence(20.0, 8000)) == peak_dbfs(silence(20.0, 8000)) == -math.inf
    assert rms_dbfs(b"") == peak_dbfs(b"") == -math.inf


@pytest.mark.parametrize("sample_rate", [8000, 24000])
def test_a_sine_has_its_frequency_and_level(sample_rate: int) -> None:
    tone = sine(1000.0, 1000.0, sample_rate, peak_dbfs=-6.0)
    assert len(tone) == sample_rate * 2
    assert loudest_hz(tone, sample_rate, 1) == pytest.approx([1000.0], abs=1.0)
    assert peak_dbfs(tone) == pytest.approx(-6.0, abs=0.1)
    assert rms_dbfs(tone) == pytest.approx(-9.0, abs=0.1)


@pytest.mark.parametrize(
    ("key", "pair_hz"), [("1", (697, 1209)), ("8", (852, 1336)), ("#", (941, 1477)), ("0", (941, 1336))]
)
def test_a_key_is_two_tones(key: str, pair_hz: tuple[int, int]) -> None:
    assert loudest_hz(dtmf(key, 500.0, 8000), 8000, 2) == pytest.approx(pair_hz, abs=4.0)


@pytest.mark.parametrize("key", ["", "12", "x", "1 "])
def test_other_keys_do_not_exist(key: str) -> None:
    with pytest.raises(ValueError, match="not a telephone key"):
        dtmf(key, 100.0, 8000)


def test_noise_is_the_same_for_the_same_seed() -> None:
    first = noise(100.0, 8000, seed=4)
    assert first == noise(100.0, 8000, seed=4) != noise(100.0, 8000, seed=5)
    assert rms(first) == pytest.approx(3000, rel=0.02)


def test_noise_keeps_to_its_band() -> None:
    samples = np.frombuffer(noise(1000.0, 24000, seed=4, band_hz=(4700.0, 9000.0)), "<i2").astype(float)
    power = np.abs(np.fft.rfft(samples)) ** 2
    inside = power[4700:9001].sum()
    assert 10 * math.log10((power.sum() - inside) / inside) < -70.0


def test_noise_needs_a_band_with_something_in_it() -> None:
    with pytest.raises(ValueError, match="nothing between"):
        noise(100.0, 8000, seed=1, band_hz=(5000.0, 6000.0))
    assert noise(0.0, 8000, seed=1) == b""


def test_a_full_scale_square_is_zero_dbfs() -> None:
    assert rms_dbfs(struct.pack("<2h", -32768, -32768)) == peak_dbfs(struct.pack("<2h", -32768, 0)) == 0.0
