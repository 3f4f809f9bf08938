"""A look at the database that changes nothing: no file is made, nothing is migrated."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from bridge.store.address import read_address
from bridge.store.schema import CURRENT, Schema, version
from bridge.store.trouble import CAUGHT, as_store_error

WAIT_S = 3.0


@dataclass(frozen=True, slots=True)
class Glance:
    """What was seen. `new`: there is nothing yet, the first start makes it; `strange`: a schema that is not ours."""

    state: Literal["new", "current", "older", "strange"]
    shown: str
    """Where it is, without a password."""
    schema: str
    needs: str


async def glance(url: str, data: Path, schema: Schema = CURRENT) -> Glance:
    """Look at what DATABASE_URL means.

    Raises:
        ConfigError: the URL cannot be used.
        StoreError: the database cannot be read.
    """
    address = read_address(url, data)
    if address.path is None:
        from bridge.store.postgres import PostgresPool  # heavy: see `Database.open`

        pool = PostgresPool(address)
        try:
            found = await pool.read(WAIT_S, version)
        finally:
            await pool.close()
    elif not address.path.exists():
        return Glance("new", address.shown, "", schema.head)
    else:
        found = _of_file(address.path)
    state: Literal["new", "current", "older", "strange"] = (
        "new" if not found else "current" if found == schema.head else "older" if found in schema.known else "strange"
    )
    return Glance(state, address.shown, found, schema.head)


def _of_file(path: Path) -> str:
    try:
        uri = f"file:{quote(str(path.absolute()))}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=WAIT_S)) as conn:
            if not conn.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
                return ""
            row = conn.execute("SELECT version_num FROM alembic_version").fetchone()
    except CAUGHT as error:
        raise as_store_error(error, str(path)) from None
    return str(row[0]) if row else ""
