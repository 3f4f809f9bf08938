"""Campaigns in the database. Every function works inside a transaction that the caller has begun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from bridge.store import spending, webhooks
from bridge.store.base import Campaign, CampaignState
from bridge.store.tables import as_row, as_rows, campaigns, contacts, one_of, values

_CLAIMS = 7226
"""The first half of PostgreSQL's advisory locks for claims; campaigns with one hash wait for each other, no more."""
_GET = sa.select(campaigns).where(campaigns.c.id == sa.bindparam("id"))
_GET_LOCKED = _GET.with_for_update()
_HOLD = sa.select(sa.func.pg_advisory_xact_lock(_CLAIMS, sa.func.hashtext(sa.bindparam("id"))))
_EVERY = sa.select(campaigns).order_by(campaigns.c.created_at)
_IN_STATES = _EVERY.where(one_of(campaigns.c.state, "states"))
_MORE = sa.bindparam("more", type_=sa.Double)
_SPENT = campaigns.update().where(campaigns.c.id == sa.bindparam("of")).values(spent_usd=campaigns.c.spent_usd + _MORE)


def add(conn: sa.Connection, campaign: Campaign) -> None:
    """Keep a new one."""
    conn.execute(campaigns.insert(), values(campaign))


def get(conn: sa.Connection, campaign_id: str, *, lock: bool = False) -> Campaign | None:
    """One by its id. `lock`: nobody else claims for it or changes it until this transaction is over."""
    if lock:
        hold(conn, campaign_id)
    rows = as_rows(Campaign, conn.execute(_GET_LOCKED if lock else _GET, {"id": campaign_id}))
    return rows[0] if rows else None


def hold(conn: sa.Connection, campaign_id: str) -> None:
    """Until this transaction is over nobody else claims for it. To be the first that a transaction does.

    Not the campaign's row: that one is locked by every call whose price becomes known, until it is on the disk, and
    claims would wait for those. What is read after this sees what the claims before have written. SQLite writes one
    transaction at a time anyway.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(_HOLD, {"id": campaign_id})


def named(conn: sa.Connection, name: str) -> Sequence[Campaign]:
    """Those of a name, newest first."""
    query = sa.select(campaigns).where(campaigns.c.name == name).order_by(campaigns.c.created_at.desc())
    return [as_row(Campaign, row) for row in conn.execute(query).mappings()]


def every(conn: sa.Connection, *states: CampaignState) -> Sequence[Campaign]:
    """All of them, or those in these states, oldest first."""
    if not states:
        return as_rows(Campaign, conn.execute(_EVERY))
    return as_rows(Campaign, conn.execute(_IN_STATES, {"states": states}))


def move(
    conn: sa.Connection,
    campaign_id: str,
    state: CampaignState,
    *,
    out_of: Sequence[CampaignState],
    at: float,
    reason: str = "",
    started_at: float | None = None,
    ended_at: float | None = None,
) -> bool:
    """Into another state at this moment, out of one of these; False when it was in none of them."""
    more = {name: at for name, at in (("started_at", started_at), ("ended_at", ended_at)) if at is not None}
    done = conn.execute(
        campaigns.update()
        .where(campaigns.c.id == campaign_id, campaigns.c.state.in_(out_of))
        .values(state=state, reason=reason, **more)
    )
    if done.rowcount and state in _TOLD:
        _announce(conn, campaign_id, state, at)
    return bool(done.rowcount)


_TOLD = {"running": "started", "paused": "paused", "done": "done", "cancelled": "done"}
"""States that the outside is told, and as what."""


def _announce(conn: sa.Connection, campaign_id: str, state: CampaignState, at: float) -> None:
    found = get(conn, campaign_id)
    if found is not None:
        told: dict[str, Any] = {"id": found.id, "name": found.name, "state": state, "reason": found.reason}
        told |= {"started_at": found.started_at, "spent_usd": found.spent_usd}
        kind = f"campaign.{_TOLD[state]}"
        webhooks.announce(conn, [webhooks.Event(kind, f"{kind}:{campaign_id}:{at}", at, told)])


def edit(conn: sa.Connection, campaign_id: str, rules: Mapping[str, Any], agent: str, name: str) -> None:
    """Other rules, another agent or another name."""
    conn.execute(
        campaigns.update().where(campaigns.c.id == campaign_id).values(rules=dict(rules), agent=agent, name=name)
    )


def delete(conn: sa.Connection, campaign_id: str) -> None:
    """Forget it with its contacts and attempts."""
    conn.execute(campaigns.delete().where(campaigns.c.id == campaign_id))


def spend_more(conn: sa.Connection, campaign_id: str, day: str, usd: float) -> None:
    """So much was spent for it on that day (UTC, `2026-11-27`), on top of what was."""
    conn.execute(_SPENT, {"of": campaign_id, "more": usd})
    spending.add(conn, day, campaign_id, usd)


def funnel(conn: sa.Connection, campaign_id: str) -> dict[tuple[str, str], int]:
    """How many contacts are in which state with which outcome."""
    count = sa.func.count()
    query = (
        sa.select(contacts.c.state, contacts.c.outcome, count)
        .where(contacts.c.campaign_id == campaign_id)
        .group_by(contacts.c.state, contacts.c.outcome)
    )
    return {(state, outcome): n for state, outcome, n in conn.execute(query)}
