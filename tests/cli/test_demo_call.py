"""The default demo, once, for real: three processes, real sockets, half a minute of real time."""

from __future__ import annotations

import asyncio
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import document, run

from bridge.audio.g711 import ulaw_to_pcm16
from bridge.sim.speech import phone_speech
from bridge.sim.voice import Mouth

pytestmark = pytest.mark.sockets

LOUD_RMS = 160  # -46 dBFS: above line noise, below speech
FAINT_RMS = 65  # -54 dBFS: what the engine's detector still may take for the end of a word
STEP_MS = 10
PLACE_MS = 60  # how exactly the recording and the transcript must agree
ONSET_MS = 100  # turn detection needs 60 ms of voice, in frames of 32 ms


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """The demo in a folder whose own settings would break anything that read them."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / ".env").write_text("BRIDGE_NOSUCH=1\nPORT=99999\n", "utf-8")
    (folder / "callbridge.toml").write_text("nosuch = true\n", "utf-8")
    strange = {
        "REALTIME_URL": "wss://x",
        "TWILIO_AUTH_TOKEN": "other",
        "BRIDGE_RECORD": "loud",
        "PUBLIC_URL": "ftp://x",
    }
    return run(folder, "demo", "--json", "--data", str(folder / "kept"), limit_s=90, env=strange)


@pytest.fixture(scope="module")
def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    return document(done)


@pytest.fixture(scope="module")
def sound(told: dict[str, Any]) -> np.ndarray:
    """The recording: a row a sample, caller left and agent right."""
    with wave.open(told["files"]["recording"]) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


def loud(sound: np.ndarray, level: int = LOUD_RMS) -> np.ndarray:
    """For each 10 ms: is it louder than `level`?"""
    size = 8 * STEP_MS
    frames = sound[: len(sound) // size * size].reshape(-1, size).astype(np.float64)
    above: np.ndarray = np.sqrt((frames**2).mean(axis=1)) >= level
    return above


def span_ms(flags: np.ndarray, start_ms: int, end_ms: int) -> tuple[int, int]:
    """First and last loud moment between two times."""
    first = max(0, start_ms) // STEP_MS
    found = np.flatnonzero(flags[first : end_ms // STEP_MS])
    assert len(found), f"silence from {start_ms} to {end_ms} ms"
    return (first + int(found[0])) * STEP_MS, (first + int(found[-1]) + 1) * STEP_MS


def turns(told: dict[str, Any], role: str) -> Iterator[dict[str, Any]]:
    return (turn for turn in told["call"]["transcript"] if turn["role"] == role)


def test_the_call_went_as_the_score_says(told: dict[str, Any]) -> None:
    assert told["ok"] and told["problem"] is None
    call = told["call"]
    assert (call["end_reason"], call["ended_by"], call["direction"]) == ("agent_hung_up", "agent", "inbound")
    assert [turn["tool"] for turn in turns(told, "tool")] == ["opening_hours", "order_status", "hang_up"]
    assert [turn["text"] for turn in turns(told, "keys")] == ["4271"]
    agent_turns = list(turns(told, "agent"))
    assert [turn["cut"] for turn in agent_turns] == [False, True, False, False, False]
    assert "out for delivery" in agent_turns[3]["text"]
    assert "Goodbye" in agent_turns[4]["text"]


def test_the_carrier_had_nothing_to_complain_about(told: dict[str, Any]) -> None:
    carrier = told["carrier"]
    assert (carrier["problems"], carrier["status"]) == ([], "completed")
    assert carrier["sid"] == told["call"]["carrier_call_id"]


def test_logs_and_the_running_call_are_on_stderr(done: subprocess.CompletedProcess[str]) -> None:
    assert "starting the local model ... ready (ears: " in done.stderr
    assert "interrupted after 2." in done.stderr
    assert "hang-up  agent_hung_up (ended by the agent)" in done.stderr


def test_the_summary_is_computed_from_the_turns(told: dict[str, Any]) -> None:
    summary, agent_turns = told["summary"], list(turns(told, "agent"))
    waits = sorted(turn["latency_ms"] for turn in agent_turns if turn["latency_ms"] >= 0)
    assert len(waits) == 4  # every turn but the greeting answers
    assert (summary["latency_max_ms"], waits[1] <= summary["latency_p50_ms"] <= waits[2]) == (waits[-1], True)
    [cut] = summary["interruptions"]
    assert (cut["heard_ms"], cut["generated_ms"]) == (agent_turns[1]["heard_ms"], agent_turns[1]["length_ms"])
    assert agent_turns[1]["text"].startswith(cut["heard_text"])
    assert summary["usage"]["output_tokens"] > 0
    assert summary["cost_usd"] is None  # the local engine costs nothing that a price table knows


def test_the_call_is_as_long_as_its_recording(told: dict[str, Any]) -> None:
    with wave.open(told["files"]["recording"]) as file:
        recorded_ms = file.getnframes() / 8
    assert abs(told["summary"]["duration_ms"] - recorded_ms) <= 150  # answering comes before the first frame


def test_agent_turns_are_where_the_right_channel_has_them(told: dict[str, Any], sound: np.ndarray) -> None:
    """Every half second of every prompt, as far as it was heard, is found at its place; elsewhere there is silence."""
    mouth, heard = Mouth(), sound[:, 1].astype(np.float64)
    spoken = np.zeros(len(heard) // (8 * STEP_MS) + 1, dtype=bool)
    for turn in turns(told, "agent"):
        prompt = ulaw_to_pcm16(asyncio.run(phone_speech(mouth, turn["text"], "agent")))
        offsets = list(places_ms(np.frombuffer(prompt, "<i2")[: turn["heard_ms"] * 8], heard, turn["start_ms"]))
        assert len(offsets) >= turn["heard_ms"] / 700  # the rest is pauses
        assert max(map(abs, offsets)) <= PLACE_MS
        spoken[(turn["start_ms"] - PLACE_MS) // STEP_MS : (turn["end_ms"] + PLACE_MS) // STEP_MS] = True
    mouth.close()
    flags = loud(sound[:, 1])
    assert not (flags & ~spoken[: len(flags)]).any(), "agent's voice where the transcript has none"


def places_ms(prompt: np.ndarray, heard: np.ndarray, start_ms: int) -> Iterator[float]:
    """For each half second of voice in `prompt`: how far from its place, counted from `start_ms`, it was heard."""
    half, around = 4000, 4000
    for at in range(0, len(prompt) - half + 1, half):
        piece = prompt[at : at + half].astype(np.float64)
        if np.sqrt((piece**2).mean()) >= LOUD_RMS:
            first = max(0, start_ms * 8 + at - around)
            likeness = np.correlate(heard[first : first + half + 2 * around], piece, "valid")
            yield (first + int(likeness.argmax()) - at) / 8 - start_ms


def test_caller_turns_are_where_the_left_channel_has_them(told: dict[str, Any], sound: np.ndarray) -> None:
    caller, flags = list(turns(told, "caller")), loud(sound[:, 0], FAINT_RMS)
    assert len(caller) == 3
    for turn in caller:
        first, last = span_ms(flags, turn["start_ms"], turn["end_ms"])
        assert abs(first - turn["start_ms"]) <= ONSET_MS
        assert abs(last - turn["end_ms"]) <= PLACE_MS


def test_the_call_can_be_shown_afterwards(told: dict[str, Any], tmp_path: Path) -> None:
    data = str(Path(told["files"]["record"]).parents[2])
    kept = {"BRIDGE_DATA": data, "BRIDGE_ADMIN_PORT": "9"}
    shown = run(tmp_path, "calls", "show", "last", env=kept)
    assert shown.returncode == 0
    assert told["call"]["id"] in shown.stdout
    assert "| not heard: '" in shown.stdout
    again = run(tmp_path, "calls", "show", "--json", env=kept)
    assert document(again) == told["call"]
