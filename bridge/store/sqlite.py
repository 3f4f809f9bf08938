"""SQLite: a thread that writes, two that read, each with a connection of its own.

A transaction is one hop to its thread and runs there with the plain driver. Measured here, per transaction of three
statements with 25 columns: 0.42 ms of CPU, 0.06 of it on the event loop; through aiosqlite, which hops for each
statement, 1.6 and 1.2 ms, however the statements are given. Statements built once, with `bindparam`, take half of what
the same ones take when they are built for each use.

Written data is on the disk when a write returns (WAL, synchronous=FULL). A file that was deleted or replaced under us
would be written to without an error, and all would be lost: so each transaction looks whether the path still means it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, TypeVarTuple
from urllib.parse import quote

import msgspec
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from bridge.errors import DatabaseLost
from bridge.store.trouble import CAUGHT, as_store_error

T = TypeVar("T")
Args = TypeVarTuple("Args")
Check = Callable[[sa.Connection], None]

READERS = 2
"""A long report shall not hold up a page."""
CACHE_KIB = 512
"""Pages that a connection keeps. SQLite's own choice, 2 MB each, was most of what a process grew by in its first
thousands of calls, and made nothing quicker that was measured (attempts, imports, lists of 100,000 calls)."""
_STEP_MS = 50
"""A waiting time is told to SQLite anew when it differs by this much."""


def encode(value: object) -> str:
    """JSON columns as text."""
    return msgspec.json.encode(value).decode()


def connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """A connection that leaves transactions to us. It never makes a file unless told so."""
    uri = f"file:{quote(str(path.absolute()))}?mode={'rwc' if create else 'rw'}"
    conn = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute("PRAGMA synchronous=FULL")
        conn.execute("PRAGMA foreign_keys=ON")
        conn.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        conn.execute("PRAGMA secure_delete=ON")  # what is purged shall not be found in free pages
        conn.execute("PRAGMA journal_size_limit=67108864")  # a great import leaves no great WAL behind
    except sqlite3.Error:
        conn.close()
        raise
    return conn


class Lane:
    """One thread and its connection. `check` looks at the schema of a file that is not the one of before."""

    def __init__(self, path: Path, name: str, check: Check, *, writes: bool) -> None:
        self._path = path
        self._check = check
        self._begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
        self._writes = writes
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._engine = sa.create_engine(
            "sqlite://",
            creator=lambda: connect(path),
            poolclass=NullPool,
            json_serializer=encode,
            json_deserializer=msgspec.json.decode,
            hide_parameters=True,
        )
        self._conn: sa.Connection | None = None
        self._raw: sqlite3.Connection | None = None
        self._file = (0, 0)  # device and inode
        self._timeout_ms = -1
        self.waiting = 0

    async def run(self, wait_s: float, work: Callable[[sa.Connection, *Args], T], *args: *Args) -> T:
        """One transaction. Waits `wait_s` at most for others to let go, from now on. Raises StoreError."""
        deadline = time.monotonic() + wait_s
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._thread, lambda: self._transact(deadline, work, *args)
            )
        finally:
            self.waiting -= 1

    async def alone(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What cannot be part of a transaction (VACUUM, checkpoint, backup). Raises StoreError."""

        def do() -> T:
            try:
                self._connected()
                self._patience(time.monotonic() + 5.0)
                assert self._raw is not None  # noqa: S101 - narrows the type
                return work(self._raw)
            except CAUGHT as error:
                raise as_store_error(error, str(self._path)) from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, do)

    async def close(self) -> None:
        """After what is under way."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
        self._thread.shutdown()

    def _transact(self, deadline: float, work: Callable[[sa.Connection, *Args], T], *args: *Args) -> T:
        try:
            conn = self._connected()
            self._patience(deadline)
            with conn.begin():
                return work(conn, *args)
        except CAUGHT as error:
            found = as_store_error(error, str(self._path))
            if isinstance(found, DatabaseLost):
                self._drop()
            raise found from error

    def _connected(self) -> sa.Connection:
        """The connection to the file that stands at the path now."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._drop()
            raise DatabaseLost(f"the database {self._path} is not there any more: put it back, or a backup") from None
        file = (stat.st_dev, stat.st_ino)
        if self._conn is not None and file == self._file:
            return self._conn
        self._drop()
        conn = self._engine.connect()
        try:
            raw = self._prepare(conn)
            if self._file not in ((0, 0), file):
                with conn.begin():
                    self._check(conn)
        except BaseException:
            conn.close()
            raise
        self._conn, self._raw, self._file, self._timeout_ms = conn, raw, file, -1
        return conn

    def _prepare(self, conn: sa.Connection) -> sqlite3.Connection:
        raw = conn.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)  # noqa: S101 - narrows the type
        begin = self._begin
        # SQLAlchemy's own begin does nothing here; and in the plain driver's words it costs a tenth.
        sa.event.listen(conn, "begin", lambda _: raw.execute(begin))
        if not self._writes:
            raw.execute("PRAGMA query_only=ON")
        return raw

    def _patience(self, deadline: float) -> None:
        left_ms = max(0, round((deadline - time.monotonic()) * 1000))
        if abs(left_ms - self._timeout_ms) >= _STEP_MS or (left_ms == 0 and self._timeout_ms != 0):
            assert self._raw is not None  # noqa: S101 - connected before
            self._raw.execute(f"PRAGMA busy_timeout={left_ms}")
            self._timeout_ms = left_ms

    def _drop(self) -> None:
        conn, self._conn, self._raw = self._conn, None, None
        if conn is None:
            return
        try:
            conn.close()
        except CAUGHT:  # of a file that is gone; the connection is let go of all the same
            conn.invalidate()


class SqliteLanes:
    """The threads of one database file."""

    def __init__(self, path: Path, check: Check) -> None:
        self.writer = Lane(path, "store-write", check, writes=True)
        self._readers = [Lane(path, f"store-read-{n}", check, writes=False) for n in range(READERS)]

    async def write(self, wait_s: float, work: Callable[[sa.Connection, *Args], T], *args: *Args) -> T:
        """One transaction that may write."""
        return await self.writer.run(wait_s, work, *args)

    async def read(self, wait_s: float, work: Callable[[sa.Connection, *Args], T], *args: *Args) -> T:
        """One transaction that sees one state of the database."""
        lane = min(self._readers, key=lambda reader: reader.waiting)
        return await lane.run(wait_s, work, *args)

    async def tidy(self) -> bool:
        """Fold the log into the file and empty it; False when somebody's reading kept it from being emptied."""
        busy, _, _ = await self.writer.alone(lambda raw: raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
        return not busy

    async def close(self) -> None:
        """The writer last: it folds the WAL into the file."""
        for lane in (*self._readers, self.writer):
            await lane.close()
