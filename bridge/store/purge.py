"""Forgetting people: calls, what was said, contacts and attempts older than a day, in files and rows.

Kept are the do-not-call list and consents (they protect the people they name), the audit trail and a campaign's own row
with its sums. A campaign that is not over keeps its people, and an attempt nobody has decided keeps its contact.

Rows go some hundred at a time, so that a dialer at work never waits long. SQLite overwrites what is deleted
(`secure_delete`) and the log that still holds it is emptied afterwards.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from bridge.errors import StoreError
from bridge.store.database import Database
from bridge.store.folder import CallFolders
from bridge.store.ids import made_at
from bridge.store.tables import IS_OPEN, attempts, calls, campaigns, contacts, webhook_deliveries

TOGETHER = 500


@dataclass(frozen=True, slots=True)
class Purged:
    """How much was forgotten, or would be."""

    folders: int
    calls: int
    attempts: int
    contacts: int
    backups: int
    """Copies that migrations made."""
    clean: bool
    """False: somebody reads the database just now, and its log still holds what was deleted until they are done."""


async def forget(db: Database, folders: CallFolders, before: float, *, dry_run: bool) -> Purged:
    """Forget what ended before this moment (epoch seconds). Files first: they are what the rows are made of.

    For a command: removing files holds the event loop.

    Raises:
        StoreError: files or rows could not be removed; it can be run again.
    """
    folders_gone = copies_gone = 0
    for path in _old_folders(folders, before):
        folders_gone += 1
        if not dry_run:
            _remove(path)
    for path in _old_copies(db, before):
        copies_gone += 1
        if not dry_run:
            _remove(path)
    gone = _count if dry_run else _delete
    old_calls = await gone(db, calls, _old_calls(before))
    old_attempts = await gone(db, attempts, _old_attempts(before))
    old_contacts = await gone(db, contacts, _old_contacts(before))
    await gone(db, webhook_deliveries, (webhook_deliveries.c.created_at < before) & _not_waiting())
    clean = True if dry_run else await db.engine.tidy()
    return Purged(folders_gone, old_calls, old_attempts, old_contacts, copies_gone, clean)


def _not_waiting() -> sa.ColumnElement[bool]:
    """Messages name people too. What is still to be told goes when it was told, or given up after days."""
    return webhook_deliveries.c.due_at.is_(None)


def _old_calls(before: float) -> sa.ColumnElement[bool]:
    return sa.func.coalesce(calls.c.ended_at, calls.c.started_at) < before


def _over(before: float) -> sa.Select[tuple[str]]:
    ended = campaigns.c.state.in_(("done", "cancelled")), campaigns.c.ended_at < before
    return sa.select(campaigns.c.id).where(*ended)


def _old_attempts(before: float) -> sa.ColumnElement[bool]:
    alone = attempts.c.campaign_id.is_(None) & (sa.func.coalesce(attempts.c.ended_at, attempts.c.claimed_at) < before)
    return ~IS_OPEN & (alone | attempts.c.campaign_id.in_(_over(before)))


def _old_contacts(before: float) -> sa.ColumnElement[bool]:
    undecided = sa.select(attempts.c.contact_id).where(attempts.c.contact_id == contacts.c.id, IS_OPEN)
    return contacts.c.campaign_id.in_(_over(before)) & ~undecided.exists()


async def _count(db: Database, table: sa.Table, which: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(which)
    return await db.read(lambda conn: int(conn.execute(query).scalar_one()))


async def _delete(db: Database, table: sa.Table, which: sa.ColumnElement[bool]) -> int:
    key = next(iter(table.primary_key.columns))
    some = table.delete().where(key.in_(sa.select(key).where(which).limit(TOGETHER)))
    gone, more = 0, True
    while more:
        count = await db.write(lambda conn: conn.execute(some).rowcount, wait_s=30.0)
        gone, more = gone + count, count == TOGETHER
    return gone


def _old_folders(folders: CallFolders, before: float) -> Iterator[Path]:
    for call_id in folders.ids():
        if made_at(call_id) >= before:
            continue
        try:
            record = folders.read(call_id)
        except StoreError:  # nothing can be read of it; its id tells its age
            yield folders.path(call_id)
            continue
        with contextlib.suppress(TypeError, ValueError):  # no end: a call that still goes on
            if datetime.fromisoformat(record["ended_at"]).timestamp() < before:
                yield folders.path(call_id)


def _old_copies(db: Database, before: float) -> Iterator[Path]:
    path = db.address.path
    if path is not None:
        yield from (copy for copy in path.parent.glob(f"{path.name}.before-*") if copy.stat().st_mtime < before)


def _remove(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as error:
        raise StoreError(f"{path} cannot be removed: {error.strerror}") from None
