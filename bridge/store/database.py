"""The database: one way in for SQLite and PostgreSQL.

A transaction is a plain function of a `sqlalchemy.Connection`, handed over whole:

    def rename(conn: sa.Connection, campaign_id: str, name: str) -> bool: ...

    done = await db.write(rename, campaign_id, "Spring")

It is committed when the function returns, and undone when it raises. It may run twice, so nothing but the database may
change by it. On SQLite it runs in the writing thread, on PostgreSQL on an async connection; measured, this is the
cheapest way there is (see `sqlite.py`), and the only one offered. Whoever needs it often builds its statements once.

Whoever waits for a write and is cancelled does not know whether it was kept.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, TypeVarTuple

import sqlalchemy as sa

from bridge.errors import StoreError
from bridge.store.address import Address, read_address
from bridge.store.schema import CURRENT, Schema
from bridge.store.sqlite import SqliteLanes, connect
from bridge.store.trouble import CAUGHT, as_store_error

if TYPE_CHECKING:
    from bridge.store.postgres import PostgresPool

T = TypeVar("T")
Args = TypeVarTuple("Args")

Connection = sa.Connection
"""What a transaction is given; opaque outside of this room."""
WAIT_S = 5.0
"""How long a transaction waits for others, where nothing else is said."""


class Database:
    """An open database whose schema is the one this code knows. Made by `Database.open`."""

    def __init__(self, address: Address, engine: SqliteLanes | PostgresPool) -> None:
        self.address = address
        self.engine = engine
        self.was = ""
        """The schema it had when it was opened; "" when it was new."""

    @classmethod
    async def open(cls, url: str, data: Path, *, upgrade: bool = False, schema: Schema = CURRENT) -> Database:
        """Open what DATABASE_URL means ("": a file in `data`), made or migrated where that is safe.

        `upgrade` migrates an older PostgreSQL too.

        Raises:
            ConfigError: the URL cannot be used.
            StoreError: the database cannot be opened, or it is older or newer than this code.
        """
        address = read_address(url, data)
        if address.path is None:
            # With it come SQLAlchemy's async part and its ORM: 9 MB, which a file of SQLite's does without.
            from bridge.store.postgres import PostgresPool

            db = cls(address, PostgresPool(address))
        else:
            _make_file(address.path)
            db = cls(address, SqliteLanes(address.path, schema.must_be_current))
        try:
            db.was = await db.write(schema.bring_up, address, upgrade, wait_s=30.0)
        except BaseException:
            await db.close()
            raise
        return db

    @property
    def is_sqlite(self) -> bool:
        """Is it a file of SQLite's?"""
        return isinstance(self.engine, SqliteLanes)

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """Which of the two it is."""
        return "sqlite" if self.is_sqlite else "postgresql"

    async def write(self, work: Callable[[sa.Connection, *Args], T], *args: *Args, wait_s: float = WAIT_S) -> T:
        """Run one transaction that may write; it is on the disk when this returns.

        `wait_s` is for others to let go of the database (SQLite) or of a row (PostgreSQL).

        Raises:
            StoreConflict: a constraint holds.
            DatabaseBusy, DatabaseFull, DatabaseLost: it may be tried again.
            StoreError: what was asked for cannot be done.
        """
        return await self.engine.write(wait_s, work, *args)

    async def write_briefly(self, work: Callable[[sa.Connection, *Args], T], *args: *Args, wait_s: float = WAIT_S) -> T:
        """`write`, for what many do at once who wait for each other: its locks are gone before the disk has its data,
        which it has when this returns. Only for few rows that are found by an index. Raises as `write` does.
        """
        if not isinstance(self.engine, SqliteLanes):
            return await self.engine.write_briefly(wait_s, work, *args)
        return await self.engine.write(wait_s, work, *args)

    async def read(self, work: Callable[[sa.Connection, *Args], T], *args: *Args, wait_s: float = WAIT_S) -> T:
        """Run one transaction that only reads, and sees one state of the database throughout. Raises StoreError."""
        return await self.engine.read(wait_s, work, *args)

    async def close(self) -> None:
        """When what is under way is done."""
        await self.engine.close()


def _make_file(path: Path) -> None:
    """The file must be there before the threads open it: they never make one, so that none is made by mistake."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connect(path, create=True).close()
    except OSError as error:
        raise StoreError(f"the database {path} cannot be made ({error.strerror})") from None
    except CAUGHT as error:
        raise as_store_error(error, str(path)) from error
