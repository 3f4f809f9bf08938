"""The clock of the day is set by an hour or a day while a campaign runs, in either direction."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from dialers_world import Call, CarrierError, Day, Listing, campaign, dialer, lives

from bridge.carriers.base import DialOrder
from bridge.sim import loop
from bridge.store import attempts, contacts
from bridge.store.base import FINAL
from bridge.store.database import Database

HOUR, DAY = 3600.0, 86_400.0


@pytest.mark.parametrize("jump", [HOUR, -HOUR, DAY, -DAY])
@pytest.mark.parametrize("dies", [False, True])
def test_nobody_twice_and_nobody_stuck(tmp_path: Path, jump: float, dies: bool) -> None:
    async def story() -> None:
        day = Day(asyncio.get_running_loop())

        def trouble(order: DialOrder, call: Call | None) -> None:
            if order.to.endswith("3") and call is not None:
                raise CarrierError("no answer", placed="maybe")

        right = Day(asyncio.get_running_loop())  # the carrier's clock is right
        carrier = Listing(clock=right, trouble=trouble)
        db = await Database.open("", tmp_path)
        one = await dialer(db, carrier, clock=day)
        carrier.on_call.append(lives(lambda call: one.ledger, last_s=3.0))
        found = await campaign(db, 40, day, concurrency=8, cps=20)
        one.begin()
        await asyncio.sleep(2.0)
        day.off += jump
        if dies:
            await one.die()
            one = await dialer(db, carrier, clock=day)
            one.begin()
        await asyncio.sleep(3.0)
        day.off = 0.0  # set right again
        async with asyncio.timeout(600):
            while await db.read(contacts.unfinished, found):  # noqa: ASYNC110 - virtual time
                await asyncio.sleep(1.0)
        people = await db.read(lambda conn: contacts.page(conn, found, most=100))
        assert {c.state for c in people} <= set(FINAL)
        assert max(Counter(call.to for call in carrier.calls).values()) == 1
        assert len({call.to for call in carrier.calls}) == 40
        assert await db.read(attempts.count_open, found) == 0
        await one.stop()
        await one.proof.close()
        await db.close()

    loop.run(story())


def test_an_intent_of_a_wrong_clock_is_not_dialled_again_on_the_carriers_right_one(tmp_path: Path) -> None:
    """Written with a clock that was an hour ahead, its call stands in the carrier's list an hour before the intent."""

    async def story() -> None:
        right = Day(asyncio.get_running_loop())
        ahead = Day(asyncio.get_running_loop(), HOUR)

        def trouble(order: DialOrder, call: Call | None) -> None:
            if call is not None:
                raise asyncio.CancelledError  # killed between the order and its answer

        carrier = Listing(clock=right, trouble=trouble)
        db = await Database.open("", tmp_path)
        first = await dialer(db, carrier, clock=ahead)
        found = await campaign(db, 1, ahead)
        first.begin()
        await asyncio.sleep(1.0)
        await first.die()
        carrier.trouble = lambda order, call: None
        second = await dialer(db, carrier, clock=right)
        second.begin()
        await asyncio.sleep(120.0)
        people = await db.read(lambda conn: contacts.page(conn, found))
        assert [c.state for c in people] == ["review"], "a person decides"
        assert len(carrier.calls) == 1
        await second.stop()
        await second.proof.close()
        await db.close()

    loop.run(story())
