"""The short way to run a statement says the same as the long one, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from store_house import House

from bridge.errors import StoreConflict, StoreError
from bridge.store import tables
from bridge.store.base import Attempt, Line
from bridge.store.database import Database
from bridge.store.prepared import Prepared
from bridge.store.tables import attempts, transcript_lines

PHONE = "+14155550101"
FIRST = "t1"
ADD = Prepared(attempts.insert())
GET = Prepared(sa.select(attempts).where(attempts.c.token == sa.bindparam("t")).limit(1))
CLOSE = Prepared(
    attempts.update()
    .where(attempts.c.token == sa.bindparam("t"), tables.IS_OPEN)
    .values(state="closed", terms={"why": "over"}, answered_at=None, sip=attempts.c.sip + sa.bindparam("more"))
)


def attempt(token: str = FIRST, **more: Any) -> Attempt:
    return Attempt(token, PHONE, "+14155550199", "intent", "o", 1.0, variables={"city": "Ürümqi"}, **more)


def test_rows_go_in_and_come_out_as_they_are(house: House) -> None:
    async def story(db: Database) -> None:
        assert await db.write(ADD.run, tables.values(attempt())) == 1
        found = await db.read(GET.first, {"t": "t1"})
        assert found is not None
        assert tables.as_row(Attempt, found) == attempt()
        assert await db.read(GET.first, {"t": "t2"}) is None
        assert await db.read(GET.rows, {"t": "t2"}) == []

    house.run(story)


def test_a_change_tells_how_many_rows_it_met(house: House) -> None:
    async def story(db: Database) -> None:
        await db.write(ADD.run, tables.values(attempt(answered_at=5.0, sip=400)))
        assert await db.write(CLOSE.run, {"t": "t1", "more": 86}) == 1
        assert await db.write(CLOSE.run, {"t": "t1", "more": 86}) == 0, "it was open once"
        found = await db.read(GET.first, {"t": "t1"})
        assert found is not None
        row = tables.as_row(Attempt, found)
        assert (row.state, row.terms, row.answered_at, row.sip) == ("closed", {"why": "over"}, None, 486)

    house.run(story)


def test_what_each_database_says_in_its_own_way_and_what_comes_back(house: House) -> None:
    def unless_there(insert: Callable[[sa.Table], Any]) -> Any:
        return insert(attempts).on_conflict_do_nothing().returning(attempts.c.token, attempts.c.variables)

    claim = Prepared(unless_there)

    async def story(db: Database) -> None:
        made = await db.write(claim.rows, tables.values(attempt()))
        assert made == [{"token": "t1", "variables": {"city": "Ürümqi"}}]
        assert await db.write(claim.rows, tables.values(attempt("t2"))) == []

    house.run(story)


def test_booleans_are_booleans(house: House) -> None:
    query = Prepared(sa.select(transcript_lines).order_by(transcript_lines.c.place))

    def put(conn: sa.Connection) -> None:
        call = {"id": "c", "direction": "inbound", "started_at": 1.0, "usage": {}}
        conn.execute(tables.calls.insert(), call)
        add = Prepared(transcript_lines.insert())
        for place, cut in enumerate((True, False)):
            add.run(conn, tables.values(Line(1, "agent", "x", 0, 1, None, cut)) | {"call_id": "c", "place": place})

    async def story(db: Database) -> None:
        await db.write(put)
        assert [row["cut"] for row in await db.read(query.rows)] == [True, False]
        assert all(isinstance(row["cut"], bool) for row in await db.read(query.rows))

    house.run(story)


def test_its_errors_are_the_same_ones(house: House) -> None:
    async def story(db: Database) -> None:
        await db.write(ADD.run, tables.values(attempt()))
        with pytest.raises(StoreConflict):
            await db.write(ADD.run, tables.values(attempt()))
        with pytest.raises((StoreError, KeyError)):
            await db.read(GET.first, {})
        with pytest.raises(StoreError):
            await db.write(ADD.run, tables.values(attempt("\ud83d")))
        assert len(await db.read(GET.rows, {"t": "t1"})) == 1

    house.run(story)
