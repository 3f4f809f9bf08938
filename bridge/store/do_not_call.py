"""Who may not be called any more: over all campaigns, at once, and for ever.

Functions of a connection are for whoever has a transaction already: a claim, an import, the end of a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from bridge.store import audit, webhooks
from bridge.store.base import AuditEntry, DoNotCall
from bridge.store.database import Database
from bridge.store.inserts import insert
from bridge.store.tables import IS_DUE, as_row, contacts, do_not_call, values

T = TypeVar("T")

REASON = "do_not_call"
"""What a contact that is skipped for this has as its outcome."""
_SAID = ("call", "key")
"""Sources that are people who said so, and not whoever keeps the list."""
TOGETHER = 500
"""Numbers in one statement; SQLite takes 32,766 values, and the writer must not be held for long."""

_SKIP = (
    contacts.update()
    .where(contacts.c.phone.in_(sa.bindparam("phones", expanding=True)), IS_DUE)
    .values(state="skipped", outcome=REASON)
)
_LISTED = sa.select(do_not_call.c.phone).where(do_not_call.c.phone.in_(sa.bindparam("phones", expanding=True)))
_PAGE = sa.select(do_not_call).order_by(do_not_call.c.added_at.desc(), do_not_call.c.phone.desc())


class DoNotCallList:
    """The list, one transaction a question."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, entry: DoNotCall) -> bool:
        """Add a number and skip it wherever it waits; was it new? Raises StoreError."""
        return bool(await self._db.write(add, [entry]))

    async def add_many(self, entries: Iterable[DoNotCall]) -> int:
        """Add a whole list, some hundred a transaction; how many were new? Raises StoreError."""
        new = 0
        for part in _parts(entries):
            new += await self._db.write(add, part)
        return new

    async def listed(self, phones: Iterable[str]) -> frozenset[str]:
        """Which of these numbers are on it. Raises StoreError."""
        return await self._db.read(listed, phones)

    async def get(self, phone: str) -> DoNotCall | None:
        """The entry of a number. Raises StoreError."""
        return await self._db.read(_get, phone)

    async def remove(self, phone: str, *, who: str, at: float, why: str) -> bool:
        """Take a number off, after a mistake, and write down who did; was it on? Raises StoreError."""
        return await self._db.write(_remove, phone, AuditEntry(at, who, "do_not_call.remove", phone, {}, {"why": why}))

    async def page(self, limit: int, after: DoNotCall | None = None) -> list[DoNotCall]:
        """The newest, or those that come after `after`. Raises StoreError."""
        return await self._db.read(_page, limit, after)


def add(conn: sa.Connection, entries: Iterable[DoNotCall]) -> int:
    """Add numbers, and skip the contacts that wait for a call to them; how many were new?"""
    new = 0
    for part in _parts(entries):
        rows = list({entry.phone: values(entry) for entry in part}.values())
        made = insert(conn.dialect.name, do_not_call).on_conflict_do_nothing().returning(do_not_call.c.phone)
        fresh = set(conn.execute(made, rows).scalars())
        new += len(fresh)
        webhooks.announce(conn, [_opted_out(row) for row in rows if row["phone"] in fresh and row["source"] in _SAID])
        conn.execute(_SKIP, {"phones": [row["phone"] for row in rows]})
    return new


def _opted_out(row: dict[str, Any]) -> webhooks.Event:
    """They said so themselves."""
    told = {name: row[name] for name in ("phone", "source", "reason", "call_id")}
    return webhooks.Event(
        "contact.opted_out", f"contact.opted_out:{row['phone']}:{row['added_at']}", row["added_at"], told
    )


def listed(conn: sa.Connection, phones: Iterable[str]) -> frozenset[str]:
    """Which of these numbers are on it."""
    found: set[str] = set()
    for part in _parts(phones):
        found.update(conn.execute(_LISTED, {"phones": part}).scalars())
    return frozenset(found)


def _remove(conn: sa.Connection, phone: str, entry: AuditEntry) -> bool:
    was = conn.execute(sa.select(do_not_call).where(do_not_call.c.phone == phone)).mappings().first()
    if was is None:
        return False
    conn.execute(do_not_call.delete().where(do_not_call.c.phone == phone))
    audit.note(conn, AuditEntry(entry.at, entry.who, entry.what, phone, dict(was), entry.after))
    return True


def _get(conn: sa.Connection, phone: str) -> DoNotCall | None:
    row = conn.execute(sa.select(do_not_call).where(do_not_call.c.phone == phone)).mappings().first()
    return None if row is None else as_row(DoNotCall, row)


def _page(conn: sa.Connection, limit: int, after: DoNotCall | None) -> list[DoNotCall]:
    query = _PAGE.limit(limit)
    if after is not None:
        place = sa.tuple_(do_not_call.c.added_at, do_not_call.c.phone)
        query = query.where(place < sa.tuple_(sa.literal(after.added_at), sa.literal(after.phone)))
    return [as_row(DoNotCall, row) for row in conn.execute(query).mappings()]


def _parts(items: Iterable[T]) -> Iterator[list[T]]:
    """Some hundred at a time."""
    rest = iter(items)
    while part := list(islice(rest, TOGETHER)):
        yield part
