"""Attempts in the database: the dial ledger's rows. Every function works inside a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bridge.store.base import OPEN, Attempt
from bridge.store.tables import as_row, attempts, values

_FIXED = {"token", "id", "phone", "contact_id", "campaign_id", "n", "claimed_at", "owner", "from_number"}
_WRITTEN = tuple(field.name for field in fields(Attempt) if field.name not in _FIXED)
"""What may change after the intent."""


def intend(conn: sa.Connection, rows: Sequence[Attempt]) -> set[str]:
    """Write intents down. The tokens of those that are: whose number has no other open attempt."""
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    written: set[str] = set()
    statement = insert(attempts).on_conflict_do_nothing().returning(attempts.c.token)
    for row in rows:
        written.update(conn.execute(statement, values(row)).scalars())
    return written


def history(conn: sa.Connection, contact_ids: Sequence[int]) -> dict[int, list[tuple[int, str, float]]]:
    """(n, outcome, when it was claimed) of every attempt of these contacts, in order."""
    query = (
        sa.select(attempts.c.contact_id, attempts.c.n, attempts.c.outcome, attempts.c.claimed_at)
        .where(attempts.c.contact_id.in_(contact_ids))
        .order_by(attempts.c.contact_id, attempts.c.n)
    )
    found: dict[int, list[tuple[int, str, float]]] = {}
    for contact_id, n, outcome, at in conn.execute(query):
        found.setdefault(contact_id, []).append((n, outcome, at))
    return found


def dialled_since(conn: sa.Connection, phones: Sequence[str], since: float) -> dict[str, list[float]]:
    """When each of these numbers was dialled since then, in whatever campaign, epoch seconds."""
    query = sa.select(attempts.c.phone, attempts.c.claimed_at).where(
        attempts.c.phone.in_(phones), attempts.c.claimed_at >= since, attempts.c.outcome != "not_placed"
    )
    found: dict[str, list[float]] = {}
    for phone, at in conn.execute(query):
        found.setdefault(phone, []).append(at)
    return found


def get(conn: sa.Connection, tokens: Sequence[str], *, lock: bool = False) -> dict[str, Attempt]:
    """Those of these tokens. `lock`: nobody else changes them until this transaction is over."""
    query = sa.select(attempts).where(attempts.c.token.in_(tokens))
    if lock:  # in one order everywhere, or two might wait for each other
        query = query.order_by(attempts.c.token).with_for_update()
    return {row["token"]: as_row(Attempt, row) for row in conn.execute(query).mappings()}


def of_id(conn: sa.Connection, attempt_id: str) -> Attempt | None:
    """The one that people call so."""
    row = conn.execute(sa.select(attempts).where(attempts.c.id == attempt_id)).mappings().first()
    return None if row is None else as_row(Attempt, row)


def of_request(conn: sa.Connection, key: str) -> Attempt | None:
    """The one that was asked for with this Idempotency-Key."""
    row = conn.execute(sa.select(attempts).where(attempts.c.request_key == key)).mappings().first()
    return None if row is None else as_row(Attempt, row)


def of_contacts(conn: sa.Connection, contact_ids: Sequence[int]) -> dict[int, list[Attempt]]:
    """Those of each of these contacts, in order."""
    query = sa.select(attempts).where(attempts.c.contact_id.in_(contact_ids)).order_by(attempts.c.n)
    found: dict[int, list[Attempt]] = {}
    for row in conn.execute(query).mappings():
        found.setdefault(row["contact_id"], []).append(as_row(Attempt, row))
    return found


def of_campaign(conn: sa.Connection, campaign_id: str) -> Sequence[Attempt]:
    """Those of a campaign, in order of time."""
    query = sa.select(attempts).where(attempts.c.campaign_id == campaign_id).order_by(attempts.c.claimed_at)
    return [as_row(Attempt, row) for row in conn.execute(query).mappings()]


def bound_to(conn: sa.Connection, carrier_call_ids: Sequence[str]) -> set[str]:
    """Which of these calls belong to an attempt already."""
    query = sa.select(attempts.c.carrier_call_id).where(attempts.c.carrier_call_id.in_(carrier_call_ids))
    return set(conn.execute(query).scalars())


def write(conn: sa.Connection, rows: Sequence[Attempt]) -> None:
    """Put what is known now of each of them."""
    if not rows:
        return
    update = (
        attempts.update()
        .where(attempts.c.token == sa.bindparam("of"))
        .values({name: sa.bindparam(f"to_{name}") for name in _WRITTEN})
    )
    conn.execute(update, [{"of": row.token, **{f"to_{n}": v for n, v in _written(row).items()}} for row in rows])


def _written(row: Attempt) -> dict[str, object]:
    given = values(row)
    return {name: given[name] for name in _WRITTEN}


def looked(conn: sa.Connection, token: str, at: float) -> None:
    """The carrier was asked for it, in vain."""
    conn.execute(attempts.update().where(attempts.c.token == token).values(looked_at=at, looks=attempts.c.looks + 1))


def open_ones(conn: sa.Connection, campaign_id: str | None = None) -> Sequence[Attempt]:
    """Every attempt that is not decided, oldest first; of one campaign, or all."""
    query = sa.select(attempts).where(attempts.c.state.in_(OPEN)).order_by(attempts.c.claimed_at)
    if campaign_id is not None:
        query = query.where(attempts.c.campaign_id == campaign_id)
    return [as_row(Attempt, row) for row in conn.execute(query).mappings()]


def count_open(conn: sa.Connection, campaign_id: str | None = None) -> int:
    """How many calls may be going on: those that wait for a person's decision are over, whatever they were."""
    going_on = [state for state in OPEN if state != "review"]
    query = sa.select(sa.func.count()).select_from(attempts).where(attempts.c.state.in_(going_on))
    if campaign_id is not None:
        query = query.where(attempts.c.campaign_id == campaign_id)
    return int(conn.execute(query).scalar_one())


def count(conn: sa.Connection, campaign_id: str) -> int:
    """How many orders were given for a campaign."""
    query = (
        sa.select(sa.func.count())
        .select_from(attempts)
        .where(attempts.c.campaign_id == campaign_id, attempts.c.outcome != "not_placed")
    )
    return int(conn.execute(query).scalar_one())


def busy_numbers(conn: sa.Connection) -> dict[str, int]:
    """How many calls go on from each of our numbers."""
    query = (
        sa.select(attempts.c.from_number, sa.func.count())
        .where(attempts.c.state.in_(OPEN))
        .group_by(attempts.c.from_number)
    )
    return {number: count for number, count in conn.execute(query)}


def ended_since(conn: sa.Connection, campaign_id: str, since: float) -> Sequence[tuple[float, str]]:
    """(when, outcome) of a campaign's attempts that ended since then, in order."""
    query = (
        sa.select(attempts.c.ended_at, attempts.c.outcome)
        .where(attempts.c.campaign_id == campaign_id, attempts.c.ended_at >= since)
        .order_by(attempts.c.ended_at)
    )
    return [(at, outcome) for at, outcome in conn.execute(query)]
