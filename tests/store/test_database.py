"""One way into both databases: what a transaction promises, and what is said when it cannot be had."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from postgres_server import Server, empty_schema
from store_house import House

from bridge.errors import ConfigError, DatabaseBusy, DatabaseFull, DatabaseLost, StoreConflict, StoreError
from bridge.sim import loop
from bridge.store import base, tables
from bridge.store.address import read_address
from bridge.store.database import Database
from bridge.store.inserts import insert

ANNA = "+14155550101"
BEN = "+14155550102"


def campaign(db_id: str = "c1") -> base.Campaign:
    return base.Campaign(db_id, "Spring", "running", "", "", {"concurrency": 2}, 1.0)


def attempt(token: str, phone: str = ANNA, state: base.AttemptState = "intent") -> base.Attempt:
    return base.Attempt(token, phone, BEN, state, "owner-1", 10.0, id=f"att_{token}", variables={"name": "Ann"})


def add(conn: sa.Connection, table: sa.Table, row: object) -> None:
    conn.execute(table.insert(), tables.values(row))


def tokens(conn: sa.Connection) -> list[str]:
    return list(conn.execute(sa.select(tables.attempts.c.token).order_by(tables.attempts.c.token)).scalars())


# ---- what holds on both -------------------------------------------------------------------------------------------


def test_rows_come_back_as_they_went_in(house: House) -> None:
    contact = base.Contact(
        7, "c1", 2, ANNA, "Ann", {"city": "Ürümqi"}, zones=("America/New_York", "America/Chicago"), due_at=5.5
    )
    rows: list[tuple[sa.Table, object]] = [
        (tables.campaigns, campaign()),
        (tables.contacts, contact),
        (tables.attempts, attempt("t1")),
        (tables.do_not_call, base.DoNotCall(ANNA, 1.5, "call", "said so")),
        (tables.calls, base.CallRow("call_1", "CA1", "outbound", BEN, ANNA, "survey", 1.0, usage={"input": 3})),
    ]

    def put(conn: sa.Connection) -> None:
        for table, row in rows:
            add(conn, table, row)

    def get(conn: sa.Connection) -> list[object]:
        found = []
        for table, row in rows:
            found.append(tables.as_row(type(row), conn.execute(sa.select(table)).mappings().one()))
        return found

    async def story(db: Database) -> None:
        await db.write(put)
        assert await db.read(get) == [row for _, row in rows]

    house.run(story)


def test_a_number_has_one_open_attempt_over_all_campaigns(house: House) -> None:
    async def story(db: Database) -> None:
        await db.write(add, tables.attempts, attempt("t1"))
        for state in base.OPEN:
            with pytest.raises(StoreConflict) as refused:
                await db.write(add, tables.attempts, attempt("t2", state=state))
            assert ANNA not in str(refused.value), "an error's sentence goes to logs"
        await db.write(add, tables.attempts, attempt("t2", BEN))
        await db.write(add, tables.attempts, attempt("t3", state="closed"))
        await db.write(lambda conn: conn.execute(tables.attempts.update().values(state="closed")))
        await db.write(add, tables.attempts, attempt("t4"))
        assert await db.read(tokens) == ["t1", "t2", "t3", "t4"]

    house.run(story)


def test_a_contact_stands_once_in_a_campaign_and_an_attempt_s_number_once(house: House) -> None:
    def twice(conn: sa.Connection) -> None:
        add(conn, tables.contacts, base.Contact(1, "c1", 2, ANNA))
        add(conn, tables.contacts, base.Contact(2, "c1", 3, ANNA))

    def numbered_twice(conn: sa.Connection) -> None:
        add(conn, tables.contacts, base.Contact(1, "c1", 2, ANNA))
        for token in ("t1", "t2"):
            made = base.Attempt(
                token, ANNA, BEN, "closed", "o", 1.0, f"att_{token}", contact_id=1, campaign_id="c1", n=1
            )
            add(conn, tables.attempts, made)

    async def story(db: Database) -> None:
        await db.write(add, tables.campaigns, campaign())
        for wrong in (twice, numbered_twice):
            with pytest.raises(StoreConflict):
                await db.write(wrong)
        with pytest.raises(StoreConflict):  # of no campaign
            await db.write(add, tables.contacts, base.Contact(1, "nobody's", 2, ANNA))
        assert await db.read(lambda conn: conn.execute(sa.select(tables.contacts)).all()) == []

    house.run(story)


def test_what_raises_is_undone_and_leaves_the_database_as_good_as_before(house: House) -> None:
    def fails(conn: sa.Connection) -> None:
        add(conn, tables.attempts, attempt("t1"))
        raise LookupError("on the way")

    async def story(db: Database) -> None:
        with pytest.raises(LookupError, match="on the way"):
            await db.write(fails)
        assert await db.read(tokens) == []
        with pytest.raises(StoreError):
            await db.write(lambda conn: conn.execute(sa.text("select nothing from nowhere")))
        await db.write(add, tables.attempts, attempt("t1"))
        assert await db.read(tokens) == ["t1"]

    house.run(story)


def test_a_read_sees_one_state_and_cannot_write(house: House) -> None:
    async def story(db: Database) -> None:
        with pytest.raises(StoreError):
            await db.read(add, tables.attempts, attempt("t1"))
        assert await db.read(tokens) == []
        await asyncio.gather(*(db.write(add, tables.attempts, attempt(f"t{n}", f"+1415555{n:04}")) for n in range(20)))
        assert len(await db.read(tokens)) == 20

    house.run(story)


def test_an_insert_that_finds_the_row_there_says_so_in_one_statement(house: House) -> None:
    def claim(conn: sa.Connection, token: str) -> bool:
        made = insert(conn.dialect.name, tables.attempts).on_conflict_do_nothing().returning(tables.attempts.c.token)
        return conn.execute(made, tables.values(attempt(token))).first() is not None

    async def story(db: Database) -> None:
        assert [await db.write(claim, token) for token in ("t1", "t2", "t1")] == [True, False, False]

    house.run(story)


def test_text_that_cannot_be_stored_is_refused_in_a_sentence(house: House) -> None:
    async def story(db: Database) -> None:
        with pytest.raises(StoreError) as refused:
            await db.write(add, tables.do_not_call, base.DoNotCall(ANNA, 1.0, "call", "half \ud83d a pair"))
        assert "\n" not in str(refused.value)
        assert await db.read(lambda conn: conn.execute(sa.select(tables.do_not_call)).all()) == []

    house.run(story)


def test_a_claim_reads_the_index_that_was_made_for_it(tmp_path: Path) -> None:
    contacts = tables.contacts
    claim = (
        sa.select(contacts)
        .where(contacts.c.campaign_id == "c1", tables.IS_DUE, contacts.c.priority == 5, contacts.c.due_at <= 1.0)
        .order_by(contacts.c.due_at)
        .limit(10)
    )
    is_open = sa.select(tables.attempts.c.token).where(tables.attempts.c.phone == ANNA, tables.IS_OPEN)

    def plan(conn: sa.Connection, query: sa.Select[tuple[object]]) -> str:
        text = str(query.compile(conn, compile_kwargs={"literal_binds": True}))
        return " ".join(row[-1] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))

    async def story(db: Database) -> None:
        used = await db.read(plan, claim)
        assert "ix_contacts_due (campaign_id=? AND priority=? AND due_at<?)" in used
        assert "TEMP B-TREE" not in used
        assert "uq_attempts_open_phone" in await db.read(plan, is_open)

    House("", tmp_path).run(story)


# ---- SQLite in trouble --------------------------------------------------------------------------------------------


def sqlite_story(data: Path, story: Callable[[Database], Awaitable[None]]) -> None:
    House("", data).run(story)


def delete(data: Path) -> None:
    """The database with all that stands beside it."""
    for file in data.glob("callbridge.db*"):
        file.unlink()


def test_a_database_that_another_program_holds_is_waited_for_and_then_busy(tmp_path: Path) -> None:
    async def story(db: Database) -> None:
        other = sqlite3.connect(tmp_path / "callbridge.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        began = asyncio.get_running_loop().time()
        many = [db.write(add, tables.attempts, attempt(f"t{n}"), wait_s=0.1) for n in range(5)]
        answers = await asyncio.gather(*many, return_exceptions=True)
        assert [type(answer) for answer in answers] == [DatabaseBusy] * 5
        assert all(answer.retry for answer in answers if isinstance(answer, StoreError))
        assert asyncio.get_running_loop().time() - began < 5, "they wait together, not one after the other"
        assert await db.read(tokens) == [], "readers are not held up"
        other.execute("COMMIT")
        other.close()
        await db.write(add, tables.attempts, attempt("t1"), wait_s=0.1)
        assert await db.read(tokens) == ["t1"]

    sqlite_story(tmp_path, story)


def test_a_full_disk_undoes_the_write_and_work_goes_on_when_there_is_room(tmp_path: Path) -> None:
    def limit(conn: sa.Connection, pages: int) -> None:
        conn.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    def fill(conn: sa.Connection) -> None:
        for n in range(200):
            add(conn, tables.do_not_call, base.DoNotCall(f"+1415555{n:04}", 1.0, "import", "x" * 4000))

    async def story(db: Database) -> None:
        await db.write(add, tables.attempts, attempt("t1"))
        await db.write(limit, 60)
        with pytest.raises(DatabaseFull) as full:
            await db.write(fill)
        assert full.value.retry
        assert "make room" in str(full.value)
        assert await db.read(tokens) == ["t1"]
        await db.write(limit, 1_000_000)
        await db.write(fill)
        await db.write(add, tables.attempts, attempt("t2", BEN))
        assert await db.read(tokens) == ["t1", "t2"]

    sqlite_story(tmp_path, story)


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no small disk can be made here")
def test_a_disk_that_is_really_full_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    story = Path(__file__).with_name("full_disk.py")
    script = f"mount -t tmpfs -o size=2m tmpfs {tmp_path} && head -c 600000 /dev/zero >{tmp_path}/ballast && exec "
    command = ["unshare", "-m", "sh", "-c", f"{script}{sys.executable} {story} {tmp_path}"]
    told = subprocess.run(command, check=False, capture_output=True, timeout=60)
    if told.returncode and b"Traceback" not in told.stderr:
        pytest.skip(f"no small disk can be made here: {told.stderr.decode().strip()}")
    found = json.loads(told.stdout)
    assert found["said"] == "DatabaseFull"
    assert found["acknowledged"] == found["found"] > 10
    assert found["integrity"] == "ok"


def test_a_file_that_is_moved_away_takes_nothing_until_it_is_back(tmp_path: Path) -> None:
    path, away = tmp_path / "callbridge.db", tmp_path / "away.db"

    async def story(db: Database) -> None:
        await db.write(add, tables.attempts, attempt("t1"))
        path.rename(away)
        for work in (db.write(add, tables.attempts, attempt("t2", BEN)), db.read(tokens)):
            with pytest.raises(DatabaseLost, match="not there any more"):
                await work
        assert not path.exists(), "an empty one in its place would know nobody who must not be called"
        away.rename(path)
        await db.write(add, tables.attempts, attempt("t3", BEN))
        assert await db.read(tokens) == ["t1", "t3"]

    sqlite_story(tmp_path, story)


def test_a_backup_put_in_place_of_the_file_is_taken_up(tmp_path: Path) -> None:
    path, copy = tmp_path / "callbridge.db", tmp_path / "copy.db"

    async def story(db: Database) -> None:
        await db.write(add, tables.attempts, attempt("t1"))
        with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
            source.backup(target)
        source.close()
        target.close()
        await db.write(add, tables.attempts, attempt("t2", BEN))
        delete(tmp_path)
        copy.rename(path)
        assert await db.read(tokens) == ["t1"]
        await db.write(add, tables.attempts, attempt("t3", BEN))
        assert await db.read(tokens) == ["t1", "t3"]
        path.unlink()
        shutil.copy(__file__, path)
        with pytest.raises(DatabaseLost):
            await db.write(add, tables.attempts, attempt("t4", "+14155550104"))

    sqlite_story(tmp_path, story)


def test_a_foreign_file_in_its_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "callbridge.db"

    async def story(db: Database) -> None:
        await db.write(add, tables.attempts, attempt("t1"))
        delete(tmp_path)
        other = sqlite3.connect(path)
        other.execute("create table attempts(token)")
        other.close()
        with pytest.raises(StoreError, match="schema"):
            await db.write(add, tables.attempts, attempt("t2"))
        with pytest.raises(StoreError, match="schema"):
            await db.write(add, tables.attempts, attempt("t2"))

    sqlite_story(tmp_path, story)


def test_a_read_only_database_is_lost_and_found(tmp_path: Path) -> None:
    def only_read(conn: sa.Connection, on: int) -> None:
        conn.exec_driver_sql(f"PRAGMA query_only={on}")

    async def story(db: Database) -> None:
        await db.write(only_read, 1)
        with pytest.raises(DatabaseLost, match="readonly"):
            await db.write(add, tables.attempts, attempt("t1"))
        # The connection is given up with that, and the next one can write again.
        await db.write(add, tables.attempts, attempt("t1"))
        assert await db.read(tokens) == ["t1"]

    sqlite_story(tmp_path, story)


# ---- PostgreSQL in trouble ----------------------------------------------------------------------------------------


def test_a_server_that_dies_is_lost_and_is_used_again_when_it_is_back(postgres: Server, tmp_path: Path) -> None:
    if postgres.bin is None:
        pytest.skip("DATABASE_URL_TEST is not ours to stop")

    async def story() -> None:
        db = await Database.open(empty, tmp_path)
        await db.write(add, tables.attempts, attempt("t1"))
        await asyncio.to_thread(postgres.crash)
        for work in (db.write(add, tables.attempts, attempt("t2", BEN)), db.read(tokens)):
            with pytest.raises(DatabaseLost) as lost:
                await work
            assert "\n" not in str(lost.value)
        await asyncio.to_thread(postgres.start)
        await db.write(add, tables.attempts, attempt("t3", BEN))
        assert await db.read(tokens) == ["t1", "t3"]
        await db.close()

    empty = empty_schema(postgres)
    asyncio.run(story())


def test_a_restart_between_two_writes_is_not_even_noticed(postgres: Server, tmp_path: Path) -> None:
    if postgres.bin is None:
        pytest.skip("DATABASE_URL_TEST is not ours to stop")

    async def story() -> None:
        db = await Database.open(empty, tmp_path)
        await asyncio.gather(*(db.read(tokens) for _ in range(4)))  # several connections, all of which die
        await asyncio.to_thread(postgres.crash)
        await asyncio.to_thread(postgres.start)
        for n in range(4):
            await db.write(add, tables.attempts, attempt(f"t{n}", f"+1415555{n:04}"))
        assert len(await db.read(tokens)) == 4
        await db.close()

    empty = empty_schema(postgres)
    asyncio.run(story())


def test_a_row_that_another_holds_is_waited_for_and_then_busy(postgres: Server, tmp_path: Path) -> None:
    def close(conn: sa.Connection) -> None:
        conn.execute(tables.attempts.update().values(state="closed"))

    async def story() -> None:
        db, other = await Database.open(empty, tmp_path), await Database.open(empty, tmp_path)
        await db.write(add, tables.attempts, attempt("t1"))
        taken, let_go = asyncio.Event(), asyncio.Event()

        def take(conn: sa.Connection) -> None:
            conn.execute(tables.attempts.update().values(sip=1))
            taken.set()
            sa.util.await_only(let_go.wait())

        holder = asyncio.create_task(other.write(take))
        await taken.wait()
        with pytest.raises(DatabaseBusy):
            await db.write(close, wait_s=0.1)
        let_go.set()
        await holder
        await db.write(close, wait_s=0.1)
        await other.close()
        await db.close()

    empty = empty_schema(postgres)
    asyncio.run(story())


# ---- addresses ----------------------------------------------------------------------------------------------------


def test_addresses_as_people_write_them(tmp_path: Path) -> None:
    for url, path in {
        "": tmp_path / "callbridge.db",
        "sqlite:///data/x.db": Path("data/x.db"),
        "sqlite+aiosqlite:///data/x.db": Path("data/x.db"),
        "sqlite:////var/lib/a%20b.db": Path("/var/lib/a b.db"),
    }.items():
        assert read_address(url, tmp_path).path == path
    for scheme in ("postgres", "postgresql", "postgresql+asyncpg"):
        found = read_address(f"{scheme}://anna:zqpw@db.example.test/bridge?sslmode=require", tmp_path)
        assert found.url == "postgresql://anna:zqpw@db.example.test/bridge?sslmode=require"
        assert found.shown == "postgresql://anna:***@db.example.test/bridge?sslmode=require"
    for wrong in (
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://x.db",
        "mysql://a:zqpw@h/d",
        "x.db",
        "://",
    ):
        with pytest.raises(ConfigError) as refused:
            read_address(wrong, tmp_path)
        assert "DATABASE_URL" in str(refused.value)
        assert "zqpw" not in str(refused.value)


def test_a_place_that_cannot_be_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "text.db").write_text("no database at all, but long enough to be looked at" * 20)
    for url in (f"sqlite:///{tmp_path}/file/x.db", f"sqlite:///{tmp_path}", f"sqlite:///{tmp_path}/text.db"):
        with pytest.raises(StoreError) as refused:
            loop.run(Database.open(url, tmp_path))
        assert "\n" not in str(refused.value)
    with pytest.raises(StoreError, match="cannot be reached"):
        asyncio.run(Database.open("postgresql://anna:zqpw@127.0.0.1:1/none", tmp_path))
