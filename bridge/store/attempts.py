"""Attempts in the database: the dial ledger's rows. Every function works inside a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from functools import cache
from typing import cast

import sqlalchemy as sa

from bridge.store.base import Attempt
from bridge.store.inserts import insert
from bridge.store.tables import IS_OPEN, as_row, as_rows, attempts, one_of, padded, values

_FIXED = {"token", "id", "phone", "contact_id", "campaign_id", "n", "claimed_at", "owner", "from_number", "agent"}
_FIXED |= {"variables", "terms", "request_key", "request_hash", "looked_at", "looks"}
_WRITTEN = tuple(field.name for field in fields(Attempt) if field.name not in _FIXED)
"""What evidence may change after the intent."""


@cache
def _intend(dialect: str) -> sa.Executable:
    """Built once: building a statement costs as much as running it (see `sqlite.py`)."""
    return cast("sa.Executable", insert(dialect, attempts).on_conflict_do_nothing().returning(attempts.c.id))


# These too.
_HISTORY = (
    sa.select(attempts.c.contact_id, attempts.c.n, attempts.c.outcome, attempts.c.claimed_at)
    .where(one_of(attempts.c.contact_id, "contact_ids"))
    .order_by(attempts.c.contact_id, attempts.c.n)
)
WAS_DIALLED = attempts.c.outcome.not_in([sa.literal_column("'not_placed'"), sa.literal_column("'refused'")])
"""Of the others nobody's phone rang."""
_DIALLED = sa.select(attempts.c.phone, attempts.c.claimed_at).where(
    one_of(attempts.c.phone, "phones"), attempts.c.claimed_at >= sa.bindparam("since"), WAS_DIALLED
)
_GET = sa.select(attempts).where(one_of(attempts.c.token, "tokens"))
_GET_LOCKED = _GET.order_by(attempts.c.token).with_for_update()  # in one order, or two might wait for each other
_BOUND = sa.select(attempts.c.carrier_call_id).where(one_of(attempts.c.carrier_call_id, "ids"))
_WRITE = (
    attempts.update()
    .where(attempts.c.id == sa.bindparam("of"))
    .values({name: sa.bindparam(f"to_{name}") for name in _WRITTEN})
)
_OPEN_ONES = sa.select(attempts).where(IS_OPEN).order_by(attempts.c.claimed_at)
_OF_CAMPAIGN = attempts.c.campaign_id == sa.bindparam("campaign_id")
_OPEN_OF_CAMPAIGN = _OPEN_ONES.where(_OF_CAMPAIGN)
_COUNT_OPEN = sa.select(sa.func.count()).select_from(attempts).where(IS_OPEN, attempts.c.state != "review")
_COUNT_OPEN_OF_CAMPAIGN = _COUNT_OPEN.where(_OF_CAMPAIGN)


def intend(conn: sa.Connection, rows: Sequence[Attempt]) -> set[str]:
    """Write intents down. The ids of those that are: whose number has no other open attempt."""
    if not rows:
        return set()
    # Who writes the same number at the same time waits for the other: in one order, or two might wait for each other.
    in_order = [values(row) for row in sorted(rows, key=lambda row: row.phone)]
    return set(conn.execute(_intend(conn.dialect.name), in_order).scalars())


def history(conn: sa.Connection, contact_ids: Sequence[int]) -> dict[int, list[tuple[int, str, float]]]:
    """(n, outcome, when it was claimed) of every attempt of these contacts, in order."""
    found: dict[int, list[tuple[int, str, float]]] = {}
    for contact_id, n, outcome, at in conn.execute(_HISTORY, {"contact_ids": padded(contact_ids)}):
        found.setdefault(contact_id, []).append((n, outcome, at))
    return found


def dialled_since(conn: sa.Connection, phones: Sequence[str], since: float) -> dict[str, list[float]]:
    """When each of these numbers was dialled since then, in whatever campaign, epoch seconds."""
    found: dict[str, list[float]] = {}
    for phone, at in conn.execute(_DIALLED, {"phones": padded(phones), "since": since}):
        found.setdefault(phone, []).append(at)
    return found


def get(conn: sa.Connection, tokens: Sequence[str], *, lock: bool = False) -> dict[str, Attempt]:
    """Those of these tokens. `lock`: nobody else changes them until this transaction is over."""
    query = _GET_LOCKED if lock else _GET
    return {row.token: row for row in as_rows(Attempt, conn.execute(query, {"tokens": padded(tokens)}))}


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
    return set(conn.execute(_BOUND, {"ids": padded(carrier_call_ids)}).scalars())


def write(conn: sa.Connection, rows: Sequence[Attempt]) -> None:
    """Put what evidence says now of each of them."""
    if rows:
        written = [{"of": row.id} | {f"to_{name}": getattr(row, name) for name in _WRITTEN} for row in rows]
        conn.execute(_WRITE, written)


def looked(conn: sa.Connection, attempt_id: str, at: float, apart_s: float) -> None:
    """The carrier's list was searched for it, in vain. Two dialers that look at the same time have looked once.

    A look in the future is one of a clock that was set back since, and does not stand in the way.
    """
    before = attempts.c.looked_at
    counts = sa.or_(before.is_(None), before <= at - apart_s, before > at)
    update = attempts.update().where(attempts.c.id == attempt_id, counts)
    conn.execute(update.values(looked_at=at, looks=attempts.c.looks + 1))


def open_ones(conn: sa.Connection, campaign_id: str | None = None) -> Sequence[Attempt]:
    """Every attempt that is not decided, oldest first; of one campaign, or all."""
    if campaign_id is None:
        return as_rows(Attempt, conn.execute(_OPEN_ONES))
    return as_rows(Attempt, conn.execute(_OPEN_OF_CAMPAIGN, {"campaign_id": campaign_id}))


def count_open(conn: sa.Connection, campaign_id: str | None = None) -> int:
    """How many calls may be going on: those that wait for a person's decision are over, whatever they were."""
    if campaign_id is None:
        return int(conn.execute(_COUNT_OPEN).scalar_one())
    return int(conn.execute(_COUNT_OPEN_OF_CAMPAIGN, {"campaign_id": campaign_id}).scalar_one())


def count(conn: sa.Connection, campaign_id: str) -> int:
    """How many orders were given for a campaign."""
    query = (
        sa.select(sa.func.count())
        .select_from(attempts)
        .where(attempts.c.campaign_id == campaign_id, attempts.c.outcome != "not_placed")
    )
    return int(conn.execute(query).scalar_one())


def reached(
    conn: sa.Connection, campaign_id: str, answered: Collection[str], human: Collection[str]
) -> tuple[int, int, int, int]:
    """How many contacts of a campaign were dialled, answered (outcomes in `answered`, or talking now), answered by a
    person (`human`), and reached the goal; each in any of their attempts."""

    def people(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.count(sa.distinct(sa.case((condition, attempts.c.contact_id))))

    outcome = attempts.c.outcome
    query = sa.select(
        people(outcome != "not_placed"),
        people(sa.or_(outcome.in_(answered), attempts.c.answered_at.is_not(None))),
        people(outcome.in_(human)),
        people(outcome == "goal"),
    ).where(attempts.c.campaign_id == campaign_id)
    dialled, picked_up, talked, goal = conn.execute(query).one()
    return dialled, picked_up, talked, goal


def begun_since(conn: sa.Connection, campaign_id: str, since: float) -> Sequence[tuple[float, float | None]]:
    """(when it began, when it was answered) of a campaign's calls since then, in order."""
    query = (
        sa.select(attempts.c.claimed_at, attempts.c.answered_at)
        .where(
            attempts.c.campaign_id == campaign_id, attempts.c.claimed_at >= since, attempts.c.outcome != "not_placed"
        )
        .order_by(attempts.c.claimed_at)
    )
    return [(at, answered_at) for at, answered_at in conn.execute(query)]


def ended_since(conn: sa.Connection, campaign_id: str, since: float) -> Sequence[tuple[float, str]]:
    """(when, outcome) of a campaign's attempts that ended since then, in order."""
    query = (
        sa.select(attempts.c.ended_at, attempts.c.outcome)
        .where(attempts.c.campaign_id == campaign_id, attempts.c.ended_at >= since)
        .order_by(attempts.c.ended_at)
    )
    return [(at, outcome) for at, outcome in conn.execute(query)]
