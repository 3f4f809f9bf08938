"""People follow calls while they last, and the calls do not notice."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path
from typing import Any

from agent_world import HELLO, LONG, run, script
from house_world import House

from bridge.agents.agent import Agent
from bridge.audio.kept import ulaw_to_kept
from bridge.call import facts
from bridge.live.audience import QUEUE, Block, Listener
from bridge.live.session import CallSession
from bridge.sim.script import Interrupt, Listen, Say, Wait
from bridge.sim.twilio.call import SimCall
from bridge.store.folder import RECORDING

AGENT = Agent("desk", instructions="Answer.", greeting="Hello.")
SCORE = (Listen(), Say(HELLO), Interrupt(2.0, "Sorry?"), Listen(), Wait(1.0))
TOLD = {"name": "told", "say": LONG}


async def live(world: House) -> CallSession:
    while not world.app.services.switchboard.live:  # noqa: ASYNC110 - virtual time
        await asyncio.sleep(0.0005)  # it shall be known before its phone is attached
    return world.app.services.switchboard.live[0]


async def heard_by(listener: Listener) -> list[Block]:
    blocks: list[Block] = []
    while (block := await listener.block()) is not None:
        blocks.append(block)
    return blocks


def test_a_listener_hears_what_is_recorded(tmp_path: Path) -> None:
    blocks: list[Block] = []

    async def also(world: House, call: SimCall) -> None:
        session = await live(world)
        with world.app.services.audience.listens(session) as listener:
            assert world.app.services.audience.listeners(session) == 1
            blocks.extend(await heard_by(listener))
            assert listener.dropped == 0

    world, _ = run(tmp_path, SCORE, AGENT, script(tmp_path, TOLD, TOLD), also)
    rate, channels, samples = recording(world)
    assert (rate, channels) == (8000, 2)
    assert [block.at_ms for block in blocks] == list(range(0, 100 * len(blocks), 100)), "no gap"
    left = b"".join(ulaw_to_kept(block.caller) for block in blocks)
    right = b"".join(ulaw_to_kept(block.agent) for block in blocks)
    assert len(blocks) > 80
    assert left == samples[0][: len(left)], "the caller's side, to the sample"
    assert right == samples[1][: len(right)], "the agent's side as it was heard, interruption and all"
    assert any(right), "and it is not silence"


def recording(world: House) -> tuple[int, int, tuple[bytes, bytes]]:
    path = world.app.services.folders.path(world.records()[0]["id"]) / RECORDING
    with wave.open(str(path)) as file:
        frames = file.readframes(file.getnframes())
        pairs = [frames[at : at + 4] for at in range(0, len(frames), 4)]
        sides = b"".join(p[:2] for p in pairs), b"".join(p[2:] for p in pairs)
        return file.getframerate(), file.getnchannels(), sides


def test_who_comes_in_the_middle_of_a_call_that_is_not_recorded_leaves_nothing_behind(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    async def also(world: House, call: SimCall) -> None:
        session = await live(world)
        assert session.recorder is None
        await asyncio.sleep(5.0)
        with world.app.services.audience.listens(session) as listener:
            seen["blocks"] = [await listener.block() for _ in range(60)]
            seen["tap"] = session.recorder
        seen["after"] = session.recorder

    world, _ = run(tmp_path, SCORE, AGENT, script(tmp_path, TOLD, TOLD), also, record="off")
    assert seen["tap"] is not None and seen["after"] is None
    first = seen["blocks"][0].at_ms
    assert 4_000 < first < 5_100, "on the call's own clock"
    assert any(set(block.agent) - {255} for block in seen["blocks"]), "the agent is heard"
    assert any(set(block.caller) - {255} for block in seen["blocks"])
    assert not (world.app.services.folders.path(world.records()[0]["id"]) / RECORDING).exists()


def test_a_listener_who_does_not_listen_loses_the_oldest_and_nobody_waits(tmp_path: Path) -> None:
    async def also(world: House, call: SimCall) -> None:
        session = await live(world)
        audience = world.app.services.audience
        with audience.listens(session) as slow, audience.listens(session) as quick:
            blocks = await heard_by(quick)
            assert quick.dropped == 0
            assert slow.dropped > 50
            assert len(await heard_by(slow)) == QUEUE - 1, "the newest, and the end"
            assert len(blocks) > 80

    world, _ = run(tmp_path, SCORE, AGENT, script(tmp_path, TOLD, TOLD), also)
    assert world.records()[0]["turns"] >= 4


def test_words_are_told_as_they_come_only_while_somebody_reads(tmp_path: Path) -> None:
    told: list[facts.Fact] = []
    counts: list[int] = []

    def words() -> int:
        return sum(isinstance(fact, facts.WordsSaid) for fact in told)

    async def also(world: House, call: SimCall) -> None:
        session = await live(world)
        session.subscribers.append(told.append)
        await world.until(lambda: any(isinstance(fact, facts.AgentSaid) for fact in told))
        counts.append(words())
        with world.app.services.audience.reads(session):
            await world.until(lambda: sum(isinstance(fact, facts.AgentSaid) for fact in told) == 2)
            counts.append(words())
        await call.ended()
        counts.append(words())

    run(tmp_path, (*SCORE, Say(HELLO), Listen()), AGENT, script(tmp_path, TOLD, TOLD, TOLD), also)
    assert counts[0] == 0
    assert counts[1] > 5
    assert counts[2] == counts[1], "nobody reads any more"


def test_an_audience_outlives_no_call(tmp_path: Path) -> None:
    async def also(world: House, call: SimCall) -> None:
        session = await live(world)
        audience = world.app.services.audience
        with audience.reads(session), audience.listens(session):
            await call.ended()
            await world.written()
        with audience.listens(session) as late:
            assert await late.block() is None
        await asyncio.sleep(0.1)
        assert audience._calls == {}

    run(tmp_path, (Listen(), Wait(1.0)), AGENT, script(tmp_path, TOLD), also)
