"""Calls that wait in the carrier's queue while no dialer lives, or theirs is frozen: the next one takes them back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from dialers_world import BEGAN, Call, Day, Dialing, Listing, campaign, dialer, lives, person

from bridge.carriers.base import DialOrder
from bridge.sim import loop
from bridge.store import attempts, contacts, do_not_call
from bridge.store.base import DoNotCall
from bridge.store.database import Database

COUNT = 5
HOURS = {"window": "19:00-21:00", "concurrency": COUNT, "cps": 50}
"""Of UTC: they opened an hour before `BEGAN`, and end an hour after it."""
SHUT_S = 2 * 3600.0
MORROW_S = 23.5 * 3600.0


def all_queued(calls: list[Call]) -> bool:
    return len(calls) == COUNT and {call.status for call in calls} == {"queued"}


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(600):
        while not what():  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.1)


async def end(one: Dialing) -> None:
    await one.stop()
    await one.proof.close()


async def all_are_called(db: Database, carrier: Listing, day: Day, one: Dialing, found: str) -> None:
    """When the hours begin again, and each of them once."""
    carrier.on_call.append(lives(lambda call: one.ledger))
    day.off = MORROW_S
    async with asyncio.timeout(600):
        while await db.read(contacts.unfinished, found):  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(1.0)
    went = [call.to for call in carrier.calls if call.status != "canceled"]
    assert Counter(went) == Counter(person(n).phone for n in range(COUNT))


@pytest.mark.parametrize("told", [True, False], ids=["placed", "killed before the answers"])
def test_the_next_dialer_takes_back_what_a_dead_one_left_in_the_queue(tmp_path: Path, told: bool) -> None:
    """As soon as it starts, also where the dead one was killed between its orders and their answers."""

    async def story() -> None:
        day = Day(asyncio.get_running_loop())

        def trouble(order: DialOrder, call: Call | None) -> None:
            if call is not None and not told:
                raise asyncio.CancelledError

        carrier = Listing(clock=day, trouble=trouble)
        db = await Database.open("", tmp_path)
        first = await dialer(db, carrier, clock=day)
        found = await campaign(db, COUNT, day, **HOURS)
        first.begin()
        await until(lambda: len(carrier.calls) == COUNT)
        await asyncio.sleep(1.0)
        await first.die()
        assert all_queued(carrier.calls)
        carrier.trouble = lambda order, call: None
        day.off = SHUT_S
        second = await dialer(db, carrier, clock=day)
        second.begin()
        await asyncio.sleep(1.0)
        assert {call.status for call in carrier.calls} == {"canceled"}
        await asyncio.sleep(30.0)
        assert len(carrier.calls) == COUNT, "nobody is ordered before the hours begin"
        assert await db.read(attempts.count_open, found) == 0
        await all_are_called(db, carrier, day, second, found)
        await end(second)
        await db.close()

    loop.run(story())


def test_a_dialer_that_is_frozen_does_not_keep_its_calls_in_the_queue(tmp_path: Path) -> None:
    """It cannot be proven dead, so nothing is dialled for it; but what rings for it is nobody's any more."""

    async def story() -> None:
        day = Day(asyncio.get_running_loop())
        carrier = Listing(clock=day)
        db = await Database.open("", tmp_path)
        first = await dialer(db, carrier, clock=day)
        found = await campaign(db, COUNT, day, **HOURS)
        first.begin()
        await until(lambda: len(carrier.calls) == COUNT)
        await first.stop()  # its proof of life stays
        server = await dialer(db, carrier, clock=day, claims=False)
        server.begin()
        await asyncio.sleep(30.0)
        assert all_queued(carrier.calls), "they are wanted"
        day.off = 3600.0 - 60.0
        await asyncio.sleep(27.0)
        assert day() < BEGAN + 3600.0
        assert {call.status for call in carrier.calls} == {"canceled"}, "before the hours end"
        first.begin()  # it wakes
        await all_are_called(db, carrier, day, first, found)
        await end(server)
        await end(first)
        await db.close()

    loop.run(story())


@pytest.mark.parametrize("jump", [7200.0, -7200.0, 86_400.0, -86_400.0])
def test_a_clock_that_is_set_while_calls_wait_calls_nobody_twice(tmp_path: Path, jump: float) -> None:
    """By it the hours may be over, or not have begun: then all are taken back, and called when it is right again."""

    async def story() -> None:
        day = Day(asyncio.get_running_loop())
        carrier = Listing(clock=Day(asyncio.get_running_loop()))
        db = await Database.open("", tmp_path)
        one = await dialer(db, carrier, clock=day)
        found = await campaign(db, COUNT, day, **HOURS)
        one.begin()
        await until(lambda: len(carrier.calls) == COUNT)
        await asyncio.sleep(1.0)
        day.off = jump
        await asyncio.sleep(30.0)
        over = abs(jump) == 7200.0  # by a day, the hours are the same
        assert {call.status for call in carrier.calls} == {"canceled" if over else "queued"}
        assert len(carrier.calls) == COUNT
        for call in carrier.calls:
            if not over:
                lives(lambda call: one.ledger)(call)
        await all_are_called(db, carrier, day, one, found)
        await end(one)
        await db.close()

    loop.run(story())


def test_a_single_call_is_taken_back_when_its_number_is_listed_and_by_no_window(tmp_path: Path) -> None:
    """A person asked for it: their hours are that person's affair, a no is not."""

    async def story() -> None:
        day = Day(asyncio.get_running_loop(), SHUT_S)
        carrier = Listing(clock=day)
        db = await Database.open("", tmp_path)
        one = await dialer(db, carrier, clock=day)
        intents = [single(one, n) for n in range(2)]
        await db.write(attempts.intend, intents)
        one.begin()
        for attempt in intents:
            one.worker.begin(attempt)
        await asyncio.sleep(30.0)
        assert [call.status for call in carrier.calls] == ["queued", "queued"]
        await db.write(do_not_call.add, [DoNotCall(intents[0].phone, day(), "admin")])
        await asyncio.sleep(10.0)
        assert {call.to: call.status for call in carrier.calls} == {
            intents[0].phone: "canceled",
            intents[1].phone: "queued",
        }
        await end(one)
        await db.close()

    loop.run(story())


def single(one: Dialing, n: int) -> attempts.Attempt:
    """The intent of a call that belongs to no campaign."""
    return attempts.Attempt(
        f"token{n}", person(n).phone, "+14155550100", "intent", one.ledger.owner, one.ledger.now(), id=f"att_{n}"
    )
