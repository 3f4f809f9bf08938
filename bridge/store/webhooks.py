"""What the outside is told: endpoints, and a row for each message to each of them.

`announce` is for whoever has a transaction in which something happens: the message is kept if and only if the thing
itself is. A key says what happened; the same thing noticed again (after a crash, by another process) is no second
message. Whoever sends (`notify/courier.py`) claims a message by moving its due time ahead, so of several processes one
has it, and one that dies gives it back by time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.base import CallRow, Delivery, DeliveryState, Endpoint
from bridge.store.database import Database
from bridge.store.ids import new_id
from bridge.store.inserts import insert
from bridge.store.tables import as_row, values, webhook_deliveries, webhook_endpoints

VERSION = 1
"""Of the body; it changes when a field's meaning does."""
SETTINGS = "settings"
"""The id of the endpoint of BRIDGE_WEBHOOK_URL."""
AT_ONCE = 0.0
"""Due before any moment."""
FAILED = frozenset({"model_failed", "phone_lost", "no_answer", "busy", "rejected", "crashed"})
"""Ends of a call that are told as `call.failed`."""
EVENTS = (
    "call.started",
    "call.answered",
    "call.completed",
    "call.failed",
    "call.analyzed",
    "contact.done",
    "contact.opted_out",
    "contact.review",
    "campaign.started",
    "campaign.paused",
    "campaign.done",
)
_d, _e = webhook_deliveries.c, webhook_endpoints.c
_ON = sa.select(webhook_endpoints).where(_e.disabled_at.is_(None))
_NEXT = sa.select(sa.func.min(_d.due_at)).where(_d.due_at.is_not(None))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `at`: epoch seconds; `data`: as JSON."""

    type: str
    key: str
    at: float
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of an attempt, and what follows: another one at `due_at`, or none."""

    state: DeliveryState
    due_at: float | None
    at: float
    status: int
    ms: int
    error: str


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Some deliveries, newest first; `next` brings the page after it, "" after the last."""

    rows: tuple[Delivery, ...]
    next: str


def body_of(event: Event) -> str:
    """A message as it is sent."""
    at = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = {"type": event.type, "timestamp": at, "version": VERSION, "data": dict(event.data)}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def announce(conn: sa.Connection, events: Sequence[Event], *, old: bool = False) -> int:
    """Keep a message for each endpoint that wants it; how many? `old`: it may have happened before an endpoint was
    made, which is then not told."""
    if not events:
        return 0
    endpoints = [as_row(Endpoint, row) for row in conn.execute(_ON).mappings()]
    rows = [
        values(Delivery(new_id("msg"), to.id, event.type, event.key, body_of(event), event.at, due_at=AT_ONCE))
        for event in events
        for to in endpoints
        if (not to.events or event.type in to.events) and not (old and event.at < to.created_at)
    ]
    if rows:
        conn.execute(insert(conn.dialect.name, webhook_deliveries).on_conflict_do_nothing(), rows)
    return len(rows)


def ended_call(row: CallRow) -> Event | None:
    """That a call is over; None while it is not. Nothing of what was said in it is told."""
    if row.ended_at is None:
        return None
    kind = "call.failed" if row.error or row.end_reason in FAILED else "call.completed"
    data = values(row)
    data |= {"from": data.pop("from_number"), "to": data.pop("to_number"), "path": f"/api/v1/calls/{row.id}"}
    return Event(kind, f"call.ended:{row.id}", row.ended_at, data)


class WebhookStore:
    """Endpoints and deliveries, one transaction a question. Times are epoch seconds. All raise StoreError."""

    def __init__(self, db: Database) -> None:
        self._db = db

    # ---- endpoints

    async def endpoints(self) -> list[Endpoint]:
        """All of them, oldest first."""
        return await self._db.read(_endpoints)

    async def add(self, endpoint: Endpoint) -> None:
        """A new one."""
        await self._db.write(lambda conn: conn.execute(webhook_endpoints.insert(), values(endpoint)) and None)

    async def keep_settings(self, url: str, now: float) -> None:
        """The settings name this URL ("": none). What was switched off stays so, until another URL is named."""
        await self._db.write(_keep_settings, url, now)

    async def switch(self, endpoint_id: str, now: float | None, why: str = "") -> bool:
        """Off since `now`, with all that waits for it dropped; None: on again. False when there is none."""
        return await self._db.write(_switch, endpoint_id, now, why)

    async def delete(self, endpoint_id: str) -> bool:
        """Forget it with its deliveries; False when there is none."""
        gone = webhook_endpoints.delete().where(_e.id == endpoint_id)
        return await self._db.write(lambda conn: conn.execute(gone).rowcount > 0)

    # ---- deliveries

    async def announce(self, events: Sequence[Event]) -> int:
        """Keep messages about something that is in no transaction of ours."""
        return await self._db.write(announce, events)

    async def next_due(self) -> float | None:
        """When the next attempt is due."""
        return await self._db.read(lambda conn: conn.execute(_NEXT).scalar())

    async def claim(self, now: float, until: float, most: int) -> list[tuple[Delivery, Endpoint]]:
        """Take what is due: nobody else has it before `until`."""
        return await self._db.write(_claim, now, until, most)

    async def settle(self, delivery_id: str, tried: Tried) -> None:
        """Write down what came of an attempt."""
        await self._db.write(_settle, delivery_id, tried)

    async def resend(self, delivery_id: str, now: float) -> tuple[Delivery, Endpoint] | None:
        """Try it again now, whatever became of it; None when there is none. An endpoint that is off is told nothing:
        then it stays as it is."""
        return await self._db.write(_resend, delivery_id, now)

    async def page(self, limit: int, *, state: str = "", endpoint: str = "", after: str = "") -> DeliveryPage:
        """The newest deliveries, or those after a page."""
        return await self._db.read(_page, limit, state, endpoint, after)

    async def forget(self, delivered_before: float, failed_before: float) -> int:
        """Remove what was told, and what was given up, before these times; how many?"""
        old = webhook_deliveries.delete().where(
            ((_d.state == "delivered") & (_d.created_at < delivered_before))
            | (_d.state.in_(("failed", "dropped")) & (_d.created_at < failed_before))
        )
        return await self._db.write(lambda conn: conn.execute(old).rowcount)


def _endpoints(conn: sa.Connection) -> list[Endpoint]:
    query = sa.select(webhook_endpoints).order_by(_e.created_at, _e.id)
    return [as_row(Endpoint, row) for row in conn.execute(query).mappings()]


def _keep_settings(conn: sa.Connection, url: str, now: float) -> None:
    known = conn.execute(sa.select(_e.url).where(_e.id == SETTINGS)).scalar()
    if known == url or (known is None and not url):
        return
    if not url:
        conn.execute(webhook_endpoints.delete().where(_e.id == SETTINGS))
    elif known is None:
        conn.execute(webhook_endpoints.insert(), values(Endpoint(SETTINGS, url, "", [], now, "settings")))
    else:
        fresh = {"url": url, "created_at": now, "disabled_at": None, "disabled_why": ""}
        conn.execute(webhook_endpoints.update().where(_e.id == SETTINGS).values(fresh))


def _switch(conn: sa.Connection, endpoint_id: str, now: float | None, why: str) -> bool:
    change = {"disabled_at": now, "disabled_why": why}
    done = conn.execute(webhook_endpoints.update().where(_e.id == endpoint_id).values(change)).rowcount > 0
    if done and now is not None:
        gone = {"state": "dropped", "due_at": None, "last_error": why}
        waits = (_d.endpoint_id == endpoint_id) & (_d.state == "waiting")
        conn.execute(webhook_deliveries.update().where(waits).values(gone))
    return done


def _claim(conn: sa.Connection, now: float, until: float, most: int) -> list[tuple[Delivery, Endpoint]]:
    due = sa.select(_d.id).where(_d.due_at <= now).order_by(_d.due_at, _d.created_at).limit(most)
    if conn.dialect.name != "sqlite":
        due = due.with_for_update(skip_locked=True)
    ids = list(conn.execute(due).scalars())
    if not ids:
        return []
    conn.execute(webhook_deliveries.update().where(_d.id.in_(ids)).values(due_at=until))
    found = [as_row(Delivery, row) for row in conn.execute(_of(ids)).mappings()]
    endpoints = {one.id: one for one in _endpoints(conn)}
    return [(one, endpoints[one.endpoint_id]) for one in found if one.endpoint_id in endpoints]


def _of(ids: Sequence[str]) -> sa.Select[Any]:
    return sa.select(webhook_deliveries).where(_d.id.in_(ids)).order_by(_d.created_at, _d.id)


def _settle(conn: sa.Connection, delivery_id: str, tried: Tried) -> None:
    known = {
        "state": tried.state,
        "due_at": tried.due_at,
        "attempts": _d.attempts + 1,
        "last_at": tried.at,
        "last_status": tried.status,
        "last_ms": tried.ms,
        "last_error": tried.error,
    }
    conn.execute(webhook_deliveries.update().where(_d.id == delivery_id).values(known))


def _resend(conn: sa.Connection, delivery_id: str, now: float) -> tuple[Delivery, Endpoint] | None:
    row = conn.execute(_of([delivery_id])).mappings().first()
    if row is None:
        return None
    found = as_row(Delivery, row)
    to = next(one for one in _endpoints(conn) if one.id == found.endpoint_id)
    if to.disabled_at is None:
        again = {"state": "waiting", "due_at": now, "attempts": 0}
        conn.execute(webhook_deliveries.update().where(_d.id == delivery_id).values(again))
    return found, to


def _page(conn: sa.Connection, limit: int, state: str, endpoint: str, after: str) -> DeliveryPage:
    query = sa.select(webhook_deliveries).order_by(_d.id.desc()).limit(limit + 1)
    for column, wanted in ((_d.state, state), (_d.endpoint_id, endpoint)):
        if wanted:
            query = query.where(column == wanted)
    if after:
        query = query.where(_d.id < after)
    rows = [as_row(Delivery, row) for row in conn.execute(query).mappings()]
    return DeliveryPage(tuple(rows[:limit]), rows[limit - 1].id if len(rows) > limit else "")
