"""One phone call from the first webhook to the last mark, through every room, in virtual time."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path
from typing import Any

import pytest
from house_world import House, house

from bridge.audio.level import rms_dbfs
from bridge.live.blackbox import replay
from bridge.sim import loop
from bridge.sim.script import DEMO
from bridge.sim.twilio.call import SimCall

HOURS = "We are open from Monday to Friday"


async def demo_call(data: Path, **changes: Any) -> tuple[House, SimCall]:
    async with house(data, **changes) as world:
        call = await world.ring(DEMO)
        await call.ended()
        await world.written()
    return world, call


@pytest.mark.parametrize("dialect", ["ga", "beta"])
@pytest.mark.parametrize("audio", ["pcmu", "pcm"])
def test_the_demo_call(tmp_path: Path, audio: str, dialect: str) -> None:
    world, call = loop.run(demo_call(tmp_path, realtime_audio=audio, realtime_dialect=dialect))
    assert call.problems == []
    assert call.status == "completed"
    record = world.records()[0]
    assert (record["end_reason"], record["ended_by"]) == ("agent_hung_up", "agent")
    assert record["answered_at"] < record["ended_at"]
    turns = world.transcript()
    assert turns[0]["role"] == "agent"
    assert turns[0]["text"] == "Thanks for calling Harbour Lane Books. How can I help you?"
    assert [t["tool"] for t in turns if t["role"] == "tool"] == ["opening_hours", "order_status", "hang_up"]
    assert [t["text"] for t in turns if t["role"] == "keys"] == ["4271"]
    assert turns[-1]["role"] == "tool" or turns[-1]["text"].endswith("Goodbye!")
    cut = [t for t in turns if t.get("cut")]
    assert len(cut) == 1
    assert cut[0]["text"].startswith(HOURS)
    assert HOURS.startswith(cut[0]["heard_text"][: len(HOURS)])
    assert 2_000 < cut[0]["heard_ms"] < 3_600 < cut[0]["length_ms"]
    assert world.session.dialect == dialect
    assert world.session.problems == [], "the engine refused nothing that we sent"
    assert world.session.close is not None


@pytest.mark.parametrize("audio", ["pcmu", "pcm"])
def test_the_demo_call_under_a_server_without_a_lane(tmp_path: Path, audio: str) -> None:
    world, call = loop.run(demo_call(tmp_path, realtime_audio=audio, lane=False))
    assert call.problems == []
    assert world.records()[0]["end_reason"] == "agent_hung_up"
    assert sum(bool(t.get("cut")) for t in world.transcript()) == 1


def test_what_was_truncated_is_what_the_phone_had_played(tmp_path: Path) -> None:
    world, call = loop.run(demo_call(tmp_path))
    cut = next(t for t in world.transcript() if t.get("cut"))
    truncation = world.session.truncations[0]
    assert truncation.audio_end_ms == cut["heard_ms"]
    # The phone's own tape: the stretch that begins with the answer ends where the clear came.
    began = (call.heard.began_s or 0.0) + cut["start_ms"] / 1000
    stretch = min(call.heard.segments, key=lambda segment: abs(segment[0] - began))
    played_ms = len(stretch[1]) / 8
    assert played_ms - 25 <= truncation.audio_end_ms <= played_ms


def test_the_goodbye_is_heard_to_its_end(tmp_path: Path) -> None:
    world, call = loop.run(demo_call(tmp_path))
    goodbye = [t for t in world.transcript() if t["role"] == "agent"][-1]
    assert goodbye["text"] == "Thank you for calling. Goodbye!"
    assert not goodbye["cut"]
    assert goodbye["heard_ms"] == goodbye["length_ms"]
    last = call.heard.segments[-1][1]
    assert len(last) / 8 >= goodbye["length_ms"]


def test_the_recording_has_both_sides_where_the_transcript_says(tmp_path: Path) -> None:
    world, _ = loop.run(demo_call(tmp_path))
    path = tmp_path / "calls" / world.records()[0]["id"] / "recording.wav"
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        sound = file.readframes(file.getnframes())
    left, right = channel(sound, 0), channel(sound, 1)
    assert abs(len(left) / 16 - world.timeline()[-1]["at_ms"]) < 200
    for turn in world.transcript():
        begin, end = turn["start_ms"], turn["end_ms"]
        if turn["role"] == "agent":
            assert rms_dbfs(cut(right, begin + 150, end - 150)) > -45, turn
            assert rms_dbfs(cut(right, begin - 60, begin)) < -60, "silence before the turn"
        elif turn["role"] == "caller":
            assert rms_dbfs(cut(left, begin, end)) > -45, turn


def channel(sound: bytes, index: int) -> bytes:
    return b"".join(sound[at : at + 2] for at in range(2 * index, len(sound), 4))


def cut(side: bytes, begin_ms: float, end_ms: float) -> bytes:
    return side[max(0, int(begin_ms * 8)) * 2 : max(0, int(end_ms * 8)) * 2]


def test_a_replay_of_the_black_box_gives_the_same_decisions(tmp_path: Path) -> None:
    world, _ = loop.run(demo_call(tmp_path))
    record = world.records()[0]
    commands = [c for _, some in replay(tmp_path / "calls" / record["id"] / "blackbox.jsonl") for c in some]
    names = [type(c).__name__ for c in commands]
    assert names[-1] == "End"
    assert commands[-1].reason == record["end_reason"]
    facts = [f["fact"] for f in world.timeline() if "fact" in f]
    replayed = [type(c.fact).__name__ for c in commands if type(c).__name__ == "Publish"]
    assert replayed == facts[1:], "all facts but CallBegan, which the session tells"


def test_first_word_is_there_when_the_caller_is(tmp_path: Path) -> None:
    world, call = loop.run(demo_call(tmp_path))
    first_s = call.heard.segments[0][0] - (call.heard.began_s or 0.0)
    assert first_s < 0.3, "the model's socket was warm and the greeting asked for before the stream began"
    assert world.transcript()[0]["start_ms"] < 300


def test_two_calls_at_once_do_not_touch_each_other(tmp_path: Path) -> None:
    async def story() -> House:
        async with house(tmp_path) as world:
            calls = [await world.ring(DEMO) for _ in range(2)]
            await asyncio.gather(*(c.ended() for c in calls))
            await world.written()
            assert all(c.problems == [] for c in calls)
        return world

    world = loop.run(story())
    assert [r["end_reason"] for r in world.records()] == ["agent_hung_up"] * 2
    assert len({r["id"] for r in world.records()}) == 2
    for index in (0, 1):
        assert sum(t["role"] == "tool" for t in world.transcript(index)) == 3


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as world:
            before = len(asyncio.all_tasks())
            call = await world.ring(DEMO)
            await call.ended()
            await world.written()
            await asyncio.sleep(40)
            assert len(asyncio.all_tasks()) <= before
            assert world.app.services.switchboard.live == []

    loop.run(story())  # fails by itself when a task outlives the story
