"""What was spent, by day and campaign. A day is a date as `2026-05-01`, in UTC; calls of no campaign count as ""."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from bridge.store.inserts import insert
from bridge.store.tables import spend

_OF = sa.select(sa.func.coalesce(sa.func.sum(spend.c.usd), 0.0))
_OF_DAY = _OF.where(spend.c.day == sa.bindparam("day"))
_OF_CAMPAIGN = _OF.where(spend.c.campaign_id == sa.bindparam("campaign_id"))
_OF_BOTH = _OF_DAY.where(spend.c.campaign_id == sa.bindparam("campaign_id"))


@cache
def _adding(dialect: str) -> Any:
    made = insert(dialect, spend)
    return made.on_conflict_do_update(
        index_elements=[spend.c.day, spend.c.campaign_id], set_={"usd": spend.c.usd + made.excluded.usd}
    )


def add(conn: sa.Connection, day: str, campaign_id: str, usd: float) -> None:
    """Count what a call cost, in the transaction that closes it. A correction may be negative."""
    conn.execute(_adding(conn.dialect.name), {"day": day, "campaign_id": campaign_id, "usd": usd})


def spent(conn: sa.Connection, day: str | None, campaign_id: str | None) -> float:
    """US dollars of a day, of a campaign, of a campaign's day, or of all times."""
    by_day = _OF if day is None else _OF_DAY
    query = by_day if campaign_id is None else _OF_CAMPAIGN if day is None else _OF_BOTH
    given = {name: value for name, value in (("day", day), ("campaign_id", campaign_id)) if value is not None}
    return float(conn.execute(query, given).scalar_one())
