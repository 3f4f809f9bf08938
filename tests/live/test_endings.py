"""However a call ends: one final record with the true reason, a playable recording, nothing left open."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from house_world import House, house

from bridge.agents.agent import Agent
from bridge.sim import loop
from bridge.sim.model import ModelOptions
from bridge.sim.network import Network
from bridge.sim.script import DEMO, HangUp, Listen, Say, Wait
from bridge.sim.twilio import mischief
from bridge.sim.twilio.call import SimCall
from bridge.sim.twilio.stream import StreamOptions

HELLO = (Listen(), Say("Hello. What are your opening hours?"), Wait(4.0))


def engine(*faults: str, **options: Any) -> ModelOptions:
    return ModelOptions(ears="energy", keep=True, faults=faults, **options)


def playable_ms(world: House) -> float:
    path = world.data / "calls" / world.records()[0]["id"] / "recording.wav"
    with wave.open(str(path)) as file:
        return file.getnframes() / 8


def run(data: Path, score: tuple[Any, ...], **options: Any) -> tuple[House, SimCall]:
    async def story() -> tuple[House, SimCall]:
        async with house(data, **options) as world:
            call = await world.ring(score)
            await call.ended()
            await world.written()
            await asyncio.sleep(8)  # whatever would still be told by REST has been told
        return world, call

    return loop.run(story())


@pytest.mark.parametrize("fault", ["close:1011@response2+0.2", "drop@response2+0.2", "close:1001@response2+0.2"])
def test_model_socket_dies_in_mid_word(tmp_path: Path, fault: str) -> None:
    world, call = run(tmp_path, (*HELLO, Wait(20.0)), model=engine(fault))
    record = world.records()[0]
    assert (record["end_reason"], record["ended_by"]) == ("model_failed", "model")
    assert "closed the connection" in record["error"]
    assert playable_ms(world) > 4_000
    assert world.told(call, "We are sorry"), "the caller hears an apology"


def test_caller_hangs_up_in_mid_word(tmp_path: Path) -> None:
    world, _ = run(tmp_path, (*HELLO, HangUp()))
    record = world.records()[0]
    assert (record["end_reason"], record["ended_by"]) == ("caller_hung_up", "caller")
    last = [t for t in world.transcript() if t["role"] == "agent"][-1]
    assert last["cut"]
    assert 0 < last["heard_ms"] < last["length_ms"]
    assert world.session.close == (1000, "")
    assert playable_ms(world) > 4_000


@pytest.mark.parametrize("way", [Network.cut, Network.reset])
def test_the_phones_socket_dies_in_mid_word(tmp_path: Path, way: Callable[[Network], None]) -> None:
    async def story() -> tuple[House, SimCall]:
        async with house(tmp_path, networked=True, carrier={"status_path": ""}) as world:
            call = await world.ring((*HELLO, Wait(20.0)))
            await world.until(lambda: len(world.model.sessions) == 1 and call.phone.agent_speaking)
            await asyncio.sleep(1.0)
            way(world.between)
            await world.between.stop()  # and nobody reaches us any more
            await world.written()
        return world, call

    world, _ = loop.run(story())
    record = world.records()[0]
    assert (record["end_reason"], record["ended_by"]) == ("phone_lost", "carrier")
    assert playable_ms(world) > 1_000
    assert world.session.close == (1000, "")


def test_a_lost_stream_that_the_carrier_asks_about_is_the_same_call_again(tmp_path: Path) -> None:
    async def story() -> tuple[House, SimCall]:
        async with house(tmp_path, networked=True) as world:
            call = await world.ring((*DEMO[:-1], Wait(20.0)))
            await world.until(lambda: call.phone.agent_speaking)
            await asyncio.sleep(1.0)
            world.between.cut()
            await call.ended()
            await world.written()
        return world, call

    world, call = loop.run(story())
    assert len(call.streams) == 2, "a new leg of the same call"
    assert len(world.records()) == 1
    assert len(world.model.sessions) == 1, "with the same session of the model"
    assert world.records()[0]["end_reason"] == "agent_hung_up"


def test_no_stop_and_a_closed_socket_is_a_lost_phone(tmp_path: Path) -> None:
    options = StreamOptions(mischief=mischief.without("stop"))
    world, _ = run(tmp_path, (*HELLO, HangUp()), carrier={"stream": options, "status_path": ""})
    record = world.records()[0]
    assert record["end_reason"] == "phone_lost"
    assert record["ended_by"] == "carrier"
    assert world.session.close == (1000, "")


def test_silence_ends_a_call_with_words(tmp_path: Path) -> None:
    world, call = run(tmp_path, (Listen(), Wait(200.0)))
    record = world.records()[0]
    assert (record["end_reason"], record["ended_by"]) == ("silence", "bridge")
    assert call.end_reason != "carrier"
    assert 120 < call.duration_s < 150


def test_the_longest_call_ends_with_words(tmp_path: Path) -> None:
    agent = Agent("short", "Be brief.", greeting="Hello.", max_minutes=0.5)
    world, call = run(tmp_path, (Listen(), Wait(200.0)), agent=agent)
    assert world.records()[0]["end_reason"] == "max_duration"
    assert 30 < call.duration_s < 45


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (("refuse:401",), "OPENAI_API_KEY"),
        (("refuse:503",), "503"),
        (("key",), "API key"),
        (("format",), "audio format"),
        (("noupdate",), "not ready in time"),
        (("fail:insufficient_quota@response1",), "quota"),
    ],
)
def test_a_model_that_cannot_serve_is_an_apology_and_not_silence(
    tmp_path: Path, faults: tuple[str, ...], words: str
) -> None:
    world, call = run(tmp_path, (Wait(60.0),), model=engine(*faults))
    record = world.records()[0]
    assert record["end_reason"] == "model_failed"
    assert words in record["error"]
    assert call.duration_s < 20
    assert world.told(call, "We are sorry")


def test_one_failed_response_is_asked_for_again(tmp_path: Path) -> None:
    world, call = run(tmp_path, DEMO, model=engine("fail:server_error@response2"))
    assert world.records()[0]["end_reason"] == "agent_hung_up"
    assert call.problems == []
    assert [a.status for a in world.session.answers][:3] == ["completed", "failed", "completed"]


def test_strange_model_messages_end_nothing(tmp_path: Path) -> None:
    world, call = run(tmp_path, DEMO, model=engine("garbage@start+1", "unknown@start+2"))
    assert world.records()[0]["end_reason"] == "agent_hung_up"
    assert call.problems == []


def test_a_transfer_hands_the_caller_over_when_all_is_heard(tmp_path: Path) -> None:
    from dataclasses import replace

    from bridge.agents.library import load_agent

    agent = replace(load_agent(""), transfer_to="+14155550177")
    score = (Listen(), Say("I want to speak to a person please."), Wait(30.0), HangUp())
    world, call = run(tmp_path, score, agent=agent, model=ModelOptions(ears="auto", keep=True))
    if world.records()[0]["end_reason"] == "silence":
        pytest.skip("no ears for words here")
    record = world.records()[0]
    if not any(t.get("tool") == "transfer_to_person" for t in world.transcript()):
        pytest.skip("the ears of this machine understood something else")
    assert (record["end_reason"], record["ended_by"]) == ("transferred", "agent")
    assert world.told(call, "+14155550177</Number>")


def test_a_killed_process_leaves_a_record_that_the_next_start_closes(tmp_path: Path) -> None:
    async def first() -> str:
        async with house(tmp_path) as world:
            await world.ring(HELLO)
            await world.until(lambda: bool(world.app.services.switchboard.live))
            await asyncio.sleep(6)
            await world.app.services.disk.drained()
            kept = world.app.services.folders.read(world.app.services.folders.ids()[0])
            assert kept["ended_at"] is None, "the record was there from the first moment"
            return str(kept["id"])

    call_id = loop.run(first())
    # What a SIGKILL leaves is the record as it stood then.
    from bridge.store.folder import CallFolders

    folders = CallFolders(tmp_path)
    folders.write(call_id, folders.read(call_id) | {"ended_at": None, "end_reason": None})

    async def second() -> None:
        async with house(tmp_path):
            pass

    loop.run(second())
    record = folders.read(call_id)
    assert (record["end_reason"], record["ended_by"]) == ("crashed", "bridge")
