"""What a claim asks, on both databases; and on PostgreSQL, who waits for it, and what it waits for."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import sqlalchemy as sa
from store_house import House

from bridge.errors import DatabaseBusy
from bridge.store import attempts, campaigns, claims, contacts, do_not_call, spending
from bridge.store.base import Attempt, Campaign, Contact, DoNotCall
from bridge.store.database import Database
from bridge.store.postgres import PostgresPool

OURS = "+14155550100"
DAY = "2026-11-27"


def person(n: int, campaign_id: str = "c1", priority: int = 5, due_at: float = 10.0) -> Contact:
    return Contact(0, campaign_id, n, f"+1415555{n:04d}", "Ann", priority=priority, due_at=due_at)


def attempt(token: str, n: int, contact_id: int | None = None, campaign_id: str | None = None) -> Attempt:
    return Attempt(
        token, f"+1415555{n:04d}", OURS, "intent", "me", 50.0, f"att_{token}", contact_id, campaign_id, variables={}
    )


def two_campaigns(conn: sa.Connection) -> None:
    for campaign_id in ("c1", "c2"):
        campaigns.add(conn, Campaign(campaign_id, "Spring", "running", "", "", {"concurrency": 2}, 1.0))


def lines(found: object) -> list[int]:
    assert isinstance(found, list)
    return [contact.line for contact in found]


def test_the_most_urgent_are_taken_first_and_nobody_before_their_time(house: House) -> None:
    rows = [
        person(101, due_at=20.0),
        person(102, due_at=10.0),
        person(103, priority=9, due_at=30.0),
        person(104, priority=9, due_at=99.0),
        person(105, priority=0, due_at=1.0),
        person(106, campaign_id="c2", priority=9),
        replace(person(107, priority=9), state="done"),
        replace(person(108, due_at=15.0), state="retry_at"),
    ]

    async def story(db: Database) -> None:
        await db.write(two_campaigns)
        await db.write(contacts.add, rows)
        assert lines(await db.write_briefly(claims.due, "c1", 50.0, 10)) == [103, 102, 108, 101, 105]
        assert lines(await db.write_briefly(claims.due, "c1", 50.0, 2)) == [103, 102]
        assert lines(await db.write_briefly(claims.due, "c1", 0.5, 2)) == []

    house.run(story)


def test_how_a_campaign_stands_is_seen_at_one_moment(house: House) -> None:
    def calls(conn: sa.Connection) -> None:
        elsewhere = [attempt("b", 2, campaign_id="c2"), replace(attempt("c", 3), from_number="+14155550199")]
        undecided = replace(attempt("d", 4, campaign_id="c1"), state="review")
        over = replace(attempt("e", 5, campaign_id="c1"), state="closed")
        attempts.intend(conn, [attempt("a", 1, campaign_id="c1"), *elsewhere, undecided, over])
        spending.add(conn, DAY, "c1", 0.25)
        spending.add(conn, "2026-11-26", "c1", 1.0)

    async def story(db: Database) -> None:
        await db.write(two_campaigns)
        calm = await db.write_briefly(claims.state, "c1", DAY)
        assert calm is not None
        assert (calm.campaign.id, calm.campaign.rules) == ("c1", {"concurrency": 2})
        assert (calm.spent_today_usd, calm.open_calls, calm.busy_numbers) == (0.0, 0, {})
        await db.write(calls)
        busy = await db.write_briefly(claims.state, "c1", DAY)
        assert busy is not None
        assert (busy.spent_today_usd, busy.open_calls) == (0.25, 1), "the one in review is over"
        assert busy.busy_numbers == {OURS: 3, "+14155550199": 1}
        assert await db.write_briefly(claims.state, "c9", DAY) is None

    house.run(story)


def test_what_is_known_of_people_is_found_in_one_question(house: House) -> None:
    async def story(db: Database) -> None:
        await db.write(two_campaigns)
        await db.write(contacts.add, [person(n) for n in (101, 102, 103)])
        one, two, three = await db.write_briefly(claims.due, "c1", 50.0, 3)
        past = [
            replace(attempt("a", 101, one.id, "c1"), state="closed", outcome="busy", claimed_at=20.0),
            replace(attempt("b", 101, one.id, "c1"), n=2, state="closed", outcome="busy", claimed_at=70.0),
            replace(attempt("c", 102, two.id, "c1"), state="closed", outcome="not_placed", claimed_at=70.0),
            replace(attempt("d", 103), state="closed", outcome="completed", claimed_at=60.0),
        ]
        await db.write(attempts.intend, past)
        await db.write(do_not_call.add, [DoNotCall(three.phone, 1.0, "call")])
        known = await db.write_briefly(claims.known, [one, two, three], 30.0)
        assert known.listed == {three.phone}
        assert known.dialled == {one.phone: [70.0], three.phone: [60.0]}, "lately, and only where a phone rang"
        assert known.latest == {one.id: 2, two.id: 1}

    house.run(story)


def test_what_was_written_briefly_is_on_the_disk(house: House) -> None:
    if house.is_sqlite:
        pytest.skip("a file has one way of writing")

    def intend(conn: sa.Connection, n: int) -> str:
        """Where in the server's log it stands; its commit comes after that."""
        attempts.intend(conn, [attempt(f"t{n}", n)])
        return str(conn.execute(sa.text("select pg_current_wal_insert_lsn()::text")).scalar())

    def is_on_disk(conn: sa.Connection, place: str) -> bool:
        ask = sa.text("select pg_current_wal_flush_lsn() > cast(cast(:place as text) as pg_lsn)")
        return bool(conn.execute(ask, {"place": place}).scalar())

    async def story(db: Database) -> None:
        await db.write(two_campaigns)
        for n in range(20):  # the server would come round to it by itself some five times a second
            assert await db.read(is_on_disk, await db.write_briefly(intend, n))

    house.run(story)


def test_claims_wait_for_each_other_and_not_for_what_calls_cost(house: House) -> None:
    if house.is_sqlite:
        pytest.skip("one transaction after the other, whatever it does")

    def claim(conn: sa.Connection, token: str, n: int) -> int:
        campaigns.hold(conn, "c1")
        return len(attempts.intend(conn, [attempt(token, n, campaign_id="c1")]))

    async def story(db: Database) -> None:
        await db.write(two_campaigns)
        assert isinstance(db.engine, PostgresPool)
        other = await db.engine.own_connection()
        async with other.transaction():  # a call has ended elsewhere, and its price is not on the disk yet
            await other.execute("update campaigns set spent_usd = spent_usd + 1")
            async with asyncio.timeout(5.0):
                assert await db.write_briefly(claim, "a", 1) == 1
        async with other.transaction():
            await other.execute("select pg_advisory_xact_lock(7226, hashtext('c1'))")
            with pytest.raises(DatabaseBusy):
                await db.write_briefly(claim, "b", 2, wait_s=0.1)
            with pytest.raises(DatabaseBusy):  # who edits a campaign waits as well
                await db.write(lambda conn: campaigns.get(conn, "c1", lock=True), wait_s=0.1)
        assert await db.write_briefly(claim, "b", 2) == 1
        await other.close()

    house.run(story)
