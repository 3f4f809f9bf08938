"""Forgetting: what is old is gone from files and database, down to the bytes; what protects people stays."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from store_house import House

from bridge.store import base, consents, tables
from bridge.store.base import Attempt, CallRow, Campaign, Consent, Contact, DoNotCall, Line
from bridge.store.calls import CallStore, StoredCall
from bridge.store.database import Database
from bridge.store.do_not_call import DoNotCallList
from bridge.store.folder import RECORD, RECORDING, TRANSCRIPT, CallFolders, new_call_id
from bridge.store.purge import Purged, forget

NOW = 1_790_000_000.0
DAY = 86_400.0
BEFORE = NOW - 30 * DAY
SECRET = "zqwhatwassaidzq"
OLD, NEW = NOW - 40 * DAY, NOW - 5 * DAY
OLD_PHONE, NEW_PHONE = "+14155550101", "+14155550102"


def folder_of(data: Path, at: float, ended_at: str | None, text: str) -> str:
    call_id = new_call_id(at)
    folder = CallFolders(data).path(call_id)
    folder.mkdir(parents=True)
    (folder / RECORD).write_text(json.dumps({"id": call_id, "ended_at": ended_at, "from": OLD_PHONE}))
    (folder / TRANSCRIPT).write_text(json.dumps({"turn": 1, "role": "caller", "text": text}) + "\n")
    (folder / RECORDING).write_bytes(b"RIFF" + text.encode())
    return call_id


async def people(db: Database, at: float, phone: str, state: base.CampaignState, name: str) -> None:
    """A campaign with one contact, who was called once."""

    def put(conn: sa.Connection) -> None:
        over = at if state == "done" else None
        campaign = Campaign(name, name, state, "", "", {}, at, at, over)
        conn.execute(tables.campaigns.insert(), tables.values(campaign))
        row = tables.values(Contact(0, name, 2, phone, SECRET if name == "old" else "Ann", state="done"))
        del row["id"]
        (contact_id,) = conn.execute(tables.contacts.insert().returning(tables.contacts.c.id), row).one()
        attempt = Attempt(
            f"t-{name}", phone, "+14155550199", "closed", "o", at, f"att_{name}", contact_id, name, ended_at=at
        )
        conn.execute(tables.attempts.insert(), tables.values(attempt))

    await db.write(put)


async def counts(db: Database) -> dict[str, int]:
    def count(conn: sa.Connection) -> dict[str, int]:
        return {
            table.name: conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in tables.metadata.sorted_tables
        }

    return await db.read(count)


async def fill(db: Database, data: Path) -> list[str]:
    ids = [
        folder_of(data, OLD, "2026-08-11T10:00:00.000Z", SECRET),
        folder_of(data, NEW, "2026-09-16T10:00:00.000Z", "fresh"),
        folder_of(data, OLD, None, "still talking"),
    ]
    rows = [
        StoredCall(
            CallRow(call_id, "CA1", "inbound", phone, "+14155550199", "a", at, ended_at=at + 60),
            (Line(1, "caller", text, 0, 1),),
        )
        for call_id, phone, at, text in ((ids[0], OLD_PHONE, OLD, SECRET), (ids[1], NEW_PHONE, NEW, "fresh"))
    ]
    await CallStore(db).put(rows)
    await people(db, OLD, OLD_PHONE, "done", "old")
    await people(db, OLD, OLD_PHONE, "running", "goes-on")
    await people(db, NEW, NEW_PHONE, "done", "new")
    for token, at in (("alone-old", OLD), ("alone-new", NEW)):
        attempt = Attempt(
            token,
            OLD_PHONE,
            "+14155550199",
            "closed",
            "o",
            at,
            f"att_{token}",
            variables={"said": SECRET if at == OLD else ""},
        )
        await db.write(lambda conn, row=attempt: conn.execute(tables.attempts.insert(), tables.values(row)))
    await DoNotCallList(db).add(DoNotCall(OLD_PHONE, OLD, "call", "said so"))
    await db.write(consents.record, [Consent(OLD_PHONE, OLD, "form", "2026-01-01", "old")])
    return ids


def test_what_is_old_goes_and_what_protects_people_stays(house: House) -> None:
    async def story(db: Database) -> None:
        ids = await fill(db, house.data)
        folders = CallFolders(house.data)
        expected = Purged(folders=1, calls=1, attempts=2, contacts=1, backups=0, clean=True)
        was = await counts(db)
        would = await forget(db, folders, BEFORE, dry_run=True)
        # The contact of an attempt that goes too is counted as well: both go in one run.
        assert (would, await counts(db), len(folders.ids())) == (expected, was, 3)
        assert await forget(db, folders, BEFORE, dry_run=False) == expected
        left = await counts(db)
        assert (left["calls"], left["transcript_lines"], left["attempts"], left["contacts"]) == (1, 1, 3, 2)
        assert (left["campaigns"], left["do_not_call"], left["consents"]) == (3, 1, 1)
        assert sorted(folders.ids()) == sorted(ids[1:]), "a call without an end may still go on"
        assert await forget(db, folders, BEFORE, dry_run=False) == Purged(0, 0, 0, 0, 0, True)

    house.run(story)


def test_nobody_is_forgotten_about_whom_something_is_undecided(house: House) -> None:
    async def story(db: Database) -> None:
        await people(db, OLD, OLD_PHONE, "done", "old")
        await db.write(lambda conn: conn.execute(tables.attempts.update().values(state="review")))
        assert await forget(db, CallFolders(house.data), BEFORE, dry_run=False) == Purged(0, 0, 0, 0, 0, True)
        left = await counts(db)
        assert (left["attempts"], left["contacts"]) == (1, 1)

    house.run(story)


def test_many_rows_go_some_hundred_at_a_time(house: House) -> None:
    async def story(db: Database) -> None:
        rows = [CallRow(f"call_{n:020}", "CA", "inbound", "", "", "a", OLD + n) for n in range(1203)]
        await CallStore(db).put(StoredCall(row, ()) for row in rows)
        gone = await forget(db, CallFolders(house.data), BEFORE, dry_run=False)
        assert gone.calls == 1203
        assert (await counts(db))["calls"] == 0

    house.run(story)


def test_no_byte_of_what_was_said_is_left(tmp_path: Path) -> None:
    def found() -> list[str]:
        return [
            path.name for path in sorted(tmp_path.rglob("*")) if path.is_file() and SECRET.encode() in path.read_bytes()
        ]

    async def story(db: Database) -> None:
        await fill(db, tmp_path)
        copy = tmp_path / "callbridge.db.before-0001"
        copy.write_bytes(SECRET.encode())
        os.utime(copy, (OLD, OLD))
        assert {"callbridge.db-wal", TRANSCRIPT, copy.name} <= set(found())
        gone = await forget(db, CallFolders(tmp_path), BEFORE, dry_run=False)
        assert (gone.backups, gone.clean) == (1, True)
        assert found() == []

    House("", tmp_path).run(story)
    assert found() == []


def test_a_reader_that_keeps_the_log_from_being_emptied_is_told_of(tmp_path: Path) -> None:
    async def story(db: Database) -> None:
        await fill(db, tmp_path)
        other = sqlite3.connect(tmp_path / "callbridge.db", isolation_level=None)
        other.execute("BEGIN")
        assert other.execute("select count(*) from calls").fetchone() == (2,)
        gone = await forget(db, CallFolders(tmp_path), BEFORE, dry_run=False)
        assert (gone.calls, gone.clean) == (1, False)
        other.execute("COMMIT")
        other.close()
        assert (await forget(db, CallFolders(tmp_path), BEFORE, dry_run=False)).clean

    House("", tmp_path).run(story)


@pytest.mark.parametrize("kind", ["no json", '{"ended_at": 5}'])
def test_a_folder_that_cannot_be_read_does_not_stop_it(tmp_path: Path, kind: str) -> None:
    async def story(db: Database) -> None:
        call_id = folder_of(tmp_path, OLD, None, "x")
        (CallFolders(tmp_path).path(call_id) / RECORD).write_text(kind)
        gone = await forget(db, CallFolders(tmp_path), BEFORE, dry_run=False)
        assert gone.folders == (kind == "no json")

    House("", tmp_path).run(story)
