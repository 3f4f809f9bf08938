"""Ten seconds of noise through the whole house, each direction alone: complete, in order, undistorted.

Noise has no ambiguous stretch: every 20 ms of it is found at one place of the original and nowhere else. An echo
through both directions would hide what each one does wrong (8 -> 24 -> 8 kHz by dropping samples is transparent).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from house_world import House, house

from bridge.agents.agent import Agent
from bridge.agents.listening import TurnDetection
from bridge.audio.g711 import pcm16_to_ulaw, ulaw_to_pcm16
from bridge.audio.tones import noise
from bridge.sim import loop
from bridge.sim.model import ModelOptions
from bridge.sim.phone import Phone
from bridge.sim.script import Score

SECONDS = 10
BAND = (350.0, 3300.0)
QUIET = Agent(
    "quiet",
    "Listen.",
    turn_detection=TurnDetection(threshold=1.0, create_response=False, interrupt_response=False),
    transcription_model="",
)


def samples(pcm16: bytes) -> np.ndarray:
    return np.frombuffer(pcm16, "<i2").astype(float)


def lags(sent: np.ndarray, got: np.ndarray, frame: int, around: int) -> tuple[list[int], list[float]]:
    """For each frame of `sent`: where in `got` it lies best, relative to its own place, and how well it correlates."""
    where, how_well = [], []
    for at in range(0, len(sent) - frame + 1, frame):
        piece = sent[at : at + frame]
        low = max(0, at - around)
        window = got[low : at + frame + around]
        if len(window) < frame:
            break
        views = np.lib.stride_tricks.sliding_window_view(window, frame)
        norms = np.sqrt((views**2).sum(axis=1)) * np.sqrt((piece**2).sum()) + 1e-9
        scores = views @ piece / norms
        best = int(scores.argmax())
        where.append(low + best - at)
        how_well.append(float(scores[best]))
    return where, how_well


def snr_db(sent: np.ndarray, got: np.ndarray) -> float:
    length = min(len(sent), len(got))
    a, b = sent[:length], got[:length]
    gain = (a @ b) / (a @ a)
    rest = b - gain * a
    return float(10 * np.log10((gain * a) @ (gain * a) / (rest @ rest)))


@pytest.mark.parametrize("dialect", ["ga", "beta"])
@pytest.mark.parametrize("audio", ["pcmu", "pcm"])
def test_the_callers_sound_reaches_the_model_whole(tmp_path: Path, audio: str, dialect: str) -> None:
    spoken = pcm16_to_ulaw(noise(SECONDS * 1000.0, 8000, seed=5, band_hz=BAND, rms_dbfs=-20.0))

    async def story() -> House:
        options = {"realtime_audio": audio, "realtime_dialect": dialect, "agent": QUIET}
        async with house(tmp_path, model=ModelOptions(ears="energy", keep=True), **options) as world:
            phone = Phone(noise=False)
            call = await world.ring(phone=phone)
            await world.until(lambda: bool(world.model.sessions) and bool(world.session.config))
            await asyncio.sleep(1)
            phone.say(spoken)
            await asyncio.sleep(SECONDS + 1)
            phone.hang_up()
            await call.ended()
            await world.written()
            assert call.problems == []
        return world

    world = loop.run(story())
    heard = bytes(world.session.audio_in)
    if audio == "pcmu":
        assert spoken in heard, "byte for byte"
        return
    reference = samples(ulaw_to_pcm16(spoken))
    got = samples(heard)[::3]  # the band is empty above 4 kHz: every third sample is the phone's own grid
    began = int(np.correlate(got, reference[:1600], "valid").argmax())
    where, how_well = lags(reference, got[began:], 160, 400)
    assert len(where) == SECONDS * 50
    assert set(where) == {0}, "every frame at one and the same place"
    assert min(how_well) > 0.97
    assert snr_db(reference, got[began:]) > 45


@pytest.mark.parametrize("dialect", ["ga", "beta"])
@pytest.mark.parametrize("audio", ["pcmu", "pcm"])
def test_the_models_sound_reaches_the_phone_whole(tmp_path: Path, audio: str, dialect: str) -> None:
    agent = Agent("long", "Talk.", greeting=LONG, transcription_model="", turn_detection=QUIET.turn_detection)

    async def story() -> tuple[House, Phone]:
        options = {"realtime_audio": audio, "realtime_dialect": dialect, "agent": agent}
        score: Score = ()
        async with house(tmp_path, model=ModelOptions(ears="energy", keep=True), **options) as world:
            phone = Phone(noise=False)
            call = await world.ring(score, phone=phone)
            await world.until(lambda: any(t["role"] == "agent" for t in _turns(world)))
            phone.hang_up()
            await call.ended()
            await world.written()
            assert call.problems == []
        return world, phone

    world, phone = loop.run(story())
    said = bytes(world.session.audio_out)
    heard = phone.heard.sound
    turn = world.transcript()[0]
    assert not turn["cut"]
    if audio == "pcmu":
        assert heard[: len(said)] == said, "byte for byte"
        assert set(heard[len(said) :]) <= {0xFF}
        assert len(heard) - len(said) < 160
        return
    assert abs(turn["length_ms"] - len(said) / 48) < 1
    assert len(heard) == -(-len(said) // 6 // 160) * 160, "as long as it was said, in whole frames"
    from bridge.audio.resample import Resampler

    alone = Resampler(24000, 8000)
    wanted = samples(ulaw_to_pcm16(pcm16_to_ulaw(alone.feed(said) + alone.flush())))[16:]
    got = samples(ulaw_to_pcm16(heard))
    assert np.array_equal(wanted[: len(got)], got[: len(wanted)]), "the filter's own output, to the bit"


def _turns(world: House) -> list[dict[str, object]]:
    try:
        return [f for f in world.timeline() if f.get("fact") == "AgentSaid"] and world.transcript()
    except (IndexError, FileNotFoundError):
        return []


LONG = (
    "We are open from Monday to Friday, nine in the morning until six in the evening. "
    "On Saturday we are open from ten until four. On Sunday we are closed."
)
