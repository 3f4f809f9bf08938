"""What the filter may do to sound, each direction alone: an echo through both hides everything.

Bounds in dB of power; "in band" is the telephone's, 300 to 3400 Hz.
"""

from __future__ import annotations

import hashlib
import math
from fractions import Fraction
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.audio.resample import Resampler
from bridge.audio.tones import noise, sine

Wave = npt.NDArray[np.float64]

RATES = [(8000, 24000), (24000, 8000), (8000, 16000), (16000, 8000), (16000, 24000), (24000, 16000)]
FRAME_MS = 20


def wave(pcm16: bytes) -> Wave:
    return np.frombuffer(pcm16, "<i2").astype(np.float64)


def convert(pcm16: bytes, source_rate: int, target_rate: int) -> bytes:
    resampler = Resampler(source_rate, target_rate)
    return resampler.feed(pcm16) + resampler.flush()


def stream(pcm16: bytes, source_rate: int, target_rate: int) -> list[bytes]:
    """The sound in frames of 20 ms, as a phone call brings it; without the tail."""
    resampler = Resampler(source_rate, target_rate)
    step = source_rate * FRAME_MS // 1000 * 2
    return [resampler.feed(pcm16[start : start + step]) for start in range(0, len(pcm16), step)]


def db(power_ratio: float) -> float:
    return 10.0 * float(np.log10(max(power_ratio, 1e-30)))


def power_in(sound: Wave, sample_rate: int, low_hz: float, high_hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size))) ** 2
    frequencies = np.fft.rfftfreq(sound.size, 1.0 / sample_rate)
    return float(spectrum[(frequencies >= low_hz) & (frequencies <= high_hz)].sum())


def residual_db(sound: Wave, sample_rate: int, tone_hz: float) -> float:
    """All that is not the tone, against the tone: its best fitting sine is taken away, the rest is measured."""
    phase = 2.0 * np.pi * tone_hz / sample_rate * np.arange(sound.size)
    basis = np.stack((np.sin(phase), np.cos(phase)), axis=1)
    fitted = basis @ np.linalg.lstsq(basis, sound, rcond=None)[0]
    return db(float(np.mean((sound - fitted) ** 2) / np.mean(fitted**2)))


def gain_db(tone_hz: float, source_rate: int, target_rate: int) -> float:
    before = wave(sine(tone_hz, 1000.0, source_rate))
    after = wave(convert(before.astype("<i2").tobytes(), source_rate, target_rate))
    edge = target_rate // 10
    return db(float(np.mean(after[edge:-edge] ** 2) / np.mean(before**2)))


def test_down_the_voice_above_the_band_does_not_fold_into_it() -> None:
    high = noise(2000.0, 24000, seed=1, band_hz=(4700.0, 9000.0))
    heard = wave(convert(high, 24000, 8000))
    # Same power per sample, a third of the samples: 20 log10(3) brings both spectra to one scale.
    before = power_in(wave(high), 24000, 4700.0, 9000.0)
    after = power_in(heard, 8000, 300.0, 3400.0) * 9.0
    assert db(after / before) < -50.0


@pytest.mark.parametrize("tone_hz", [5000.0, 6000.0, 7700.0, 11000.0])
def test_down_a_high_tone_is_gone(tone_hz: float) -> None:
    assert gain_db(tone_hz, 24000, 8000) < -60.0


@pytest.mark.parametrize("tone_hz", [1000.0, 3000.0])
@pytest.mark.parametrize(("source_rate", "target_rate"), RATES)
def test_a_tone_comes_out_as_that_tone_and_nothing_else(tone_hz: float, source_rate: int, target_rate: int) -> None:
    loud = sine(tone_hz, 1000.0, source_rate, peak_dbfs=-3.0)
    heard = wave(b"".join(stream(loud, source_rate, target_rate)))[target_rate // 10 :]
    assert residual_db(heard, target_rate, tone_hz) < -60.0


@pytest.mark.parametrize(("source_rate", "target_rate"), RATES)
def test_the_band_is_flat(source_rate: int, target_rate: int) -> None:
    gains = [gain_db(float(tone_hz), source_rate, target_rate) for tone_hz in (300, 700, 1500, 2500, 3000, 3400)]
    assert max(map(abs, gains)) < 0.5


@pytest.mark.parametrize(("source_rate", "target_rate"), RATES)
def test_each_20_ms_frame_arrives_at_one_lag(source_rate: int, target_rate: int) -> None:
    original = noise(10_000.0, source_rate, seed=7, band_hz=(350.0, 3300.0))
    heard = wave(b"".join(stream(original, source_rate, target_rate)))
    sent = ideal(wave(original), heard.size)
    lags, correlations = local_lags(sent, heard, target_rate * FRAME_MS // 1000)
    lag = round(Resampler(source_rate, target_rate).delay_ms * target_rate / 1000.0)
    assert set(lags) == {lag}
    assert min(correlations) > 0.97
    wanted, delayed = sent[: heard.size - lag], heard[lag:]
    assert db(float(np.sum(wanted**2) / np.sum((wanted - delayed) ** 2))) > 45.0


def ideal(sound: Wave, size: int) -> Wave:
    """The same sound with `size` samples, by way of its spectrum: exact for sound that fills whole periods."""
    spectrum = np.fft.rfft(sound)
    other = np.zeros(size // 2 + 1, complex)
    shared = min(spectrum.size, other.size)
    other[:shared] = spectrum[:shared]
    return np.fft.irfft(other, size) * (size / sound.size)


def local_lags(sent: Wave, heard: Wave, frame: int) -> tuple[list[int], list[float]]:
    """For each frame heard: how much later it is than where it was sent (searched +-50 ms), and how alike."""
    reach = frame * 5 // 2
    lags: list[int] = []
    correlations: list[float] = []
    for start in range(2 * reach, heard.size - 2 * reach - frame, frame):
        piece = heard[start : start + frame]
        around = sent[start - reach : start + frame + reach]
        energy = np.convolve(around**2, np.ones(frame), "valid")
        match = np.correlate(around, piece, "valid") / np.sqrt(energy * np.sum(piece**2))
        best = int(np.argmax(match))
        lags.append(reach - best)
        correlations.append(float(match[best]))
    return lags, correlations


@pytest.mark.parametrize(("source_rate", "target_rate"), RATES)
def test_20_ms_in_are_20_ms_out_without_waiting(source_rate: int, target_rate: int) -> None:
    frames = stream(noise(400.0, source_rate, seed=3), source_rate, target_rate)
    assert {len(frame) for frame in frames} == {target_rate * FRAME_MS // 1000 * 2}


def test_the_delay_is_two_milliseconds_and_the_filter_97_taps() -> None:
    for source_rate, target_rate in ((8000, 24000), (24000, 8000)):
        resampler = Resampler(source_rate, target_rate)
        assert (resampler.taps, resampler.delay_ms) == (97, 2.0)


@given(
    rates=st.sampled_from(RATES),
    cuts=st.lists(st.integers(0, 2400), max_size=12),
    odd=st.booleans(),
)
def test_streamed_equals_one_shot_bit_for_bit(rates: tuple[int, int], cuts: list[int], odd: bool) -> None:
    sound = noise(50.0, rates[0], seed=5, rms_dbfs=-6.0) + (b"\x7f" if odd else b"")
    edges = sorted({0, len(sound), *(cut for cut in cuts if cut < len(sound))})
    resampler = Resampler(*rates)
    streamed = b"".join(resampler.feed(sound[a:b]) for a, b in pairwise(edges))
    assert streamed + resampler.flush() == convert(sound, *rates)


def test_single_bytes_and_empty_chunks_carry_over() -> None:
    sound = noise(30.0, 24000, seed=9)
    resampler = Resampler(24000, 8000)
    streamed = b""
    for index in range(len(sound)):
        streamed += resampler.feed(sound[index : index + 1]) + resampler.feed(b"")
    assert streamed + resampler.flush() == convert(sound, 24000, 8000)


def test_after_flush_it_starts_from_silence() -> None:
    sound = noise(60.0, 24000, seed=2)
    resampler = Resampler(24000, 8000)
    first = resampler.feed(sound + b"\x01") + resampler.flush()
    second = resampler.feed(sound) + resampler.flush()
    assert first == second == convert(sound, 24000, 8000)


@pytest.mark.parametrize(("source_rate", "target_rate"), RATES)
def test_with_its_tail_the_sound_is_whole(source_rate: int, target_rate: int) -> None:
    resampler = Resampler(source_rate, target_rate)
    body = resampler.feed(sine(440.0, 100.0, source_rate))
    assert len(body) == target_rate // 10 * 2
    assert len(resampler.flush()) >= resampler.delay_ms * target_rate / 1000.0 * 2
    assert resampler.feed(b"") == b""


def test_full_scale_is_clipped_and_never_wraps() -> None:
    square = (b"\xff\x7f" * 8 + b"\x00\x80" * 8) * 100
    for source_rate, target_rate in RATES:
        heard = wave(convert(square, source_rate, target_rate))
        jump = np.abs(np.diff(heard)).max()
        assert jump < 65535.0 and heard.max() == 32767.0 and heard.min() == -32768.0


def loud_and_random(count: int) -> bytes:
    """A linear congruence and no library's generator: the same bytes on every machine and in every release."""
    value, words = 1, bytearray()
    for _ in range(count):
        value = (value * 1103515245 + 12345) & 0x7FFFFFFF
        words += (value >> 15).to_bytes(2, "little")
    return bytes(words)


def by_the_book(samples: list[int], source_rate: int, target_rate: int) -> list[int]:
    """Zeros between the samples, one convolution, every so manyth result: in whole numbers, without numpy."""
    grow, thin = 24000 // source_rate, 24000 // target_rate  # by way of 24 kHz
    bessel = [sum((beta / 2) ** (2 * k) / math.factorial(k) ** 2 for k in range(40)) for beta in kaiser_arguments()]
    sincs = [math.sin(math.pi * n / 3) / (math.pi * n / 3) if n else 1.0 for n in range(-48, 49)]
    shape = [window * sinc for window, sinc in zip(bessel, sincs, strict=True)]
    taps = [round(value / math.fsum(shape) * grow * 2**30) for value in shape]
    spread = [0] * 96 + [value for sample in samples for value in (sample, *[0] * (grow - 1))]
    sums = [sum(tap * spread[96 + at - age] for age, tap in enumerate(taps)) for at in range(0, len(spread) - 96, thin)]
    return [max(-32768, min(32767, round(Fraction(total, 2**30)))) for total in sums]


def kaiser_arguments() -> list[float]:
    return [5.65 * math.sqrt(1.0 - (n / 48) ** 2) for n in range(-48, 49)]


@pytest.mark.parametrize("rates", [(8000, 24000), (24000, 8000)])
def test_it_is_the_textbook_filter_to_the_last_bit(rates: tuple[int, int]) -> None:
    sound = loud_and_random(rates[0] // 20)
    expected = by_the_book(wave(sound).astype(int).tolist(), *rates)
    assert wave(Resampler(*rates).feed(sound)).astype(int).tolist() == expected


@cache
def loud_and_soft(rates: tuple[int, int]) -> tuple[bytes, list[int]]:
    """Sound that clips, that hardly is there, that stands still, and that swells from one to the other; by the book."""
    hiss = wave(loud_and_random(rates[0] // 25)).astype(int)
    swell = (hiss * np.linspace(0.3, 1.0, hiss.size)).astype(int)
    pieces = (hiss // 9, hiss, hiss // 300, np.full(hiss.size, 101), -np.abs(hiss), swell)
    sound = np.concatenate(pieces).astype("<i2").tobytes()
    return sound, by_the_book(wave(sound).astype(int).tolist(), *rates)


@settings(deadline=None)  # the book is slow, once for each direction
@given(rates=st.sampled_from([(8000, 24000), (24000, 8000)]), sizes=st.lists(st.integers(0, 12_000), min_size=1))
def test_however_it_is_cut_it_is_the_textbook_filter(rates: tuple[int, int], sizes: list[int]) -> None:
    sound, expected = loud_and_soft(rates)
    resampler, other = Resampler(*rates), Resampler(*rates)
    heard, at = b"", 0
    for size in sizes:
        heard += resampler.feed(sound[at : at + size])
        other.feed(sound[::-1][: size // 2])  # a neighbour's chunks go through the same room
        at += size
    assert wave(heard).astype(int).tolist() == expected[: len(heard) // 2]
    assert len(heard) >= (min(at, len(sound)) // 2 - 2) * rates[1] // rates[0] * 2


@pytest.mark.parametrize(
    ("source_rate", "target_rate", "digest"),
    [
        (8000, 24000, "13ce19f39901df42"),
        (24000, 8000, "99dbb9f5fb607236"),
        (8000, 16000, "3e97dc56b53a368f"),
        (16000, 24000, "31a13ba379c7ac13"),
    ],
)
def test_golden_bytes(source_rate: int, target_rate: int, digest: str) -> None:
    heard = convert(loud_and_random(source_rate // 10), source_rate, target_rate)
    assert hashlib.sha256(heard).hexdigest()[:16] == digest


@pytest.mark.parametrize(("source_rate", "target_rate"), [(44100, 24000), (22050, 8000), (48000, 8000), (11025, 24000)])
def test_rates_that_files_have_work_too(source_rate: int, target_rate: int) -> None:
    loud = sine(1000.0, 1000.0, source_rate, peak_dbfs=-3.0)
    heard = wave(convert(loud, source_rate, target_rate))
    late_ms = Resampler(source_rate, target_rate).delay_ms
    assert heard.size == pytest.approx((1.0 + late_ms / 1000.0) * target_rate, abs=1)
    assert residual_db(heard[target_rate // 10 : -target_rate // 10], target_rate, 1000.0) < -60.0


@pytest.mark.parametrize(("source_rate", "target_rate"), [(0, 8000), (8000, -1), (44101, 8000)])
def test_rates_that_make_no_sense_are_refused(source_rate: int, target_rate: int) -> None:
    with pytest.raises(ValueError, match="Hz"):
        Resampler(source_rate, target_rate)
