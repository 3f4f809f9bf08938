"""Figures over many calls: a day at a glance. Days are UTC."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat

import sqlalchemy as sa

from bridge.store.database import Database
from bridge.store.tables import attempts, calls, transcript_lines

HOUR_S = 3600.0
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Day:
    """What a day was like so far. Latencies are None while nobody was answered."""

    calls: int
    """Ended calls that began in it."""
    answered: int
    latency_p50_ms: int | None
    latency_p95_ms: int | None
    answers: int
    """Turns of agents whose latency was measured."""
    barge_ins: int
    tool_calls: int
    tool_errors: int
    failed: int
    """Calls that ended with an error."""
    spend_usd: float
    hours: tuple[int, ...]
    """Calls that began in each of its 24 hours."""


@dataclass(frozen=True, slots=True)
class AgentSums:
    """What calls of one agent came to."""

    calls: int = 0
    failed: int = 0
    """Ended with an error."""
    tool_calls: int = 0
    tool_errors: int = 0


class Figures:
    """The questions, each one transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def day(self, begin: float) -> Day:
        """The day that begins at this moment (epoch seconds). Raises StoreError."""
        return await self._db.read(_day, begin)

    async def spent(self, begin: float) -> float:
        """US dollars of that day: the model's for every call, the carrier's where we placed it. Raises StoreError."""
        return await self._db.read(_spent, begin)

    async def agents(self, since: float) -> dict[str, AgentSums]:
        """Sums of the calls that began since then, by the agent they began with. Raises StoreError."""
        return await self._db.read(_agents, since)


def day_begin(epoch_s: float) -> float:
    """When the UTC day of this moment began."""
    return epoch_s - epoch_s % DAY_S


def percentile(values: Sequence[int], share: float) -> int | None:
    """The value that this share of all does not exceed (nearest rank); `values` ascend. None of none."""
    if not values:
        return None
    return values[max(0, min(len(values) - 1, math.ceil(share * len(values)) - 1))]


def _day(conn: sa.Connection, begin: float) -> Day:
    of_day = (calls.c.started_at >= begin, calls.c.started_at < begin + DAY_S)
    sums = conn.execute(
        sa.select(
            sa.func.count(),
            sa.func.count(calls.c.answered_at),
            sa.func.coalesce(sa.func.sum(calls.c.barge_ins), 0),
            sa.func.coalesce(sa.func.sum(calls.c.tool_calls), 0),
            sa.func.coalesce(sa.func.sum(calls.c.tool_errors), 0),
            sa.func.count(sa.case((calls.c.error != "", 1))),
        ).where(*of_day)
    ).one()
    wait = transcript_lines.c.latency_ms
    waits = sa.select(wait, sa.func.count()).join(calls, calls.c.id == transcript_lines.c.call_id)
    # Counted by value: a day of ten thousand calls comes as some thousand rows, and in the order of the values.
    counted = conn.execute(waits.where(*of_day, wait.is_not(None)).group_by(wait).order_by(wait)).all()
    latencies = list(chain.from_iterable(repeat(ms, times) for ms, times in counted))
    hours = [0] * 24
    for started_at in conn.execute(sa.select(calls.c.started_at).where(*of_day)).scalars():
        hours[min(23, int((started_at - begin) / HOUR_S))] += 1
    return Day(
        calls=sums[0],
        answered=sums[1],
        latency_p50_ms=percentile(latencies, 0.5),
        latency_p95_ms=percentile(latencies, 0.95),
        answers=len(latencies),
        barge_ins=int(sums[2]),
        tool_calls=int(sums[3]),
        tool_errors=int(sums[4]),
        failed=sums[5],
        spend_usd=_spent(conn, begin),
        hours=tuple(hours),
    )


def _agents(conn: sa.Connection, since: float) -> dict[str, AgentSums]:
    sums = (
        sa.func.count(),
        sa.func.count(sa.case((calls.c.error != "", 1))),
        sa.func.coalesce(sa.func.sum(calls.c.tool_calls), 0),
        sa.func.coalesce(sa.func.sum(calls.c.tool_errors), 0),
    )
    query = sa.select(calls.c.agent, *sums).where(calls.c.started_at >= since).group_by(calls.c.agent)
    return {name: AgentSums(*map(int, found)) for name, *found in conn.execute(query)}


def _spent(conn: sa.Connection, begin: float) -> float:
    model = sa.select(sa.func.coalesce(sa.func.sum(calls.c.cost_usd), 0.0)).where(
        calls.c.started_at >= begin, calls.c.started_at < begin + DAY_S
    )
    carrier = sa.select(sa.func.coalesce(sa.func.sum(attempts.c.carrier_usd), 0.0)).where(
        attempts.c.claimed_at >= begin, attempts.c.claimed_at < begin + DAY_S
    )
    return float(conn.execute(model).scalar_one()) + float(conn.execute(carrier).scalar_one())
