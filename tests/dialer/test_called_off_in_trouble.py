"""Calls are called off in time while the disk is full, the carrier is busy or slow, and a dialer is frozen."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from dialers_world import BEGAN, Call, CarrierError, Day, Dialing, Listing, campaign, dialer, person
from test_next_dialer import until

from bridge.carriers.base import CallRef, DialOrder, Outcome
from bridge.dialer.evidence import Word
from bridge.dialer.office import Office
from bridge.errors import StoreError
from bridge.sim import loop
from bridge.store import attempts
from bridge.store.database import Connection, Database

COUNT = 5
HOURS = {"window": "19:00-21:00", "concurrency": COUNT, "cps": 50}
"""Of UTC: they opened an hour before `BEGAN`, and end an hour after it."""
END = BEGAN + 3600.0


def fills(db: Database) -> list[bool]:
    """[True] while the disk is full: what changes anything is refused, what only looks is not."""
    full, real = [False], db.write

    async def write(work: Any, *args: Any, **more: Any) -> Any:
        def checked(conn: Connection, *rest: Any) -> Any:
            raw = conn.connection.driver_connection
            assert raw is not None
            before = raw.total_changes
            found = work(conn, *rest)
            if full[0] and raw.total_changes != before:
                raise StoreError("the database cannot be written: the disk is full")
            return found

        return await real(checked, *args, **more)

    db.write = db.write_briefly = write  # type: ignore[method-assign]
    return full


async def end(one: Dialing) -> None:
    await one.stop()
    await one.proof.close()
    await one.db.close()


@pytest.mark.parametrize("answers", ["written", "not written", "lost"])
@pytest.mark.parametrize("people", [COUNT, 4 * COUNT], ids=["all ordered", "others due"])
def test_a_full_disk_lets_nobody_ring_after_hours(tmp_path: Path, answers: str, people: int) -> None:
    """With others due every round begins with a write, which is refused; the answers of the orders may wait as well."""

    async def story() -> None:
        day = Day(asyncio.get_running_loop(), 3600.0 - 120.0)
        carrier = Listing(clock=day)
        one = await dialer(await Database.open("", tmp_path), carrier, clock=day)
        full = fills(one.db)

        def ordered(order: DialOrder, call: Call | None) -> None:
            if call is None or len(carrier.calls) < COUNT:
                return
            full[0] = answers != "written"
            if answers == "lost":
                raise CarrierError("no answer", placed="maybe")

        carrier.trouble = ordered
        pace = {"concurrency": people, "cps": 50 if people == COUNT else 1}
        found = await campaign(one.db, people, day, **(HOURS | pace))
        one.begin()
        await until(lambda: len(carrier.calls) >= COUNT)
        await asyncio.sleep(1.0)
        full[0] = True
        await asyncio.sleep(END - day() - 0.5)
        assert {call.status for call in carrier.calls} == {"canceled"}
        full[0] = False
        await asyncio.sleep(60)
        assert {a.outcome for a in await one.db.read(attempts.of_campaign, found)} == {"not_placed"}
        assert set(Counter(call.to for call in carrier.calls).values()) == {1}
        await end(one)

    loop.run(story())


@dataclass
class Busy(Listing):
    """Every question takes `takes_s`; from `busy_from` on for a minute the carrier answers 429."""

    takes_s: float = 0.2
    busy_from: float = float("inf")
    asked: list[float] = field(default_factory=list)
    off: list[float] = field(default_factory=list)

    async def _question(self) -> None:
        self.asked.append(self.clock())
        await asyncio.sleep(self.takes_s)
        if 0 <= self.clock() - self.busy_from < 60:
            raise CarrierError("too many", status=429, placed="no", kind="rate_limited", retry_after_s=30.0)

    async def look_up(self, call: CallRef) -> Outcome | None:
        await self._question()
        return await super().look_up(call)

    async def take_back(self, call: CallRef) -> bool:
        await self._question()
        self.off.append(self.clock())
        return await super().take_back(call)


async def many(folder: Path, carrier: Busy, day: Day, count: int) -> Dialing:
    """So many calls wait, half a minute before their hours end."""
    one = await dialer(await Database.open("", folder), carrier, clock=day)
    await campaign(one.db, count, day, **(HOURS | {"concurrency": count}))
    one.begin()
    await until(lambda: len(carrier.calls) == count)
    await asyncio.sleep(2)
    day.off = 3600.0 - 30.0 - asyncio.get_running_loop().time()
    return one


def test_a_hundred_and_fifty_calls_are_taken_back_before_hours_end(tmp_path: Path) -> None:
    """At 0.2 s for each answer, and two for each call."""

    async def story() -> None:
        day = Day(asyncio.get_running_loop())
        carrier = Busy(clock=day)
        one = await many(tmp_path, carrier, day, 150)
        await asyncio.sleep(60)
        assert {call.status for call in carrier.calls} == {"canceled"}
        assert max(carrier.off) < END
        await end(one)

    loop.run(story())


def test_a_carrier_that_wants_to_be_left_alone_is(tmp_path: Path) -> None:
    async def story() -> None:
        day = Day(asyncio.get_running_loop())
        carrier = Busy(clock=day, takes_s=0.05, busy_from=END - 40.0)
        one = await many(tmp_path, carrier, day, 50)
        await asyncio.sleep(45)
        assert len(carrier.asked) <= 10, "the five that were on their way, and the same half a minute later"
        await asyncio.sleep(60)
        assert {call.status for call in carrier.calls} == {"canceled"}, "as soon as it may be asked"
        await end(one)

    loop.run(story())


def test_slow_answers_about_silent_calls_hold_up_no_call_off(tmp_path: Path) -> None:
    class Silent(Busy):
        async def look_up(self, call: CallRef) -> Outcome | None:
            if next(one for one in self.calls if one.id == call.carrier_call_id).status == "ringing":
                await asyncio.sleep(6.0)
                raise CarrierError("no answer within 5 s")
            return await super().look_up(call)

    async def story() -> None:
        day = Day(asyncio.get_running_loop())
        carrier = Silent(clock=day)
        one = await dialer(await Database.open("", tmp_path), carrier, clock=day)
        found = await campaign(one.db, 65, day, concurrency=60, cps=50)
        one.begin()
        await until(lambda: len(carrier.calls) == 60)
        for call in carrier.calls[:55]:
            call.status = "ringing"
            one.ledger.note(Word(token=call.token, at=day(), carrier_call_id=call.id, status="ringing"))
        await asyncio.sleep(122)
        at = day()
        await Office(one.db, one.worker.wake, day).move(found, "pause", "tests")
        await asyncio.sleep(60)
        assert len(carrier.off) == 5 and max(carrier.off) - at < 6
        await end(one)

    loop.run(story())


@pytest.mark.parametrize("offset", [0.0, 1.0, 2.0, 3.0, 4.0, 4.5])
@pytest.mark.parametrize("told", [True, False], ids=["placed", "its answers not written"])
def test_another_dialer_calls_off_with_seconds_to_spare_whenever_it_looks(
    tmp_path: Path, offset: float, told: bool
) -> None:
    """The first one is frozen, with its answers written or not."""

    async def story() -> None:
        day = Day(asyncio.get_running_loop())
        carrier = Busy(clock=day, takes_s=0.0)
        db = await Database.open("", tmp_path)
        frozen = await dialer(db, carrier, clock=day)
        full = fills(db)
        carrier.on_call.append(lambda call: full.__setitem__(0, not told))
        found = await campaign(db, COUNT, day, **HOURS)
        frozen.begin()
        await until(lambda: len(carrier.calls) == COUNT)
        await asyncio.sleep(1.0)
        assert frozen.task is not None
        frozen.task.cancel()
        await asyncio.gather(frozen.task, return_exceptions=True)
        if not told:
            frozen.ledger.stop()
        full[0] = False
        states = {a.state for a in await db.read(attempts.of_campaign, found)}
        assert states == {"placed" if told else "intent"}
        server = await dialer(db, carrier, clock=day, claims=False)
        server.begin()
        await asyncio.sleep(30.0)
        assert {call.status for call in carrier.calls} == {"queued"}, "they are wanted"
        day.off = 3600.0 - 90.0 + offset
        await asyncio.sleep(120.0)
        assert {call.status for call in carrier.calls} == {"canceled"}
        assert [call.to for call in carrier.calls] == [person(n).phone for n in range(COUNT)]
        assert max(carrier.off) < END - 3.0
        await server.stop()
        await server.proof.close()
        await frozen.proof.close()
        await db.close()

    loop.run(story())
