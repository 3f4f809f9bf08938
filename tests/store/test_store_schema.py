"""The schema: made by steps, the same as the tables say, and never changed where a person has to decide it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from store_house import House

from bridge.errors import StoreError
from bridge.sim import loop
from bridge.store import base, tables
from bridge.store.database import Database
from bridge.store.schema import CURRENT, Schema, back_up, version

ANNA = "+14155550101"

NEXT = "9000"
"""A step that there is not yet."""
STEP = f"""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{CURRENT.head}"


def upgrade() -> None:
    op.add_column("campaigns", sa.Column("colour", sa.Text(), nullable=False, server_default="green"))
"""


@pytest.fixture
def later(tmp_path: Path) -> Schema:
    """What a callbridge of some later day knows."""
    folder = tmp_path / "steps"
    folder.mkdir()
    (folder / "r9000_colour.py").write_text(STEP)
    return Schema((*CURRENT.known, NEXT), (*CURRENT.folders, folder))


def put(conn: sa.Connection) -> None:
    conn.execute(tables.campaigns.insert(), tables.values(base.Campaign("c1", "Spring", "draft", "", "", {}, 1.0)))


def colours(conn: sa.Connection) -> list[str]:
    return list(conn.execute(sa.text("select colour from campaigns")).scalars())


def test_the_steps_make_what_the_tables_say(house: House) -> None:
    def differences(conn: sa.Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(conn), tables.metadata))

    def as_made(conn: sa.Connection) -> set[str]:
        found = conn.execute(sa.text("select sql from sqlite_master where sql is not null and name like 'uq_%'"))
        return {" ".join(sql.split()) for sql in found.scalars()}

    def as_said() -> set[str]:
        engine = sa.create_engine("sqlite://")
        with engine.begin() as conn:
            tables.metadata.create_all(conn)
            made = as_made(conn)
        engine.dispose()
        return made

    def step_by_step(conn: sa.Connection) -> None:
        tables.metadata.drop_all(conn)
        conn.execute(sa.text("drop table alembic_version"))
        assert version(conn) == ""
        CURRENT.by_steps(conn)

    async def story(db: Database) -> None:
        for _ in ("at once, as a new database is made", "by all the steps there were"):
            assert await db.write(differences) == []
            assert await db.read(version) == CURRENT.head
            if db.is_sqlite:  # what the comparison does not look at: in which rows a partial index holds
                assert await db.read(as_made) == as_said() != set()
            await db.write(step_by_step)

    house.run(story)


def test_what_is_known_are_the_steps_there_are() -> None:
    steps = sorted(path.name for folder in CURRENT.folders for path in folder.glob("r*.py"))
    assert tuple(name[1:5] for name in steps) == CURRENT.known


def test_an_older_file_is_copied_and_brought_up(tmp_path: Path, later: Schema) -> None:
    async def story() -> None:
        db = await Database.open("", tmp_path)
        assert db.was == "", "it was new"
        await db.write(put)
        await db.close()
        db = await Database.open("", tmp_path, schema=later)
        assert db.was == CURRENT.head
        assert await db.read(colours) == ["green"]
        await db.close()
        db = await Database.open("", tmp_path, schema=later)
        assert db.was == NEXT
        await db.close()
        with pytest.raises(StoreError, match="newer callbridge"):
            await Database.open("", tmp_path)

    loop.run(story())
    with sqlite3.connect(tmp_path / "callbridge.db.before-9000") as copy:
        assert copy.execute("select name from campaigns").fetchall() == [("Spring",)]
        assert copy.execute("select version_num from alembic_version").fetchall() == [(CURRENT.head,)]
    copy.close()


def test_an_older_server_waits_for_a_person(house: House, later: Schema) -> None:
    if house.is_sqlite:
        pytest.skip("a file is brought up by itself")

    async def story() -> None:
        db = await Database.open(house.url, house.data)
        await db.write(put)
        with pytest.raises(StoreError, match="callbridge db upgrade"):
            await Database.open(house.url, house.data, schema=later)
        assert await db.read(version) == CURRENT.head
        other = await Database.open(house.url, house.data, upgrade=True, schema=later)
        assert await other.read(colours) == ["green"]
        await db.close()
        await other.close()
        with pytest.raises(StoreError, match="newer callbridge"):
            await Database.open(house.url, house.data, upgrade=True)

    asyncio.run(story())


def test_several_may_open_a_new_database_at_once(house: House) -> None:
    async def story(db: Database) -> None:
        others = await asyncio.gather(*(Database.open(house.url, house.data) for _ in range(3)))
        await db.write(put)
        for other in others:
            names = await other.read(lambda conn: conn.execute(sa.select(tables.campaigns.c.name)).scalars().all())
            assert list(names) == ["Spring"]
            await other.close()

    async def first() -> None:
        opened = await asyncio.gather(*(Database.open(house.url, house.data) for _ in range(3)))
        assert sorted(db.was for db in opened) == ["", CURRENT.head, CURRENT.head]
        for db in opened:
            await db.close()

    (loop.run if house.is_sqlite else asyncio.run)(first())
    house.run(story)


def test_tables_of_somebody_else_are_left_alone(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "callbridge.db")
    other.execute("create table contacts(name)")
    other.execute("insert into contacts values ('theirs')")
    other.commit()
    with pytest.raises(StoreError, match="not callbridge's"):
        loop.run(Database.open("", tmp_path))
    assert other.execute("select name from sqlite_master").fetchall() == [("contacts",)]
    other.close()


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path, later: Schema) -> None:
    (later.folders[-1] / "r9000_colour.py").write_text(STEP + "    op.execute('nonsense')\n")

    async def story() -> None:
        db = await Database.open("", tmp_path)
        await db.write(put)
        await db.close()
        with pytest.raises(StoreError, match="nonsense"):
            await Database.open("", tmp_path, schema=later)
        db = await Database.open("", tmp_path)
        assert await db.read(version) == CURRENT.head
        with pytest.raises(StoreError):
            await db.read(colours)
        await db.close()

    loop.run(story())


# ---- copies -------------------------------------------------------------------------------------------------------


def write_for_ever(data: Path, told: Path) -> None:
    """In a process of its own: writes attempts and tells which ones were acknowledged."""

    def add(conn: sa.Connection, n: int) -> None:
        conn.execute(
            tables.attempts.insert(),
            tables.values(base.Attempt(f"t{n}", f"+1{n}", "+1", "intent", "o", 1.0, f"att_{n}")),
        )

    async def work() -> None:
        db = await Database.open("", data)
        with told.open("ab", buffering=0) as log:
            for n in range(10**6):
                await db.write(add, n)
                log.write(b"%d\n" % n)

    asyncio.run(work())


def test_a_copy_of_the_bare_files_under_load_has_all_that_was_acknowledged(tmp_path: Path) -> None:
    data, told = tmp_path / "data", tmp_path / "told"
    writer = multiprocessing.get_context("spawn").Process(target=write_for_ever, args=(data, told))
    writer.start()
    try:
        deadline = time.monotonic() + 30
        while not told.exists() or told.stat().st_size < 500:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for n in range(8):
            # A snapshot of the disk: the writer holds still for the time of the copy, as it would for a snapshot.
            os.kill(writer.pid or 0, signal.SIGSTOP)
            acknowledged = told.read_bytes().split()
            copy = tmp_path / f"copy{n}"
            copy.mkdir()
            for name in ("callbridge.db", "callbridge.db-wal"):
                (copy / name).write_bytes((data / name).read_bytes())
            os.kill(writer.pid or 0, signal.SIGCONT)
            back_up(data / "callbridge.db", copy / "backup.db")
            for name in ("callbridge.db", "backup.db"):
                conn = sqlite3.connect(copy / name)
                assert conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                found = {row[0] for row in conn.execute("select token from attempts")}
                assert {f"t{int(number)}" for number in acknowledged} <= found
                conn.close()
            time.sleep(0.03 * n)
    finally:
        writer.kill()
        writer.join()
        writer.close()


def test_a_copy_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    async def story(db: Database) -> None:
        await db.write(put)
        assert db.address.path is not None
        with pytest.raises(StoreError, match="cannot be copied"):
            back_up(db.address.path, tmp_path / "nowhere" / "x.db")

    House("", tmp_path).run(story)
    with pytest.raises(StoreError, match="cannot be copied"):
        back_up(tmp_path / "none.db", tmp_path / "x.db")
    assert not list(tmp_path.glob("*x.db*"))
