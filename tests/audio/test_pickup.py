"""The ear for a line that was just picked up, on real sound: the simulator's voices and tones, with noise."""

from __future__ import annotations

import audioop
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest

import bridge.sim
from bridge.audio import tones
from bridge.audio.g711 import pcm16_to_ulaw
from bridge.audio.pickup import LineEar, Sound
from bridge.audio.wav import read_wav

RATE = 8000
PROMPTS = sorted(Path(bridge.sim.__file__).parent.glob("prompts/*.wav"))
NOISE = tones.noise(20_000, RATE, seed=3, rms_dbfs=-50.0)


def heard(pcm: bytes, *, noisy: bool = True, size: int = 160) -> list[tuple[int, Sound]]:
    """What the ear tells of a sound, and when (ms)."""
    ulaw = pcm16_to_ulaw(audioop.add(pcm, NOISE[: len(pcm)], 2) if noisy else pcm)
    ear = LineEar()
    return [
        ((at + size) // 8, sound)
        for at in range(0, len(ulaw) - size + 1, size)
        for sound in ear.hear(ulaw[at : at + size])
    ]


def prompt(name: str) -> bytes:
    (path,) = [path for path in PROMPTS if name in path.name]
    return spoken(path)


def spoken(path: Path) -> bytes:
    return read_wav(path, RATE)


def voiced(told: Iterable[tuple[int, Sound]]) -> list[tuple[int, bool]]:
    """When somebody began and stopped to speak."""
    states = [(at, sound.voice) for at, sound in told if not sound.tone_hz]
    return [states[0], *(after for before, after in pairwise(states) if after[1] is not before[1])]


def beeps(told: Iterable[tuple[int, Sound]]) -> list[Sound]:
    return [sound for _, sound in told if sound.tone_ended]


QUIET = tones.silence(1000, RATE)


@pytest.mark.parametrize("path", PROMPTS, ids=lambda path: path.stem)
def test_a_voice_is_no_tone(path: Path) -> None:
    told = heard(QUIET + spoken(path) + QUIET)
    assert [sound for sound in beeps(told) if sound.tone_ms >= 130 and not sound.second_hz] == []
    assert any(sound.voice for _, sound in told)


def test_when_a_hello_begins_and_ends() -> None:
    hello = prompt("caller-yes-please")
    told = voiced(heard(QUIET + hello + QUIET))
    (_, silent), (began, on), (ended, off) = told
    assert (silent, on, off) == (False, True, False)
    assert 1000 < began < 1400
    assert began + 300 < ended < 1000 + len(hello) // 16 + 140


def test_a_pause_is_told_at_each_100_ms() -> None:
    told = heard(QUIET + prompt("caller-yes-please") + tones.silence(5000, RATE))
    last = max(at for at, sound in told if sound.voice)
    after = [sound.ms for at, sound in told if at > last]
    assert after == list(range(100, 3001, 100)), "and no longer than anything is decided by it"


@pytest.mark.parametrize("hz", [350, 440, 1000, 1400, 2000, 2100])
@pytest.mark.parametrize("ms", [120, 250, 500])
@pytest.mark.parametrize("dbfs", [-9.0, -30.0])
def test_a_beep(hz: int, ms: int, dbfs: float) -> None:
    told = heard(QUIET + tones.silence(7, RATE) + tones.sine(hz, ms, RATE, peak_dbfs=dbfs) + QUIET)
    (beep,) = beeps(told)
    assert abs(beep.tone_hz - hz) <= 4
    assert beep.tone_ms >= 130
    assert abs(beep.tone_ms - ms) <= 45
    assert not any(sound.voice for _, sound in told), "a tone is no voice"


def test_a_beep_right_after_a_greeting() -> None:
    told = heard(prompt("agent-thank-you-for-calling") + tones.silence(300, RATE) + tones.sine(1000, 250, RATE) + QUIET)
    (beep,) = [sound for sound in beeps(told) if sound.tone_ms >= 130]
    assert beep.tone_hz == 1000
    at = next(at for at, sound in told if sound is beep)
    after = [sound.ms for when, sound in told if when > at]
    assert after[:2] == [100, 200], "the silence after it is counted from its end"


def test_a_beep_of_50_ms_is_none() -> None:
    assert beeps(heard(QUIET + tones.sine(1000, 50, RATE) + QUIET)) == []


def test_a_fax_is_told_of_while_it_whistles() -> None:
    told = heard(QUIET + tones.sine(2100, 2600, RATE) + QUIET)
    going_on = [sound.tone_ms for _, sound in told if sound.tone_hz == 2100 and not sound.tone_ended]
    assert going_on[0] == 120
    assert max(b - a for a, b in pairwise(going_on)) <= 100


def test_a_busy_tone_is_two() -> None:
    both = audioop.add(tones.sine(480, 500, RATE, peak_dbfs=-18), tones.sine(620, 500, RATE, peak_dbfs=-18), 2)
    told = beeps(heard((both + tones.silence(500, RATE)) * 3))
    assert len(told) == 3
    assert all(abs(sound.tone_hz - 480) <= 4 and abs(sound.second_hz - 620) <= 4 for sound in told)
    assert all(480 <= sound.tone_ms <= 560 for sound in told)


def test_the_networks_three_tones() -> None:
    three = b"".join(tones.sine(hz, 330, RATE, peak_dbfs=-16) for hz in (950, 1400, 1800))
    assert [round(sound.tone_hz, -1) for sound in beeps(heard(QUIET + three + QUIET))] == [950, 1400, 1800]


@pytest.mark.parametrize("key", "159#")
def test_a_key_is_two_tones(key: str) -> None:
    assert all(sound.second_hz for sound in beeps(heard(QUIET + tones.dtmf(key, 200, RATE) + QUIET)))


def test_noise_and_silence_are_nothing() -> None:
    for pcm, noisy in ((tones.silence(4000, RATE), True), (tones.silence(4000, RATE), False)):
        assert not any(sound.voice or sound.tone_hz for _, sound in heard(pcm, noisy=noisy))


def test_frames_of_any_size_lead_to_the_same() -> None:
    pcm = QUIET + prompt("caller-yes-please") + tones.sine(1000, 250, RATE) + QUIET
    pcm = pcm[: len(pcm) // 3840 * 3840]
    whole = [sound for _, sound in heard(pcm)]
    assert [sound for _, sound in heard(pcm, size=240)] == whole
    assert [sound for _, sound in heard(pcm, size=80)] == whole
