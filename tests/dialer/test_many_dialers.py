"""Several dialers on one PostgreSQL: they share a campaign's limits, wake each other, and outlive the server."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from dialers_world import Dialing, Listing, campaign, dialers, lives
from postgres_server import Server, empty_schema

from bridge.dialer.office import Office
from bridge.dialer.patience import Patience
from bridge.store import attempts, contacts
from bridge.store.base import FINAL

pytestmark = pytest.mark.sockets

QUICK = Patience(
    fresh_s=2.0,
    settle_s=3.0,
    round_s=0.2,
    look_again_s=0.2,
    ask_again_s=0.3,
    queue_s=-14.0,
    talk_s=-5.0,
    idle_s=2.0,
    trouble_s=0.2,
    count_s=0.5,
)
SHORT = {"ring_s": 15, "max_minutes": 0.1}


async def until(true: Any, limit_s: float = 30.0) -> None:
    async with asyncio.timeout(limit_s):
        while not await true():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)


def scattered(of: list[Dialing]) -> Any:
    """News about a call come to any of the processes."""
    return lambda call: random.choice(of).ledger


def test_four_dialers_never_have_more_calls_than_the_campaign_allows(tmp_path: Path, postgres: Server) -> None:
    most: list[int] = []
    url = empty_schema(postgres)

    async def story() -> None:
        carrier = Listing()
        async with dialers(url, tmp_path, carrier, 4, patience=QUICK) as four:
            carrier.on_call.append(lives(scattered(four)))
            found = await campaign(four[0].db, 120, concurrency=6, cps=1000, **SHORT)

            async def over() -> bool:
                most.append(await four[0].db.read(attempts.count_open, found))
                return not await four[0].db.read(contacts.unfinished, found)

            await until(over)
            by_owner = Counter(a.owner for a in await four[0].db.read(attempts.of_campaign, found))
            assert len(by_owner) > 1, "they share the work"
        assert max(Counter(call.to for call in carrier.calls).values()) == 1
        assert len(carrier.calls) == 120
        assert max(most) <= 6

    asyncio.run(story())


def test_calls_per_second_are_shared_and_news_wake_at_once(tmp_path: Path, postgres: Server) -> None:
    url = empty_schema(postgres)

    async def story() -> None:
        carrier = Listing()
        async with dialers(url, tmp_path, carrier, 4, patience=QUICK) as four:
            carrier.on_call.append(lives(scattered(four), last_s=0.03))
            await asyncio.sleep(1.0)  # they have counted each other
            began = time.time()
            found = await campaign(four[0].db, 60, concurrency=50, cps=10, **SHORT)

            async def over() -> bool:
                return not await four[0].db.read(contacts.unfinished, found)

            await until(over)
            first, last = carrier.calls[0].at, carrier.calls[-1].at
            assert first - began < QUICK.idle_s / 2, "they did not wait for their next look by themselves"
            assert 60 / (last - first) < 10 * 1.3
            calls = [call.at for call in carrier.calls]
            busiest = max(sum(at <= other < at + 1.0 for other in calls) for at in calls)
            assert busiest <= 10 * 1.1 + len(four), "each of them may begin one at once"

    asyncio.run(story())


def test_a_server_that_dies_in_mid_campaign_costs_nobody_a_second_call(tmp_path: Path, postgres: Server) -> None:
    if postgres.data is None:
        pytest.skip("this PostgreSQL is not ours to stop")

    url = empty_schema(postgres)

    async def story() -> None:
        carrier = Listing()
        async with dialers(url, tmp_path, carrier, 2, patience=QUICK) as two:
            carrier.on_call.append(lives(scattered(two), last_s=0.2))
            names = {one.ledger.owner for one in two}
            found = await campaign(two[0].db, 100, concurrency=10, cps=1000, **SHORT)
            for _ in range(3):
                await asyncio.sleep(0.4)
                await asyncio.to_thread(postgres.crash)
                placed = len(carrier.calls)
                await asyncio.sleep(0.5)
                assert len(carrier.calls) - placed <= 10, "no order without an intent on the disk"
                await asyncio.to_thread(postgres.start)
                await asyncio.sleep(0.5)

            async def over() -> bool:
                people = await two[0].db.read(lambda conn: contacts.page(conn, found, most=1000))
                return all(c.state in (*FINAL, "review") for c in people)

            await until(over, 60.0)

            async def renamed() -> bool:
                return not names & {one.ledger.owner for one in two}

            await until(renamed)  # they went on under other names
            rows = await two[0].db.read(attempts.of_campaign, found)
        written = {row.token: row.claimed_at for row in rows}
        assert max(Counter(call.to for call in carrier.calls).values()) == 1
        assert all(written[call.token] <= call.at for call in carrier.calls), "each call has an intent"
        assert sum(row.state == "review" for row in rows) == 0, "what was never sent is known to be"

    asyncio.run(story())


def test_a_pause_by_another_process_holds_at_once(tmp_path: Path, postgres: Server) -> None:
    url = empty_schema(postgres)

    async def story() -> None:
        carrier, placed = Listing(), asyncio.Event()
        async with dialers(url, tmp_path, carrier, 2, patience=QUICK) as two:
            carrier.on_call += [lives(scattered(two), last_s=0.05), lambda call: placed.set()]
            found = await campaign(two[0].db, 500, concurrency=5, cps=20, **SHORT)
            await placed.wait()
            await Office(two[0].db, lambda: None, time.time).move(found, "pause", "tests")
            await asyncio.sleep(0.1)  # an order that was under way
            count = len(carrier.calls)
            await asyncio.sleep(1.0)
            assert len(carrier.calls) == count

    asyncio.run(story())
