"""A dialer that answers nothing, beside a server that does not dial: one database, two owners."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dialing_world import AGENT, campaign, dialing, over, person

from bridge.agents.team import Routing
from bridge.dialer.callers import AgentBook
from bridge.dialer.dialer import Desk, Dialer
from bridge.dialer.single import CallRequest
from bridge.sim import loop
from bridge.sim.party import Party


@asynccontextmanager
async def two(data: Path, does: dict[str, Any], after_s: float = 0.5) -> AsyncIterator[tuple[Any, Desk, Dialer]]:
    """A house that only answers, its desk, and a dialer of its own."""
    people = {"directory": lambda number: Party(does=does.get(number, "busy"), after_s=after_s)}
    async with dialing(data, dialer="off", carrier=people) as (world, desk):
        settings = replace(world.app.services.settings, dialer="on")
        control = world.app.services.carrier.control
        alone = Dialer(settings, AgentBook(Routing({}, AGENT)), control, None, lambda: desk.office.now)
        await alone.open_or_raise()
        try:
            yield world, desk, alone
        finally:
            await alone.close()


def test_a_dialer_alone_calls_whom_the_server_answers(tmp_path: Path) -> None:
    async def story() -> None:
        async with two(tmp_path, {"+14155550200": "answer"}) as (world, desk, alone):
            found = await campaign(desk, [person(n) for n in range(4)], attempts=1)
            await over(world, desk, found)
            outcomes = Counter(contact.outcome for contact in await desk.office.people(found))
            assert outcomes == {"busy": 3, "silence": 1}
            assert alone.desk is not None
            owners = {attempt.owner for attempt in await desk.office.attempts(found)}
            assert owners == {alone.desk.ledger.owner} != {desk.ledger.owner}
            assert set(Counter(call.to for call in world.carrier.calls.values()).values()) == {1}

    loop.run(story())


def test_whoever_picks_up_hears_something_though_the_database_is_away(tmp_path: Path) -> None:
    """The server never knew of this call: only the database could tell it what to say."""

    async def story() -> None:
        people = {"+14155550200": "answer"}
        async with two(tmp_path, people, after_s=4.0) as (world, desk, _):
            await campaign(desk, [person(0)], attempts=1)
            await world.until(lambda: len(world.carrier.calls) == 1)
            (call,) = world.carrier.calls.values()
            await asyncio.sleep(2.0)
            (tmp_path / "callbridge.db").rename(tmp_path / "away")
            await world.until(lambda: call.answered_at is not None)
            await asyncio.sleep(10.0)
            (tmp_path / "away").rename(tmp_path / "callbridge.db")
            (asked,) = [exchange for exchange in call.webhooks if "/twilio/voice/" in exchange.url]
            assert asked.status == 200 and b"We are sorry" in asked.body
            rest = {exchange.status for exchange in call.webhooks} - {200, 204}
            assert rest <= {503}, "nobody is told that a good token is unknown"

    loop.run(story())


def test_its_breaker_knows_of_calls_that_it_does_not_hear(tmp_path: Path) -> None:
    async def story() -> None:
        does = {f"+1415555{200 + n:04d}": "answer" for n in range(60)}
        async with two(tmp_path, does) as (world, desk, _):
            world.app.services.switchboard.draining = True  # whoever is answered is abandoned
            found = await campaign(desk, [person(n) for n in range(60)], attempts=1, concurrency=2)
            await over(world, desk, found)
            stopped = await desk.office.find(found)
            assert (stopped.state, stopped.reason) == ("paused", "too many of the last calls failed")
            assert len(world.carrier.calls) < 20

    loop.run(story())


def test_a_server_that_does_not_dial_places_single_calls_all_the_same(tmp_path: Path) -> None:
    async def story() -> None:
        async with two(tmp_path, {}) as (world, desk, _):
            placed = await desk.single.place(CallRequest(to="+14155550200"))
            await world.until(lambda: len(world.carrier.calls) == 1)
            await over_single(world, desk, placed.attempt.id)

    async def over_single(world: Any, desk: Desk, attempt_id: str) -> None:
        import asyncio

        async with asyncio.timeout(60):
            while True:
                found = await desk.single.get(attempt_id)
                assert found is not None
                if found.state == "closed":
                    break
                await asyncio.sleep(0.5)
        assert found.outcome == "busy"

    loop.run(story())
