"""Calls as lists and sums need them. The truth of a call is its folder; these rows can be made again from all folders.

Lists go newest first, and a page begins where the last one ended (by time and id), so that the hundredth page costs
what the first one does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import sqlalchemy as sa

from bridge.errors import StoreError
from bridge.store import webhooks
from bridge.store.base import CallRow, Line
from bridge.store.database import Database
from bridge.store.inserts import insert
from bridge.store.tables import as_row, calls, transcript_lines, values

_FORGET = transcript_lines.delete().where(transcript_lines.c.call_id == sa.bindparam("call"))
_ADD_LINE = transcript_lines.insert()
_GET = sa.select(calls).where(calls.c.id == sa.bindparam("call"))
_LINES = (
    sa.select(transcript_lines)
    .where(transcript_lines.c.call_id == sa.bindparam("call"))
    .order_by(transcript_lines.c.place)
)
_ENDED = sa.select(calls.c.id).where(calls.c.ended_at.is_not(None))
_OTHERS = [field.name for field in fields(CallRow) if field.name != "id"]


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call with what was said in it."""

    row: CallRow
    lines: tuple[Line, ...]


FLAGS: dict[str, sa.ColumnElement[bool]] = {
    "tool_error": calls.c.tool_errors > 0,
    "interrupted": calls.c.barge_ins > 0,
    "handed_over": calls.c.handed_to != "",
    "error": calls.c.error != "",
    "slow": calls.c.latency_p95_ms >= 1500,
}
"""What may be asked of a call beside who and when."""


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls; what is empty does not matter. Times are epoch seconds of the call's begin."""

    number: str = ""
    """Either side's."""
    agent: str = ""
    direction: str = ""
    campaign_id: str = ""
    end_reason: str = ""
    since: float | None = None
    until: float | None = None
    """Not itself included."""
    flags: frozenset[str] = frozenset()
    """All of these (`FLAGS`) must be true of it."""


@dataclass(frozen=True, slots=True)
class CallPage:
    """Some calls, newest first; `next` brings the page after it, "" after the last."""

    rows: tuple[CallRow, ...]
    next: str


EVERY = CallFilter()


class CallStore:
    """The table of calls, one transaction a question."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def put(self, stored: Iterable[StoredCall]) -> None:
        """Keep these calls, in place of what was known of them. Raises StoreError."""
        await self._db.write(put, list(stored))

    async def get(self, call_id: str) -> StoredCall | None:
        """One call with its transcript. Raises StoreError."""
        return await self._db.read(get, call_id)

    async def page(self, limit: int, which: CallFilter = EVERY, after: str = "") -> CallPage:
        """The newest of these calls, or those after the page that `after` came with. Raises StoreError."""
        return await self._db.read(page, limit, which, after)

    async def ended(self) -> frozenset[str]:
        """The ids of all calls that are known with their end. Raises StoreError."""
        return await self._db.read(_ended)


def put(conn: sa.Connection, stored: Sequence[StoredCall]) -> None:
    """Keep these calls, in place of what was known of them."""
    if not stored:
        return
    made = insert(conn.dialect.name, calls)
    conn.execute(
        made.on_conflict_do_update(
            index_elements=[calls.c.id], set_={name: getattr(made.excluded, name) for name in _OTHERS}
        ),
        [values(call.row) for call in stored],
    )
    conn.execute(_FORGET, [{"call": call.row.id} for call in stored])
    said = [
        values(line) | {"call_id": call.row.id, "place": place}
        for call in stored
        for place, line in enumerate(call.lines)
    ]
    if said:
        conn.execute(_ADD_LINE, said)
    webhooks.announce(conn, [event for call in stored if (event := webhooks.ended_call(call.row))], old=True)


def get(conn: sa.Connection, call_id: str) -> StoredCall | None:
    """One call with its transcript."""
    row = conn.execute(_GET, {"call": call_id}).mappings().first()
    if row is None:
        return None
    lines = conn.execute(_LINES, {"call": call_id}).mappings()
    return StoredCall(as_row(CallRow, row), tuple(as_row(Line, line) for line in lines))


def page(conn: sa.Connection, limit: int, which: CallFilter, after: str) -> CallPage:
    """The newest of these calls, or those after `after`. Raises StoreError when that is no page's `next`."""
    query = sa.select(calls).where(*_conditions(which))
    if after:
        query = query.where(sa.tuple_(calls.c.started_at, calls.c.id) < sa.tuple_(*_place(after)))
    query = query.order_by(calls.c.started_at.desc(), calls.c.id.desc()).limit(limit + 1)
    # Each side by its own index, in order: with OR all calls of a business's own number would be sorted for a page.
    sides = [calls.c.from_number, calls.c.to_number] if which.number else []
    queries = [query.where(side == which.number) for side in sides] or [query]
    found = {row["id"]: as_row(CallRow, row) for one in queries for row in conn.execute(one).mappings()}
    rows = tuple(sorted(found.values(), key=lambda row: (row.started_at, row.id), reverse=True)[: limit + 1])
    if len(rows) <= limit:
        return CallPage(rows, "")
    last = rows[limit - 1]
    return CallPage(rows[:limit], f"{last.started_at!r}-{last.id}")


def _conditions(which: CallFilter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [
        column == wanted
        for column, wanted in (
            (calls.c.agent, which.agent),
            (calls.c.direction, which.direction),
            (calls.c.campaign_id, which.campaign_id),
            (calls.c.end_reason, which.end_reason),
        )
        if wanted
    ]
    found += [FLAGS[flag] for flag in sorted(which.flags)]
    if which.since is not None:
        found.append(calls.c.started_at >= which.since)
    if which.until is not None:
        found.append(calls.c.started_at < which.until)
    return found


def _place(after: str) -> tuple[sa.ColumnElement[float], sa.ColumnElement[str]]:
    started_at, _, call_id = after.rpartition("-")
    try:
        return sa.literal(float(started_at)), sa.literal(call_id)
    except ValueError:
        raise StoreError(f"{after!r} is not where a page of calls ends: take `next` of the page before") from None


def _ended(conn: sa.Connection) -> frozenset[str]:
    return frozenset(conn.execute(_ENDED).scalars())
