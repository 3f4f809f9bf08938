"""What a claim asks: few questions, because others wait for their answers.

Claims for one campaign go one after the other (`campaigns.hold`), on PostgreSQL those of all dialers. So what counts is
how long one holds the others up. Each question is a turn to the server and back, and each statement some tenths of a
millisecond of this process: what can be asked together is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from bridge.store.attempts import WAS_DIALLED
from bridge.store.base import Campaign, Contact
from bridge.store.contacts import PRIORITIES
from bridge.store.tables import (
    IS_DUE,
    IS_OPEN,
    as_rows,
    attempts,
    campaigns,
    contacts,
    do_not_call,
    one_of,
    padded,
    spend,
)


class State(NamedTuple):
    """How a campaign stands, all at one moment."""

    campaign: Campaign
    spent_today_usd: float
    open_calls: int
    """Of this campaign; those that wait for a person's decision are over, whatever they were."""
    busy_numbers: dict[str, int]
    """Open attempts of all campaigns from each of our numbers."""


class Known(NamedTuple):
    """What is known of some people who are about to be called."""

    listed: frozenset[str]
    """Numbers that are never to be called."""
    dialled: dict[str, list[float]]
    """When each number was dialled lately, in whatever campaign, epoch seconds."""
    latest: dict[int, int]
    """The number of each contact's latest attempt, where there is one."""


_GOING_ON = (
    sa.select(
        attempts.c.from_number,
        sa.func.count().label("busy"),
        sa.func.count()
        .filter(attempts.c.campaign_id == sa.bindparam("campaign_id"), attempts.c.state != "review")
        .label("ours"),
    )
    .where(IS_OPEN)
    .group_by(attempts.c.from_number)
    .subquery()
)
_SPENT = (
    sa.select(spend.c.usd)
    .where(spend.c.day == sa.bindparam("day"), spend.c.campaign_id == sa.bindparam("campaign_id"))
    .scalar_subquery()
)
_STATE = (
    sa.select(*campaigns.c, _SPENT, _GOING_ON.c.from_number, _GOING_ON.c.busy, _GOING_ON.c.ours)
    .select_from(campaigns.outerjoin(_GOING_ON, sa.true()))
    .where(campaigns.c.id == sa.bindparam("campaign_id"))
)
_WIDTH = len(campaigns.c)

# One short look into the index for each priority: however many have to wait, nobody waits for them.
_LOOKS = [
    sa.select(contacts.c.id)
    .where(
        contacts.c.campaign_id == sa.bindparam("campaign_id"),
        IS_DUE,
        contacts.c.priority == priority,
        contacts.c.due_at <= sa.bindparam("now"),
    )
    .order_by(contacts.c.due_at)
    .limit(sa.bindparam("most"))
    .subquery()
    for priority in PRIORITIES
]
_IDS = sa.union_all(*(sa.select(look.c.id) for look in _LOOKS))


def _take(is_looked_at: sa.ColumnElement[bool]) -> sa.Select[tuple[object, ...]]:
    return (
        sa.select(contacts)
        .where(is_looked_at, IS_DUE)
        .order_by(contacts.c.priority.desc(), contacts.c.due_at, contacts.c.id)
        .limit(sa.bindparam("most"))
        .with_for_update(skip_locked=True)
    )


_TAKE = {
    "sqlite": _take(contacts.c.id.in_(_IDS)),
    # As an array: the server cannot take it into its head to walk all contacts and to see which of them are in it.
    "postgresql": _take(contacts.c.id == sa.any_(sa.func.array(_IDS.scalar_subquery()))),
}

_KNOWN = sa.union_all(
    sa.select(do_not_call.c.phone, sa.literal_column("0.0"), sa.literal_column("0"), sa.literal_column("1")).where(
        one_of(do_not_call.c.phone, "phones")
    ),
    # Not asked by time: while the table is new a server finds the index of times as good as that of numbers, and would
    # read a day and a half of everybody's calls for each claim until it takes another look. A number has few.
    sa.select(attempts.c.phone, attempts.c.claimed_at, sa.literal_column("0"), sa.literal_column("0")).where(
        one_of(attempts.c.phone, "phones"), WAS_DIALLED
    ),
    sa.select(sa.literal_column("''"), sa.literal_column("0.0"), attempts.c.contact_id, sa.func.max(attempts.c.n))
    .where(one_of(attempts.c.contact_id, "contact_ids"))
    .group_by(attempts.c.contact_id),
)


def state(conn: sa.Connection, campaign_id: str, day: str) -> State | None:
    """How a campaign stands; None when there is none. `day` is UTC's, `2026-11-27`.

    One statement, which sees one moment: a call that ends meanwhile is either open or paid for, and never neither.
    """
    rows = conn.execute(_STATE, {"campaign_id": campaign_id, "day": day}).all()
    if not rows:
        return None
    usd = rows[0][_WIDTH]
    going = [row[_WIDTH + 1 :] for row in rows if row[_WIDTH + 1] is not None]
    return State(
        Campaign(*rows[0][:_WIDTH]),
        float(usd or 0.0),
        sum(int(ours) for _, _, ours in going),
        {number: int(busy) for number, busy, _ in going},
    )


def due(conn: sa.Connection, campaign_id: str, now: float, most: int) -> Sequence[Contact]:
    """Those who may be called by now, the most urgent first; locked, and without those somebody else holds."""
    given = {"campaign_id": campaign_id, "now": now, "most": most}
    return as_rows(Contact, conn.execute(_TAKE[conn.dialect.name], given))


def known(conn: sa.Connection, people: Sequence[Contact], since: float) -> Known:
    """What is known of these, at least one; diallings since then (epoch seconds)."""
    given = {
        "phones": padded([contact.phone for contact in people]),
        "contact_ids": padded([contact.id for contact in people]),
    }
    listed: set[str] = set()
    found = Known(frozenset(), {}, {})
    for phone, at, contact_id, n in conn.execute(_KNOWN, given):
        if contact_id:
            found.latest[contact_id] = n
        elif n:
            listed.add(phone)
        elif at >= since:
            found.dialled.setdefault(phone, []).append(at)
    return found._replace(listed=frozenset(listed))
