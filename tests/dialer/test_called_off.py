"""Calls that wait in the carrier's queue are taken back when nobody may be called any more, and nobody is called twice.

The carrier here begins one call in ten seconds while the dialer thinks that it begins fifty in one: what the dialer
orders stands in the carrier's queue for minutes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dialers_world import Day
from dialing_world import NOON, campaign, dialing, over, person
from house_world import House

from bridge.dialer.dialer import Desk
from bridge.sim import loop
from bridge.sim.party import Party
from bridge.sim.twilio.call import SimCall
from bridge.sim.twilio.weather import CallbackWeather, RestFault
from bridge.store import do_not_call
from bridge.store.base import DoNotCall

SLOW = 0.1
"""Calls per second of the carrier."""


def busy(number: str) -> Party:
    return Party(does="busy", after_s=1.0)


def slow(**more: Any) -> dict[str, Any]:
    return {"directory": busy, "calls_per_second": SLOW, **more}


def rang(world: House) -> list[SimCall]:
    """The calls whose phones rang, in order."""
    calls = [call for call in world.carrier.calls.values() if rang_s(call) is not None]
    return sorted(calls, key=lambda call: rang_s(call) or 0.0)


def rang_s(call: SimCall) -> float | None:
    """When its phone began to ring, by the loop's clock."""
    return next((m.at_s for m in call.timeline if (m.what, m.detail) == ("status", "ringing")), None)


def waiting(world: House) -> list[SimCall]:
    return [call for call in world.carrier.calls.values() if call.status == "queued"]


async def ordered(world: House, count: int) -> None:
    """Wait until so many orders stand at the carrier, with their answers written down."""
    await world.until(lambda: len(world.carrier.calls) >= count)
    await asyncio.sleep(0.5)


def loop_s(desk: Desk, moment: float) -> float:
    """A moment of the day by the loop's clock."""
    return moment - desk.office.now + asyncio.get_running_loop().time()


@pytest.mark.parametrize("lost", [0.0, 1.0])
def test_a_window_that_closes_takes_back_who_is_queued_and_all_are_called_next_day(tmp_path: Path, lost: float) -> None:
    """Also when the carrier's callbacks are lost, all of them: then it is asked what became of each."""

    async def story() -> None:
        carrier, day = slow(callbacks=CallbackWeather(lost=lost)), Day(asyncio.get_running_loop())
        async with dialing(tmp_path, carrier=carrier, clock=day) as (world, desk):
            people = [person(n) for n in range(22)]
            closing = desk.office.now + 60.0
            found = await campaign(desk, people, attempts=1, concurrency=30, window="09:00-12:01")
            await ordered(world, 22)
            assert len(waiting(world)) >= 20
            ends_s = loop_s(desk, closing)
            await asyncio.sleep(300.0)
            first = rang(world)
            assert 2 <= len(first) <= 6 and not waiting(world)
            assert all((rang_s(call) or 0.0) < ends_s for call in first), "none rings after the end"
            assert len(world.carrier.calls) == 22, "and none is ordered until the morning"
            taken = [a for a in await desk.office.attempts(found) if a.called_off]
            assert {(a.state, a.outcome, a.rang_at) for a in taken} == {("closed", "not_placed", None)}
            held = [c for c in await desk.office.people(found) if c.state == "waiting"]
            assert len(held) == 22 - len(first)
            assert {c.attempts for c in held} == {0}, "no attempt is used up"
            assert {c.due_at for c in held} == {NOON + 21 * 3600.0}, "the next morning, nine o'clock"
            day.off = 21 * 3600.0 - 300.0
            await over(world, desk, found)
            assert Counter(call.to for call in rang(world)) == Counter(p.phone for p in people), "each of them once"

    loop.run(story())


def test_nothing_is_ordered_so_late_that_it_would_be_taken_back_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with dialing(tmp_path, at=NOON - 10.0, carrier={"directory": busy}) as (world, desk):
            found = await campaign(desk, [person(0)], attempts=1, window="09:00-12:00")
            await asyncio.sleep(60.0)
            assert not world.carrier.calls
            (contact,) = await desk.office.people(found)
            assert (contact.state, contact.due_at) == ("waiting", NOON + 21 * 3600.0)

    loop.run(story())


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_a_pause_is_obeyed_by_those_who_wait_at_the_carrier(tmp_path: Path, verb: str) -> None:
    async def story() -> None:
        async with dialing(tmp_path, carrier=slow()) as (world, desk):
            people = [person(n) for n in range(12)]
            found = await campaign(desk, people, attempts=1, concurrency=30)
            await ordered(world, 12)
            await desk.office.move(found, verb, "tests")
            before = len(rang(world))
            await asyncio.sleep(5.0)
            assert not waiting(world)
            await asyncio.sleep(600.0)
            assert len(rang(world)) == before
            assert (await desk.office.report(found)).open_calls == 0
            if verb == "cancel":
                assert {c.state for c in await desk.office.people(found)} <= {"cancelled", "gave_up"}
                return
            await desk.office.move(found, "resume", "tests")
            await over(world, desk, found)
            assert Counter(call.to for call in rang(world)) == Counter(p.phone for p in people)

    loop.run(story())


def test_a_budget_that_is_spent_takes_back_who_is_queued(tmp_path: Path) -> None:
    """The campaign is paused by its money: the breaker and every other stop go the same way."""

    async def story() -> None:
        async with dialing(tmp_path, carrier=slow()) as (world, desk):
            found = await campaign(desk, [person(n) for n in range(12)], concurrency=30)
            await ordered(world, 12)
            await desk.worker.pause(found, "the campaign's budget is spent")
            before = len(rang(world))
            await asyncio.sleep(60.0)
            assert len(rang(world)) == before and not waiting(world)

    loop.run(story())


def test_who_says_no_while_queued_is_not_called(tmp_path: Path) -> None:
    async def story() -> None:
        async with dialing(tmp_path, carrier=slow()) as (world, desk):
            people = [person(n) for n in range(8)]
            found = await campaign(desk, people, attempts=1, concurrency=30)
            await ordered(world, 8)
            said_no = waiting(world)[-1].to
            await desk.db.write(do_not_call.add, [DoNotCall(said_no, desk.office.now, "admin", "asked us")])
            await over(world, desk, found)
            assert Counter(call.to for call in rang(world)) == Counter(p.phone for p in people if p.phone != said_no)
            contact = next(c for c in await desk.office.people(found) if c.phone == said_no)
            assert (contact.state, contact.outcome, contact.attempts) == ("skipped", "do_not_call", 0)

    loop.run(story())


FAULTS: dict[str, RestFault] = {
    "refused": RestFault(500, 20500),
    "answer lost": RestFault(500, 20500, placed=True),
    "broken": RestFault(reset=True),
    "broken behind it": RestFault(placed=True, reset=True),
    "busy": RestFault(429, 20429),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_call_off_that_fails_is_repeated_and_one_whose_answer_is_lost_counts(
    tmp_path: Path, fault: RestFault
) -> None:
    async def story() -> None:
        async with dialing(tmp_path, carrier=slow(callbacks=CallbackWeather(lost=1.0))) as (world, desk):
            found = await campaign(desk, [person(n) for n in range(5)], attempts=1, concurrency=30)
            await ordered(world, 5)
            world.carrier.rest_faults.extend([fault] * 4)
            await desk.office.move(found, "pause", "tests")
            await asyncio.sleep(40.0)
            assert not world.carrier.rest_faults and not waiting(world)
            taken = [a for a in await desk.office.attempts(found) if a.called_off]
            assert taken and {(a.state, a.outcome) for a in taken} == {("closed", "not_placed")}
            await desk.office.move(found, "resume", "tests")
            await over(world, desk, found)
            assert Counter(call.to for call in rang(world)) == Counter(person(n).phone for n in range(5))

    loop.run(story())


class Late:
    """The carrier's REST side, with which a call-off arrives only when something has happened to its call."""

    def __init__(self, real: Any, happened: Callable[[str], bool]) -> None:
        self._real = real
        self._happened = happened
        self.said: list[bool] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def take_back(self, call: Any) -> bool:
        while not self._happened(call.carrier_call_id):  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.05)
        self.said.append(await self._real.take_back(call))
        return self.said[-1]


def comes_late(world: House, desk: Desk, status: str) -> Late:
    reconciler = desk.worker._reconciler
    late = Late(reconciler._control, lambda sid: world.carrier.calls[sid].status == status)
    reconciler._control = late  # type: ignore[assignment]
    return late


def test_a_call_off_that_comes_when_somebody_has_picked_up_ends_nobodys_conversation(tmp_path: Path) -> None:
    """The carrier refuses it; the person is talked to, and the attempt is what the call came to."""

    async def story() -> None:
        people = slow(directory=lambda number: Party(after_s=1.0))
        async with dialing(tmp_path, carrier=people) as (world, desk):
            found = await campaign(desk, [person(0), person(1)], attempts=1, concurrency=30, max_minutes=0.5)
            await ordered(world, 2)
            late = comes_late(world, desk, "in-progress")
            (queued,) = waiting(world)
            await desk.office.move(found, "pause", "tests")
            await world.until(lambda: bool(late.said))
            assert late.said == [False]
            await world.until(lambda: queued.over)
            await desk.ledger.settled()
            assert queued.status == "completed" and queued.duration_s > 5
            attempt = next(a for a in await desk.office.attempts(found) if a.phone == queued.to)
            assert (attempt.state, attempt.called_off) == ("closed", "paused")
            assert attempt.outcome not in ("not_placed", "canceled")
            assert attempt.rang_at is not None and attempt.answered_at is not None
            contact = next(c for c in await desk.office.people(found) if c.phone == queued.to)
            assert contact.attempts == 1, "they were reached: it counts"

    loop.run(story())


def test_a_call_off_that_stops_the_ringing_counts_as_a_call_to_their_phone(tmp_path: Path) -> None:
    """It rang, if only once: the day's cap and the wait between attempts hold for it."""

    async def story() -> None:
        people, day = slow(directory=lambda number: Party(does="no-answer")), Day(asyncio.get_running_loop())
        async with dialing(tmp_path, carrier=people, clock=day) as (world, desk):
            found = await campaign(desk, [person(0), person(1)], attempts=1, concurrency=30)
            await ordered(world, 2)
            comes_late(world, desk, "ringing")
            (queued,) = waiting(world)
            await desk.office.move(found, "pause", "tests")
            await world.until(lambda: queued.over)
            await asyncio.sleep(5.0)
            assert queued.status == "canceled"
            attempt = next(a for a in await desk.office.attempts(found) if a.phone == queued.to)
            assert (attempt.state, attempt.outcome) == ("closed", "canceled")
            await desk.office.move(found, "resume", "tests")
            day.off = 5 * 3600.0
            await asyncio.sleep(60.0)
            assert [call.to for call in rang(world)].count(queued.to) == 1, "not again on the same day"
            day.off = 21 * 3600.0
            await over(world, desk, found)
            assert [call.to for call in rang(world)].count(queued.to) == 2

    loop.run(story())


def test_what_waits_here_is_little_because_the_dialer_does_not_order_faster_than_the_carrier_begins(
    tmp_path: Path,
) -> None:
    """`BRIDGE_CPS` as the account has it: of sixty calls never more than two wait at the carrier."""

    async def story() -> None:
        carrier = {"directory": busy, "calls_per_second": 1.0}
        async with dialing(tmp_path, carrier=carrier, calls_per_second=1.0) as (world, desk):
            found = await campaign(desk, [person(n) for n in range(60)], attempts=1, concurrency=60, cps=50)
            most = 0
            while len(rang(world)) < 60:
                most = max(most, len(waiting(world)))
                await asyncio.sleep(0.1)
            assert most <= 2
            await over(world, desk, found)

    loop.run(story())


def test_with_a_carrier_slower_than_we_think_no_more_wait_than_may_be_called_at_a_time(tmp_path: Path) -> None:
    async def story() -> None:
        async with dialing(tmp_path, carrier=slow()) as (world, desk):
            await campaign(desk, [person(n) for n in range(40)], attempts=1, concurrency=4)
            for _ in range(600):
                assert len(waiting(world)) <= 4
                await asyncio.sleep(0.2)

    loop.run(story())
