"""PostgreSQL, by asyncpg: the same transaction functions, run on an async connection.

Connections are not tried before use. One that turns out to be dead (the server was restarted) is replaced and the
transaction begun again, once, as long as its commit was not sent; the same when the server asks for another try.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, Literal, TypeVar, TypeVarTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from bridge.errors import ConfigError
from bridge.store.address import Address
from bridge.store.sqlite import encode
from bridge.store.trouble import AGAIN_STATES, CAUGHT, as_store_error, lost, sqlstate

T = TypeVar("T")
Args = TypeVarTuple("Args")
_How = Literal["read", "write", "brief"]

CONNECTIONS = 5
CONNECT_S = 5.0
COMMAND_S = 60.0
"""A server that does not answer for so long is lost."""
WAIT_S = 5.0
"""For a row that somebody else has locked."""
_BRIEFLY = (
    "SELECT set_config('synchronous_commit', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true), "
    "set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)"
)
"""A transaction for which others wait. Its commit does not wait for the disk, `_ON_DISK` does; its statements are
planned once for a connection and not each time (0.6 ms for those of a claim); and by an index in its order, also where
the server has no figures about a table yet, because a million contacts came a moment ago."""
_ON_DISK = "SELECT pg_logical_emit_message(true, 'callbridge', ''::text)"
"""A transaction that says nothing to nobody, and is on the disk (or wherever else `synchronous_commit` wants it) when
it is committed. The log is written in its order, so everything that was committed before it is there too. By then
nobody is held up any more, and several who wait for the disk wait for it together. Does a server die in between, then
what was committed is undone with all that others have built on it, and this statement fails: nobody takes it for kept.
Source: PostgreSQL's chapter "Asynchronous Commit"."""


async def _connect(url: str) -> Any:
    """By asyncpg itself, which reads a URL as all of PostgreSQL's tools do (`?sslmode=require`)."""
    import asyncpg

    return await asyncpg.connect(
        url,
        timeout=CONNECT_S,
        command_timeout=COMMAND_S,
        server_settings={
            "application_name": "callbridge",
            "lock_timeout": str(round(WAIT_S * 1000)),
            # A frozen process must not keep others from the rows it had locked.
            "idle_in_transaction_session_timeout": "60000",
            # A machine that is gone without a word: its locks are free after 60 s, and its work is somebody else's.
            "tcp_keepalives_idle": "30",
            "tcp_keepalives_interval": "10",
            "tcp_keepalives_count": "3",
        },
    )


class PostgresPool:
    """Some connections to one server."""

    def __init__(self, address: Address) -> None:
        self._where = address.shown
        self._connect = partial(_connect, address.url)
        if find_spec("asyncpg") is None:
            raise ConfigError(
                'DATABASE_URL asks for PostgreSQL, whose driver is not installed: pip install "callbridge[postgres]"'
            )
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            pool_size=CONNECTIONS,
            max_overflow=CONNECTIONS,
            pool_timeout=WAIT_S,
            json_serializer=encode,
            json_deserializer=msgspec.json.decode,
            hide_parameters=True,
        )

    async def write(self, wait_s: float, work: Callable[[sa.Connection, *Args], T], *args: *Args) -> T:
        """One transaction that may write. `work` may run twice. Raises StoreError."""
        return await self._run(wait_s, "write", work, *args)

    async def write_briefly(self, wait_s: float, work: Callable[[sa.Connection, *Args], T], *args: *Args) -> T:
        """The same, in which others are not held up while the disk writes; see `_BRIEFLY`. Raises StoreError."""
        return await self._run(wait_s, "brief", work, *args)

    async def read(self, wait_s: float, work: Callable[[sa.Connection, *Args], T], *args: *Args) -> T:
        """One transaction that sees one state of the database. Raises StoreError."""
        return await self._run(wait_s, "read", work, *args)

    async def own_connection(self) -> Any:
        """asyncpg's connection for its holder alone, outside of the pool. Raises what asyncpg does."""
        return await self._connect()

    async def tidy(self) -> bool:
        """Let the server overwrite what was deleted, when it next needs the room. Raises StoreError."""
        try:
            async with self._engine.connect() as conn:
                await conn.execution_options(isolation_level="AUTOCOMMIT")
                await conn.exec_driver_sql("VACUUM calls, transcript_lines, attempts, contacts")
        except CAUGHT as error:
            raise as_store_error(error, self._where) from error
        return True

    async def close(self) -> None:
        """Let all connections go."""
        await self._engine.dispose()

    async def _run(self, wait_s: float, how: _How, work: Callable[[sa.Connection, *Args], T], *args: *Args) -> T:
        for last in (False, True):
            sent = False
            try:
                async with self._engine.connect() as conn:
                    if how == "read":
                        await conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                    elif wait_s != WAIT_S:
                        await conn.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, round(wait_s * 1000))}")
                    if how == "brief":
                        await conn.exec_driver_sql(_BRIEFLY)
                    found = await conn.run_sync(work, *args)
                    sent = True
                    await conn.commit()
                    if how == "brief":
                        await conn.execution_options(isolation_level="AUTOCOMMIT")
                        await conn.exec_driver_sql(_ON_DISK)
                    return found
            except CAUGHT as error:
                again = sqlstate(error) in AGAIN_STATES or (lost(error) and not sent)
                if last or not again or not isinstance(error, sa.exc.DBAPIError):
                    raise as_store_error(error, self._where) from error
        raise AssertionError  # the second round returns or raises
