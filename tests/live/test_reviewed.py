"""Stories of faults that were found by reading: each was seen to fail before it was mended."""

from __future__ import annotations

import asyncio
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from house_world import House, house

from bridge.agents.agent import Agent
from bridge.agents.library import load_agent
from bridge.call import events as ev
from bridge.sim import loop
from bridge.sim.party import Party
from bridge.sim.script import HangUp, Listen, Say, Wait
from bridge.sim.twilio.call import SimCall


def run(data: Path, act: Any, score: tuple[Any, ...], **options: Any) -> tuple[House, SimCall]:
    async def story() -> tuple[House, SimCall]:
        async with house(data, **options) as world:
            call = await world.ring(score)
            await world.until(lambda: call.phone.agent_speaking)
            await asyncio.sleep(5)
            await act(world, call)
            await call.ended()
            await world.written()
        return world, call

    return loop.run(story())


def live(world: House) -> Any:
    (session,) = world.app.services.switchboard.live
    return session


def test_a_long_transfer_ends_without_an_error(tmp_path: Path) -> None:
    async def act(world: House, call: SimCall) -> None:
        live(world).handle(ev.TransferAsked("+14155550177"))

    person = {"directory": lambda number: Party(after_s=2.0)}
    world, call = run(tmp_path, act, (Listen(), Wait(90.0), HangUp()), carrier=person)
    assert world.records()[0]["end_reason"] == "transferred"
    assert world.told(call, "+14155550177</Number>")
    assert [p.code for p in call.problems] == []


def test_a_sip_address_is_dialled_as_one(tmp_path: Path) -> None:
    async def act(world: House, call: SimCall) -> None:
        live(world).handle(ev.TransferAsked("sip:desk@example.com"))

    world, call = run(tmp_path, act, (Listen(), Wait(20.0), HangUp()))
    assert world.told(call, ">sip:desk@example.com</Sip>")
    assert not world.told(call, "</Number>")


def test_the_recording_stays_in_step_over_a_second_leg(tmp_path: Path) -> None:
    async def act(world: House, call: SimCall) -> None:
        live(world).handle(ev.DigitsAsked("ww1234"))
        await asyncio.sleep(8)
        call.phone.hang_up()

    world, call = run(tmp_path, act, (Listen(), Wait(60.0)))
    assert len(call.streams) == 2
    path = world.data / "calls" / world.records()[0]["id"] / "recording.wav"
    with wave.open(str(path)) as file:
        recorded_ms = file.getnframes() / 8
    ended = next(f for f in world.timeline() if f.get("fact") == "CallEnded")
    assert recorded_ms == pytest.approx(ended["at_ms"], abs=120)


def test_keys_that_take_long_do_not_lose_the_call(tmp_path: Path) -> None:
    async def act(world: House, call: SimCall) -> None:
        live(world).handle(ev.DigitsAsked("w" * 24 + "1"))
        await asyncio.sleep(20)
        call.phone.hang_up()

    world, call = run(tmp_path, act, (Listen(), Wait(60.0)))
    assert len(call.streams) == 2
    assert world.records()[0]["end_reason"] == "caller_hung_up"


def test_a_tool_that_returns_in_mid_sentence_waits_for_the_caller(tmp_path: Path) -> None:
    from bridge.tools.function import tool

    @tool
    async def opening_hours(day: str = "") -> str:
        """Opening hours."""
        await asyncio.sleep(4)
        return "Always."

    agent: Agent = replace(load_agent(""), tools=(opening_hours,))
    sentence = "I want to speak to a person please."
    score = (Listen(), Say("Hello. What are your opening hours?"), Wait(2.5), Say(sentence), Wait(15.0), HangUp())
    world, _ = run(tmp_path, lambda world, call: asyncio.sleep(0), score, agent=agent)
    turns = world.transcript()
    spoken = [(t["start_ms"], t["end_ms"]) for t in turns if t["role"] == "caller"]
    for turn in turns:
        if turn["role"] == "agent":
            assert not any(start + 100 < turn["start_ms"] < end - 100 for start, end in spoken), turn


def test_shutting_down_is_said_to_the_carrier_and_written_as_what_it_was(tmp_path: Path) -> None:
    async def act(world: House, call: SimCall) -> None:
        switchboard = world.app.services.switchboard
        await switchboard.end_all(2.0)
        await switchboard.asked(3.0)

    world, call = run(tmp_path, act, (Listen(), Wait(60.0)))
    assert (world.records()[0]["end_reason"], world.records()[0]["ended_by"]) == ("shutdown", "bridge")
    assert world.told(call, "We are sorry") or world.told(call, "<Hangup")
    assert [p.code for p in call.problems] == []


def test_a_lost_last_mark_does_not_switch_the_silence_limit_off(tmp_path: Path) -> None:
    from bridge.sim.twilio import mischief
    from bridge.sim.twilio.stream import StreamOptions

    options = {"stream": StreamOptions(mischief=mischief.without("mark"))}
    act = lambda world, call: asyncio.sleep(0)  # noqa: E731
    world, _ = run(tmp_path, act, (Listen(), Wait(300.0)), carrier=options)
    assert world.records()[0]["end_reason"] == "silence"
