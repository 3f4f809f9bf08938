"""Contacts in the database. Every function works inside a transaction that the caller has begun."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from bridge.store.base import DUE, FINAL, Contact, ContactState
from bridge.store.tables import as_row, contacts, values

PRIORITIES = tuple(range(9, -1, -1))
"""The most urgent first."""
_ROWS = 500
"""Contacts of one INSERT."""


class Moved(NamedTuple):
    """A contact's new place."""

    id: int
    state: ContactState
    outcome: str
    due_at: float
    attempts: int
    last_attempt_at: float | None
    call_id: str


def moved(contact: Contact) -> Moved:
    """The place a contact value stands in."""
    c = contact
    return Moved(c.id, c.state, c.outcome, c.due_at, c.attempts, c.last_attempt_at, c.call_id)


def add(conn: sa.Connection, rows: Iterable[Contact]) -> int:
    """Keep new ones (their `id` is given by the database); how many there were."""
    batch: list[dict[str, object]] = []
    count = 0
    for row in rows:
        given = values(row)
        del given["id"]
        batch.append(given)
        if len(batch) == _ROWS:
            conn.execute(contacts.insert(), batch)
            count += len(batch)
            batch = []
    if batch:
        conn.execute(contacts.insert(), batch)
    return count + len(batch)


def due(conn: sa.Connection, campaign_id: str, now: float, most: int) -> Sequence[Contact]:
    """Those who may be called by now, the most urgent first; locked, and without those somebody else holds.

    One short look into the index for each priority: however many have to wait, nobody waits for them.
    """
    looks = [
        sa.select(contacts.c.id)
        .where(_waits(campaign_id), contacts.c.priority == priority, contacts.c.due_at <= now)
        .order_by(contacts.c.due_at)
        .limit(most)
        .subquery()
        for priority in PRIORITIES
    ]
    ids = list(conn.execute(sa.union_all(*(sa.select(look.c.id) for look in looks))).scalars())[:most]
    if not ids:
        return ()
    query = (
        sa.select(contacts)
        .where(contacts.c.id.in_(ids), contacts.c.state.in_(DUE))
        .order_by(contacts.c.priority.desc(), contacts.c.due_at, contacts.c.id)
        .with_for_update(skip_locked=True)
    )
    return [as_row(Contact, row) for row in conn.execute(query).mappings()]


def next_due(conn: sa.Connection, campaign_id: str) -> float | None:
    """When the first of them may be called; None when nobody waits."""
    looks = [
        sa.select(contacts.c.due_at)
        .where(_waits(campaign_id), contacts.c.priority == priority)
        .order_by(contacts.c.due_at)
        .limit(1)
        .subquery()
        for priority in PRIORITIES
    ]
    return min(conn.execute(sa.union_all(*(sa.select(look.c.due_at) for look in looks))).scalars(), default=None)


def _waits(campaign_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(contacts.c.campaign_id == campaign_id, contacts.c.state.in_(DUE))


def get(conn: sa.Connection, ids: Sequence[int]) -> dict[int, Contact]:
    """Those of these ids."""
    query = sa.select(contacts).where(contacts.c.id.in_(ids))
    return {row["id"]: as_row(Contact, row) for row in conn.execute(query).mappings()}


def move(conn: sa.Connection, places: Sequence[Moved]) -> None:
    """Put each of them into its new place."""
    if not places:
        return
    names = [name for name in Moved._fields if name != "id"]
    update = (
        contacts.update()
        .where(contacts.c.id == sa.bindparam("of"))
        .values({name: sa.bindparam(f"to_{name}") for name in names})
    )
    rows = [{"of": place.id, **{f"to_{name}": getattr(place, name) for name in names}} for place in places]
    conn.execute(update, rows)


def end_waiting(conn: sa.Connection, campaign_id: str, state: ContactState, outcome: str) -> int:
    """Everybody of a campaign who still waits to be called is not; how many they were."""
    done = conn.execute(contacts.update().where(_waits(campaign_id)).values(state=state, outcome=outcome))
    return int(done.rowcount)


def unfinished(conn: sa.Connection, campaign_id: str) -> bool:
    """Is there anybody with whom the campaign is not finished?"""
    query = (
        sa.select(contacts.c.id).where(contacts.c.campaign_id == campaign_id, contacts.c.state.not_in(FINAL)).limit(1)
    )
    return conn.execute(query).first() is not None


def without_consent(conn: sa.Connection, campaign_id: str) -> bool:
    """Is there anybody who waits and whose row names no source of consent?"""
    query = sa.select(contacts.c.id).where(_waits(campaign_id), contacts.c.consent_source == "").limit(1)
    return conn.execute(query).first() is not None


def page(
    conn: sa.Connection, campaign_id: str, *, state: str = "", after: int = 0, most: int = 100
) -> Sequence[Contact]:
    """Contacts in the order of their lines, behind the one with id `after`."""
    query = sa.select(contacts).where(contacts.c.campaign_id == campaign_id, contacts.c.id > after)
    if state:
        query = query.where(contacts.c.state == state)
    rows = conn.execute(query.order_by(contacts.c.id).limit(most)).mappings()
    return [as_row(Contact, row) for row in rows]


def forget(conn: sa.Connection, campaign_id: str, most: int) -> int:
    """Remove some of a campaign's contacts, that a long list holds nobody up; how many."""
    some = sa.select(contacts.c.id).where(contacts.c.campaign_id == campaign_id).limit(most)
    return int(conn.execute(contacts.delete().where(contacts.c.id.in_(some))).rowcount)
