"""Which dialers are at work on this database: each says so now and then, by the database's own clock."""

from __future__ import annotations

import sqlalchemy as sa

from bridge.store.database import Database
from bridge.store.inserts import insert
from bridge.store.tables import dialers

LIVE_S = 10.0
"""Who has not said so for this long does not count any more. (Dead is another question: see `proof.py`.)"""
KEPT_S = 86_400.0


async def count(db: Database, owner: str) -> int:
    """Say that `owner` (`host:pid:...`) is at work; how many are, with it. One on SQLite. Raises StoreError."""
    return 1 if db.is_sqlite else await db.write(_count, owner)


def _count(conn: sa.Connection, owner: str) -> int:
    now = float(conn.execute(sa.select(sa.func.extract("epoch", sa.func.clock_timestamp()))).scalar_one())
    host, _, rest = owner.partition(":")
    row = {"owner": owner, "host": host, "pid": int(rest.partition(":")[0] or 0), "started_at": now, "seen_at": now}
    statement = insert(conn.dialect.name, dialers).values(row)
    conn.execute(statement.on_conflict_do_update(index_elements=["owner"], set_={"seen_at": now}))
    conn.execute(dialers.delete().where(dialers.c.seen_at < now - KEPT_S))
    query = sa.select(sa.func.count()).select_from(dialers).where(dialers.c.seen_at > now - LIVE_S)
    return max(1, int(conn.execute(query).scalar_one()))
