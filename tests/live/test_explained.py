"""Calls that go wrong, each in its own way, and what is said about them: from real calls of the whole house."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from agent_world import HELLO, LONG, run, script
from house_world import House

from bridge.agents.agent import Agent
from bridge.observe.explain import Explained
from bridge.observe.papers import Papers, read_papers
from bridge.sim.model import ModelOptions
from bridge.sim.script import DEMO, HangUp, Listen, Noise, Say, Wait
from bridge.sim.twilio.call import SimCall
from bridge.sim.twilio.mischief import without
from bridge.sim.twilio.stream import StreamOptions
from bridge.tools.function import tool

ASKS = (Listen(), Say(HELLO), Listen(), HangUp())


@tool
async def opening_hours() -> str:
    """When are we open?"""
    return "nine to six"


@tool
async def slow_hours() -> str:
    """When are we open?"""
    await asyncio.sleep(5)
    return "nine to six"


@tool
async def broken_hours() -> str:
    """When are we open?"""
    raise RuntimeError("the calendar is on fire")


def agent(*tools: Any) -> Agent:
    return Agent("reception", instructions="Answer.", greeting="Hello.", tools=list(tools))


def said(words: str) -> dict[str, Any]:
    return {"name": words, "say": words}


def calling(name: str) -> dict[str, Any]:
    return {"name": name, "call": name}


def papers(world: House) -> Papers:
    return read_papers(world.app.services.folders, world.records()[0]["id"])


def explained(world: House) -> Explained:
    return papers(world).explained


def rules(of: Explained) -> list[str]:
    return [finding.rule for finding in of.findings]


def answering(folder: Path, **options: Any) -> ModelOptions:
    made = script(folder, said("We are open from nine to six."))
    return ModelOptions(**({"ears": "energy", "keep": True, "script": made.script} | options))


@pytest.mark.parametrize("audio", ["pcmu", "pcm"])
def test_a_healthy_call_has_no_finding(tmp_path: Path, audio: str) -> None:
    from bridge.agents.library import load_agent

    world, _ = run(tmp_path, DEMO, load_agent(""), realtime_audio=audio)
    found = explained(world)
    assert found.findings == ()
    assert found.ending == "The agent said goodbye and hung up."


def test_the_moments_of_a_wait_are_in_order_and_those_of_the_wire(tmp_path: Path) -> None:
    world, call = run(tmp_path, ASKS, agent(), answering(tmp_path))
    story = papers(world).story
    assert len(story.waits) == 1
    wait = story.waits[0]
    moments = [wait.stopped_ms, wait.noticed_ms, wait.first_audio_ms, wait.first_frame_ms, wait.heard_ms]
    assert moments == sorted(moments)
    assert wait.legs["turn_detection"] == pytest.approx(500, abs=30), "the engine waits for half a second of silence"
    assert wait.legs["model"] == pytest.approx(100, abs=30), "and thinks for a tenth"
    # The phone's own tape knows when it heard the answer begin.
    began = call.heard.began_s or 0.0
    heard = [round((at - began) * 1000) for at, _ in call.heard.segments]
    assert min(abs(at - wait.heard_ms) for at in heard) <= 25
    turn = next(t for t in world.transcript() if t["role"] == "agent" and t["latency_ms"] >= 0)
    assert abs(wait.first_frame_ms - wait.stopped_ms - turn["latency_ms"]) <= 5


def test_the_model_refuses_by_its_limits(tmp_path: Path) -> None:
    world, _ = run(tmp_path, ASKS, agent(), answering(tmp_path, faults=("fail:rate_limit_exceeded@response2",)))
    assert "rate_limited" in rules(explained(world))


def test_a_response_fails(tmp_path: Path) -> None:
    world, _ = run(tmp_path, ASKS, agent(), answering(tmp_path, faults=("fail:server_error@response2",)))
    assert "response_failed" in rules(explained(world))


def test_the_model_goes_away(tmp_path: Path) -> None:
    world, _ = run(tmp_path, ASKS, agent(), answering(tmp_path, faults=("close:1011@response2+0.1",)))
    found = explained(world)
    assert rules(found)[0] == "model_lost"
    assert "1011" in found.findings[0].sentence


def test_the_model_answers_in_another_format(tmp_path: Path) -> None:
    world, _ = run(tmp_path, ASKS, agent(), answering(tmp_path, faults=("format",)))
    found = explained(world)
    assert "wrong_format" in rules(found)
    sentence = next(f.sentence for f in found.findings if f.rule == "wrong_format")
    assert "audio/pcmu" in sentence


def test_a_slow_model_is_named_as_the_slow_leg(tmp_path: Path) -> None:
    world, _ = run(tmp_path, ASKS, agent(), answering(tmp_path, latency_ms=1900))
    slow = next(f for f in explained(world).findings if f.rule == "slow_turn")
    assert slow.evidence["leg"] == "model"
    assert "the model" in slow.sentence


def test_a_tool_that_fails_is_named_with_its_error(tmp_path: Path) -> None:
    model = script(tmp_path, calling("broken_hours"))
    world, _ = run(tmp_path, ASKS, agent(broken_hours), model)
    found = explained(world)
    assert "tool_failed" in rules(found)
    assert "broken_hours" in next(f.sentence for f in found.findings if f.rule == "tool_failed")


def test_a_tool_that_takes_its_time_is_named(tmp_path: Path) -> None:
    model = script(tmp_path, calling("slow_hours"))
    world, _ = run(tmp_path, ASKS, agent(slow_hours), model)
    found = explained(world)
    assert "tool_slow" in rules(found)
    assert next(f for f in found.findings if f.rule == "tool_slow").evidence["took_ms"][0] == pytest.approx(
        5000, abs=50
    )


def test_a_network_that_stalls_is_seen_as_a_gap_that_came_late(tmp_path: Path) -> None:
    async def stall(world: House, call: SimCall) -> None:
        await asyncio.sleep(3)
        world.between.freeze()
        await asyncio.sleep(1.5)
        world.between.thaw()

    score = (Listen(), Wait(6), HangUp())
    world, _ = run(tmp_path, score, agent(), answering(tmp_path), stall, networked=True)
    found = next(f for f in explained(world).findings if f.rule == "audio_gaps")
    assert found.evidence["gaps"][0]["length_ms"] == pytest.approx(1500, abs=80)
    assert found.evidence["lost_ms"] == 0


def test_frames_that_are_lost_for_good_are_said_to_be_lost(tmp_path: Path) -> None:
    def hole() -> Any:
        count = 0

        def drop(message: str) -> tuple[str, ...]:
            nonlocal count
            count += message.startswith('{"event":"media"')
            return () if 150 < count <= 200 and message.startswith('{"event":"media"') else (message,)

        return drop

    score = (Listen(), Wait(4), HangUp())
    options = {"carrier": {"stream": StreamOptions(mischief=hole)}}
    world, _ = run(tmp_path, score, agent(), answering(tmp_path), **options)
    found = next(f for f in explained(world).findings if f.rule == "audio_gaps")
    assert found.evidence["lost_ms"] == pytest.approx(1000, abs=40)
    assert len(found.evidence["gaps"]) == 1


def test_a_phone_that_confirms_nothing_has_not_heard_the_agent(tmp_path: Path) -> None:
    options = {"carrier": {"stream": StreamOptions(mischief=without("mark"))}}
    world, _ = run(tmp_path, (Wait(8), HangUp()), agent(), answering(tmp_path), **options)
    assert "agent_never_heard" in rules(explained(world))


def test_a_stream_without_sound_is_one_way(tmp_path: Path) -> None:
    options = {"carrier": {"stream": StreamOptions(mischief=without("media"))}}
    world, _ = run(tmp_path, (Wait(8), HangUp()), agent(), answering(tmp_path), **options)
    assert "caller_never_heard" in rules(explained(world))


def test_a_stream_that_breaks_is_named(tmp_path: Path) -> None:
    async def cut(world: House, call: SimCall) -> None:
        await asyncio.sleep(3)
        world.between.cut()

    world, _ = run(tmp_path, (Listen(), Wait(4), HangUp()), agent(), answering(tmp_path), cut, networked=True)
    assert "phone_lost" in rules(explained(world))


def test_a_noise_that_stops_the_agent_is_a_false_interruption(tmp_path: Path) -> None:
    score = (Listen(), Say(HELLO), Wait(2.5), Noise(0.2, -20), Wait(3), HangUp())
    model = script(tmp_path, said(LONG), said("Hm?"))
    world, _ = run(tmp_path, score, agent(), model)
    assert "false_interruption" in rules(explained(world))


def test_a_greeting_that_comes_late_is_named(tmp_path: Path) -> None:
    score = (Listen(patience_s=20), HangUp())
    world, _ = run(tmp_path, score, agent(), answering(tmp_path, faults=("late:3.5",)))
    found = next(f for f in explained(world).findings if f.rule == "late_greeting")
    assert found.evidence["greeting_ms"] > 3000


def test_a_caller_who_gets_no_answer_and_hangs_up(tmp_path: Path) -> None:
    score = (Listen(), Say(HELLO), Wait(6), HangUp())
    world, _ = run(tmp_path, score, agent(), answering(tmp_path, faults=("freeze@response2",)))
    found = next(f for f in explained(world).findings if f.rule == "no_answer")
    assert found.evidence["hung_up"]
    assert found.sentence.endswith("and hung up.")


def test_the_model_that_does_not_begin_is_asked_again_and_named(tmp_path: Path) -> None:
    model = answering(tmp_path, faults=("mute@response1",))
    world, _ = run(tmp_path, (Listen(patience_s=30), HangUp()), agent(), model)
    assert "model_silent" in rules(explained(world))


def test_nonsense_on_the_wire_is_counted(tmp_path: Path) -> None:
    world, _ = run(tmp_path, ASKS, agent(), answering(tmp_path, faults=("garbage@start+1",)))
    found = explained(world)
    assert rules(found) == ["not_understood"]
    assert "1 message of the model" in found.findings[0].sentence


def test_a_call_in_which_nobody_speaks_ends_by_silence(tmp_path: Path) -> None:
    quiet = agent()
    world, _ = run(tmp_path, (Wait(400),), quiet, answering(tmp_path))
    found = explained(world)
    assert "silence" in rules(found)
    assert "dead_air" in rules(found)


def test_the_same_call_is_explained_the_same(tmp_path: Path) -> None:
    world, _ = run(tmp_path, ASKS, agent(), answering(tmp_path, latency_ms=1900))
    assert explained(world).as_dict() == explained(world).as_dict()


def test_what_is_left_of_a_call_explains_as_much_as_it_can(tmp_path: Path) -> None:
    world, _ = run(tmp_path, ASKS, agent(), answering(tmp_path))
    place = tmp_path / "data" / "calls" / world.records()[0]["id"]
    whole = (place / "timeline.jsonl").read_bytes()
    for size in (0, 100, len(whole) // 2, len(whole) - 7):
        (place / "timeline.jsonl").write_bytes(whole[:size] + b'\n{"t":"x","fact":"AgentSaid"}\n[1]\n\xff')
        assert explained(world).ending == "The caller hung up."
    (place / "blackbox.jsonl").unlink()
    assert explained(world).ending == "The caller hung up."
