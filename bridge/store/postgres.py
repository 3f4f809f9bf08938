"""PostgreSQL, by asyncpg: the same transaction functions, run on an async connection.

Connections are not tried before use. One that turns out to be dead (the server was restarted) is replaced and the
transaction begun again, once, as long as its commit was not sent; the same when the server asks for another try.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, TypeVar, TypeVarTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from bridge.errors import ConfigError
from bridge.store.address import Address
from bridge.store.sqlite import encode
from bridge.store.trouble import AGAIN_STATES, CAUGHT, as_store_error, lost, sqlstate

T = TypeVar("T")
Args = TypeVarTuple("Args")

CONNECTIONS = 5
CONNECT_S = 5.0
COMMAND_S = 60.0
"""A server that does not answer for so long is lost."""
WAIT_S = 5.0
"""For a row that somebody else has locked."""


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
        return await self._run(wait_s, False, work, *args)

    async def read(self, wait_s: float, work: Callable[[sa.Connection, *Args], T], *args: *Args) -> T:
        """One transaction that sees one state of the database. Raises StoreError."""
        return await self._run(wait_s, True, work, *args)

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

    async def _run(self, wait_s: float, reads: bool, work: Callable[[sa.Connection, *Args], T], *args: *Args) -> T:
        for last in (False, True):
            sent = False
            try:
                async with self._engine.connect() as conn:
                    if reads:
                        await conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                    elif wait_s != WAIT_S:
                        await conn.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, round(wait_s * 1000))}")
                    found = await conn.run_sync(work, *args)
                    sent = True
                    await conn.commit()
                    return found
            except CAUGHT as error:
                again = sqlstate(error) in AGAIN_STATES or (lost(error) and not sent)
                if last or not again or not isinstance(error, sa.exc.DBAPIError):
                    raise as_store_error(error, self._where) from error
        raise AssertionError  # the second round returns or raises
