"""What the carrier says late, or not yet, of a call that is called off: nobody's phone rings twice for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from dialers_world import Day, Dialing, Listing, campaign, dialer
from test_next_dialer import until

from bridge.carriers.base import CallRef, Outcome
from bridge.dialer.evidence import Word
from bridge.dialer.office import Office
from bridge.sim import loop
from bridge.store import attempts
from bridge.store.database import Database

COUNT = 5
AGAIN = {"attempts": 3, "spacing_h": 0.01, "per_day": 5, "concurrency": COUNT, "cps": 50}
"""Whoever was called may be called again in less than a minute."""


@dataclass
class Slow(Listing):
    """It knows a call `behind_s` after it took it; and what is called off `rings` by then, of which it tells nobody."""

    behind_s: float = 0.0
    rings: str = ""
    began: list[str] = field(default_factory=list)
    """Of calls whose phones rang, to whom."""

    async def look_up(self, call: CallRef) -> Outcome | None:
        found = next(one for one in self.calls if one.id == call.carrier_call_id)
        return None if self.clock() - found.at < self.behind_s else await super().look_up(call)

    async def take_back(self, call: CallRef) -> bool:
        if self.rings:
            self.began.append(next(one.to for one in self.calls if one.id == call.carrier_call_id))
        return await super().take_back(call)


async def ordered(one: Dialing, carrier: Listing, seconds: float) -> None:
    one.begin()
    await until(lambda: len(carrier.calls) == COUNT)
    await asyncio.sleep(seconds)


async def end(one: Dialing) -> None:
    await one.stop()
    await one.proof.close()
    await one.db.close()


@pytest.mark.parametrize("paused_after_s", [0.3, 2.0])
def test_a_carrier_that_does_not_know_its_newest_calls_yet_has_not_lost_them(
    tmp_path: Path, paused_after_s: float
) -> None:
    async def story() -> None:
        day = Day(asyncio.get_running_loop())
        carrier = Slow(clock=day, behind_s=1.0)
        one = await dialer(await Database.open("", tmp_path), carrier, clock=day)
        office = Office(one.db, one.worker.wake, day)
        retry = {"failed": {"delay_h": 0.01, "most": 3}}
        found = await campaign(one.db, COUNT, day, **AGAIN, retry=retry)
        await ordered(one, carrier, paused_after_s)
        await office.move(found, "pause", "tests")
        await asyncio.sleep(15)
        assert {call.status for call in carrier.calls} == {"canceled"}
        ended = await one.db.read(attempts.of_campaign, found)
        assert {(a.state, a.outcome) for a in ended} == {("closed", "not_placed")}
        await office.move(found, "resume", "tests")
        await asyncio.sleep(120)
        waiting = Counter(call.to for call in carrier.calls if call.status == "queued")
        assert len(waiting) == COUNT and set(waiting.values()) == {1}, "one call for each of them"
        await end(one)

    loop.run(story())


def test_a_call_that_the_carrier_does_not_know_for_long_has_failed(tmp_path: Path) -> None:
    async def story() -> None:
        day = Day(asyncio.get_running_loop())
        carrier = Slow(clock=day, behind_s=1e9)
        one = await dialer(await Database.open("", tmp_path), carrier, clock=day)
        found = await campaign(one.db, COUNT, day, concurrency=COUNT, cps=50)
        await ordered(one, carrier, 1.0)
        await Office(one.db, one.worker.wake, day).move(found, "pause", "tests")
        await asyncio.sleep(one.ledger.patience.settle_s - 10)
        assert {a.state for a in await one.db.read(attempts.of_campaign, found)} == {"placed"}
        await asyncio.sleep(20)
        ended = await one.db.read(attempts.of_campaign, found)
        assert {(a.state, a.outcome) for a in ended} == {("closed", "failed")}
        await end(one)

    loop.run(story())


@pytest.mark.parametrize("word", ["ringing", "initiated"])
@pytest.mark.parametrize("late_s", [1.0, 25.0])
def test_a_late_word_that_it_rang_comes_before_anybody_is_called_again(
    tmp_path: Path, word: str, late_s: float
) -> None:
    """They rang while they were called off, and the carrier says so some seconds later."""

    async def story() -> None:
        day = Day(asyncio.get_running_loop())
        carrier = Slow(clock=day, rings=word)
        one = await dialer(await Database.open("", tmp_path), carrier, clock=day)
        office = Office(one.db, one.worker.wake, day)
        found = await campaign(one.db, COUNT, day, **{**AGAIN, "spacing_h": 0.5})
        await ordered(one, carrier, 1.0)
        await office.move(found, "pause", "tests")
        await until(lambda: len(carrier.began) == COUNT)
        await office.move(found, "resume", "tests")
        at = day()
        await asyncio.sleep(late_s)
        assert len(carrier.calls) == COUNT, "nobody is called while that may still be told"
        for call in list(carrier.calls):
            one.ledger.note(Word(token=call.token, at=at, carrier_call_id=call.id, status=word))
        await asyncio.sleep(600)
        assert len(carrier.calls) == COUNT
        ended = await one.db.read(attempts.of_campaign, found)
        assert {(a.state, a.outcome) for a in ended} == {("closed", "canceled")}, "it counts for spacing and caps"
        await asyncio.sleep(1800)
        assert set(Counter(call.to for call in carrier.calls).values()) == {2}
        await end(one)

    loop.run(story())


def test_what_has_left_the_queue_for_the_network_is_not_called_off(tmp_path: Path) -> None:
    async def story() -> None:
        day = Day(asyncio.get_running_loop())
        carrier = Slow(clock=day)
        one = await dialer(await Database.open("", tmp_path), carrier, clock=day)
        found = await campaign(one.db, COUNT, day, concurrency=COUNT, cps=50)
        await ordered(one, carrier, 1.0)
        for call in carrier.calls:
            call.status = "initiated"
        await Office(one.db, one.worker.wake, day).move(found, "pause", "tests")
        await asyncio.sleep(30)
        assert {call.status for call in carrier.calls} == {"initiated"}
        await end(one)

    loop.run(story())
