"""Who did what to what, and how it was before. Entries are added and never changed."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from bridge.store.base import AuditEntry
from bridge.store.database import Database
from bridge.store.tables import as_row, audit, values

_ADD = audit.insert()


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some entries, newest first; `before` brings the next page, None after the last."""

    entries: tuple[AuditEntry, ...]
    before: int | None


class Audit:
    """The trail, one transaction a question."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, entry: AuditEntry) -> None:
        """Write an entry. Raises StoreError."""
        await self._db.write(note, entry)

    async def page(self, limit: int, *, subject: str = "", before: int | None = None) -> AuditPage:
        """The newest entries, or those of one subject, or those before a page. Raises StoreError."""
        return await self._db.read(_page, limit, subject, before)


def note(conn: sa.Connection, entry: AuditEntry) -> None:
    """Write an entry in the transaction that does what it tells: both are kept, or neither."""
    conn.execute(_ADD, values(entry))


def _page(conn: sa.Connection, limit: int, subject: str, before: int | None) -> AuditPage:
    query = sa.select(audit).order_by(audit.c.id.desc()).limit(limit + 1)
    if subject:
        query = query.where(audit.c.subject == subject)
    if before is not None:
        query = query.where(audit.c.id < before)
    rows = conn.execute(query).mappings().all()
    more = len(rows) > limit
    return AuditPage(tuple(as_row(AuditEntry, row) for row in rows[:limit]), rows[limit - 1]["id"] if more else None)
