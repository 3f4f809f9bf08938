"""Writes into the folder it is given until the disk is full, makes room, writes again; prints what was seen."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import sqlalchemy as sa

from bridge.errors import StoreError
from bridge.store.base import DoNotCall
from bridge.store.database import Database
from bridge.store.tables import do_not_call, values


def add(conn: sa.Connection, n: int) -> None:
    """One row of some pages."""
    conn.execute(do_not_call.insert(), values(DoNotCall(f"+1415555{n:04}", 1.0, "import", "x" * 2000)))


async def main(folder: Path) -> None:
    """The story."""
    db = await Database.open("", folder)
    kept, said = 0, ""
    while not said:
        try:
            await db.write(add, kept)
            kept += 1
        except StoreError as error:
            said = type(error).__name__
    count = sa.select(sa.func.count()).select_from(do_not_call)
    found = await db.read(lambda conn: conn.execute(count).scalar_one())
    (folder / "ballast").unlink()
    await db.write(add, 9999)
    whole = await db.read(lambda conn: conn.exec_driver_sql("PRAGMA integrity_check").scalar_one())
    await db.close()
    json.dump({"said": said, "acknowledged": kept, "found": found, "integrity": whole}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
