"""Whole calls and campaigns: what the outside hears of them, in which order, and what it does not."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from agent_world import HELLO, LONG, script
from dialing_world import campaign, dialing, over, person
from house_world import House, house
from receiver import Receiver, receiver

from bridge.agents.agent import Agent
from bridge.agents.analysis import Analysis
from bridge.notify.signature import new_secret
from bridge.sim import loop
from bridge.sim.party import Party
from bridge.sim.script import HangUp, Listen, Say

SECRET = new_secret()


def told(there: Receiver) -> dict[str, dict]:  # type: ignore[type-arg]
    return {got.type: got.json["data"] for got in there.got}


def test_a_call_is_told_from_its_ring_to_its_analysis_without_a_word_of_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with receiver() as there:
            agent = Agent("desk", instructions="Answer.", greeting="Hello.", analysis=Analysis())
            options = {"webhook_url": there.url, "webhook_secret": SECRET, "public_url": "http://127.0.0.1:1"}
            model = script(tmp_path, {"name": "a", "say": LONG})
            async with house(tmp_path / "data", agent=agent, model=model, **options) as world:  # type: ignore[arg-type]
                call = await world.ring((Listen(), Say(HELLO), Listen(), HangUp()))
                await call.ended()
                await world.written()
                await asyncio.sleep(5)
                assert there.types()[:2] == ["call.started", "call.answered"]
                found = told(there)
                assert found.keys() == {"call.started", "call.answered", "call.completed", "call.analyzed"}
                assert found["call.analyzed"]["analysis"]
                ended = found["call.completed"]
                assert (ended["from"], ended["end_reason"], ended["agent"]) == (
                    "+14155550123",
                    "caller_hung_up",
                    "desk",
                )
                assert ended["path"] == f"/api/v1/calls/{ended['id']}"
                for got in there.got:
                    assert "open from Monday" not in got.body and "transcript" not in got.body

    loop.run(story())


def test_a_campaign_is_told_from_its_start_to_its_end_with_everybody_in_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with receiver() as there:
            options = {"webhook_url": there.url, "webhook_secret": SECRET, "public_url": "http://127.0.0.1:1"}
            people = {"directory": lambda number: Party(does="busy") if number.endswith("1") else Party()}
            async with dialing(tmp_path, carrier=people, **options) as (world, desk):
                made = await campaign(desk, [person(1), person(2)], attempts=1)
                await asyncio.sleep(1)
                await desk.office.move(made, "pause", "tests", reason="lunch")
                await desk.office.move(made, "resume", "tests")
                await over(world, desk, made)
                await asyncio.sleep(10)
                types = there.types()
                assert types.count("campaign.started") == 2 and types.count("campaign.paused") == 1
                assert types.count("campaign.done") == 1
                done = [got.json["data"] for got in there.got if got.type == "contact.done"]
                assert {one["phone"] for one in done} == {"+14155550201", "+14155550202"}
                assert types.count("call.failed") >= 1

    loop.run(story())


def test_who_wants_no_more_calls_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with receiver() as there:
            options = {"webhook_url": there.url, "webhook_secret": SECRET, "public_url": "http://127.0.0.1:1"}
            async with house(tmp_path, **options) as world:
                await opt_out(world)
                await asyncio.sleep(5)
                assert [got.json["data"]["phone"] for got in there.got] == ["+14155550177"]
                assert there.types() == ["contact.opted_out"]

    loop.run(story())


async def opt_out(world: House) -> None:
    from bridge.store.base import DoNotCall
    from bridge.store.do_not_call import DoNotCallList

    listed = DoNotCallList(world.app.services.db)
    now = time.time()
    assert await listed.add(DoNotCall("+14155550177", now, "call", "they said so"))
    assert not await listed.add(DoNotCall("+14155550177", now, "call", "again"))
    assert await listed.add(DoNotCall("+14155550178", now, "import", "a list"))
