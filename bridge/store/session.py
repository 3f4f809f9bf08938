"""A connection to PostgreSQL that a process holds as long as it lives: its locks prove that it does, and it hears news.

A session's advisory locks go when the server notices that its process is gone, and only then: a process that is merely
frozen keeps them. When the connection is lost the locks may already be somebody else's, so whoever held them must stop
at once; `lost` says so. SQLite has none of this: there a lock on a file proves the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bridge.errors import DatabaseLost, StoreError
from bridge.store.database import Database
from bridge.store.sqlite import SqliteLanes
from bridge.store.trouble import CAUGHT, as_store_error

ANSWER_S = 5.0
"""A server that does not answer for so long may have given our locks to somebody else."""


class Session:
    """One connection of its own. Lock keys are 64-bit signed numbers."""

    def __init__(self, conn: Any, where: str) -> None:
        self._conn = conn
        self._where = where
        self._asking = asyncio.Lock()
        self.lost = asyncio.Event()
        """Set when the connection is gone, also by `close`."""
        conn.add_termination_listener(lambda _: self.lost.set())

    @classmethod
    async def open(cls, db: Database) -> Session:
        """A new one. Raises StoreError: for SQLite, or when the server cannot be reached."""
        if isinstance(db.engine, SqliteLanes):
            raise StoreError(f"{db.address.shown} is a file: it has no sessions")
        try:
            return cls(await db.engine.own_connection(), db.address.shown)
        except CAUGHT as error:
            raise as_store_error(error, db.address.shown) from error

    async def try_lock(self, key: int) -> bool:
        """Take this lock for as long as the session lives; False when another session has it. Raises StoreError."""
        return bool(await self._ask("select pg_try_advisory_lock($1)", key))

    async def unlock(self, key: int) -> None:
        """Give it back. Raises StoreError."""
        await self._ask("select pg_advisory_unlock($1)", key)

    async def is_held(self, key: int) -> bool:
        """Does any session hold it: is its owner alive? Raises StoreError."""
        query = (
            "select exists(select from pg_locks where locktype = 'advisory' and granted and objsubid = 1 "
            "and database = (select oid from pg_database where datname = current_database()) "
            "and ((classid::bigint << 32) | objid::bigint) = $1)"
        )
        return bool(await self._ask(query, key))

    async def listen(self, channel: str, news: Callable[[str], None]) -> None:
        """Call `news` with what others tell on this channel. Raises StoreError."""
        try:
            await self._conn.add_listener(channel, lambda *told: news(str(told[3])))
        except _raised() as error:
            raise self._trouble(error) from error

    async def tell(self, channel: str, news: str = "") -> None:
        """Tell everybody who listens on it. Raises StoreError."""
        await self._ask("select pg_notify($1, $2)", channel, news)

    async def close(self) -> None:
        """Give all locks back."""
        try:
            await self._conn.close(timeout=2.0)
        except _raised():
            self._conn.terminate()
        self.lost.set()

    async def _ask(self, query: str, *values: object) -> Any:
        try:
            async with self._asking:
                return await self._conn.fetchval(query, *values, timeout=ANSWER_S)
        except _raised() as error:
            raise self._trouble(error) from error

    def _trouble(self, error: Exception) -> StoreError:
        if self._conn.is_closed():
            self.lost.set()
            return DatabaseLost(f"the session with the database {self._where} is gone, and its locks with it")
        return as_store_error(error, self._where)


def _raised() -> tuple[type[Exception], ...]:
    """What asyncpg raises; it is not imported before it is needed."""
    import asyncpg

    return (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
