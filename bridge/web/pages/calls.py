"""`/calls`: every call there was, and those that go on. What is asked for stands in the address; the newest come first.

Past calls come from the database, a page at a time from where the last one ended; live ones from the switchboard, on
the first page. While the page is open its rows stay true (the live part `calls`).
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bridge.dialer.export import write_csv
from bridge.errors import StoreError, UsageError
from bridge.live.info import END_REASONS
from bridge.live.session import CallSession
from bridge.records.callrecord import iso
from bridge.store.base import CallRow
from bridge.store.calls import FLAGS, CallFilter, CallStore
from bridge.web.answers import long_document
from bridge.web.problem import problem
from bridge.web.render import page, part
from bridge.web.services import Services
from bridge.web.updates import Updates

ROWS = 50
TOGETHER = 200
"""Rows of an export that are read and written at a time: some milliseconds, between which calls go on."""
LONGEST = 100
"""Characters of anything in the address that is used."""
HEADER = (
    "id",
    "carrier_call_id",
    "direction",
    "from",
    "to",
    "agent",
    "started_at",
    "answered_at",
    "ended_at",
    "end_reason",
    "ended_by",
    "turns",
    "latency_p50_ms",
    "latency_p95_ms",
    "barge_ins",
    "tool_calls",
    "tool_errors",
    "handed_to",
    "cost_usd",
    "error",
    "campaign_id",
)
_COLUMNS = {"from": "from_number", "to": "to_number"}


@dataclass(frozen=True, slots=True)
class LiveRow:
    """A call that goes on."""

    id: str
    direction: str
    from_number: str
    to_number: str
    agent: str
    started_at: float
    phase: str


@dataclass(frozen=True, slots=True)
class View:
    """What the list shows. `trouble`: why there are no past calls, one sentence."""

    live: list[LiveRow]
    rows: tuple[CallRow, ...]
    next: str
    trouble: str
    asked: bool
    """Was anything asked for? Then an empty list is no empty house."""


class CallsPage:
    """The handlers, and the live part `calls`."""

    def __init__(self, services: Services, updates: Updates) -> None:
        self._s = services
        self._reasons = sorted(END_REASONS)
        updates.parts["calls"] = self._part

    async def show(self, request: Request) -> Response:
        """The page."""
        try:
            which = read_filter(request.query_params)
            view, wrong = await self._view(request, which), ""
        except UsageError as error:
            view, wrong = View([], (), "", "", asked=True), str(error)
        agents = sorted({agent.name for agent in self._s.routing.agents})
        asked = {name: request.query_params.get(name, "") for name in FIELDS}
        return page(
            request,
            "calls.html",
            400 if wrong else 200,
            view=view,
            wrong=wrong,
            asked=asked,
            flags=set(request.query_params.getlist("flag")),
            agents=agents,
            reasons=self._reasons,
            known_flags=list(FLAGS),
        )

    async def table(self, request: Request) -> Response:
        """`/calls.csv`: all that the filters leave, formula-neutral. Raises StoreError."""
        return await self._export(request, "csv")

    async def document(self, request: Request) -> Response:
        """`/calls.json`: the same as JSON. Raises StoreError."""
        return await self._export(request, "json")

    async def _export(self, request: Request, form: str) -> Response:
        try:
            which = read_filter(request.query_params)
        except UsageError as error:
            return problem(400, "Bad Request", str(error))
        store = CallStore(self._s.db)
        first = await store.page(TOGETHER, which)  # before anything is sent: a database that is away is told as such
        await self._s.audit(request, "calls.export", "calls", after={"form": form, **dict(request.query_params)})
        headers = {"content-disposition": f'attachment; filename="calls.{form}"'}

        async def pieces() -> AsyncIterator[tuple[CallRow, ...]]:
            found = first
            while True:
                yield found.rows
                if not found.next:
                    return
                found = await store.page(TOGETHER, which, found.next)

        if form == "csv":
            return StreamingResponse(_csv(pieces()), media_type="text/csv; charset=utf-8", headers=headers)
        answer = long_document({}, "calls", _objects(pieces()))
        answer.headers.update(headers)
        return answer

    async def _part(self, request: Request) -> str:
        try:
            view = await self._view(request, read_filter(request.query_params))
        except UsageError as error:
            view = View([], (), "", str(error), asked=True)
        return part("parts/call_list.html", "call_list", request, view)

    async def _view(self, request: Request, which: CallFilter) -> View:
        after = request.query_params.get("after", "")[:LONGEST]
        live = [] if after else [row for row in map(_live_row, self._s.switchboard.live) if _fits(row, which)]
        live.sort(key=lambda row: row.id, reverse=True)
        asked = bool(after) or which != CallFilter()
        try:
            found = await CallStore(self._s.db).page(ROWS, which, after)
        except StoreError as error:
            return View(live, (), "", str(error), asked)
        going_on = {row.id for row in live}
        return View(live, tuple(row for row in found.rows if row.id not in going_on), found.next, "", asked)


FIELDS = ("number", "agent", "direction", "end_reason", "campaign", "from", "to")


def read_filter(given: Mapping[str, str]) -> CallFilter:
    """What the address asks for. Raises UsageError, one sentence, for what cannot be meant."""
    said = {name: given.get(name, "").strip()[:LONGEST] for name in FIELDS}
    flags = given.getlist("flag") if hasattr(given, "getlist") else []
    unknown = [flag for flag in flags if flag not in FLAGS]
    if unknown:
        raise UsageError(f"a flag is one of {', '.join(FLAGS)}, not {unknown[0][:LONGEST]!r}")
    if said["direction"] not in ("", "inbound", "outbound"):
        raise UsageError("direction is inbound or outbound")
    return CallFilter(
        number=_number(said["number"]),
        agent=said["agent"],
        direction=said["direction"],
        campaign_id=said["campaign"],
        end_reason=said["end_reason"],
        since=_moment(said["from"], "from"),
        until=_moment(said["to"], "to", whole_day=True),
        flags=frozenset(flags),
    )


def _number(text: str) -> str:
    """A number as people write it: +1 (415) 555-0123. A carrier also has names (anonymous), and they stay."""
    bare = "".join(c for c in text if c not in " -().\N{NO-BREAK SPACE}/")
    return f"+{bare}" if bare.isdecimal() else bare


def _moment(text: str, name: str, *, whole_day: bool = False) -> float | None:
    """A day or a moment (UTC where it names no zone); a day as an end is that day's end."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{name} is a day (2026-01-31) or a time (2026-01-31T12:00:00Z), not {text!r}") from None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    day = whole_day and len(text) <= len("2026-01-31")
    try:
        return (at + timedelta(days=1) if day else at).timestamp()
    except (OverflowError, ValueError):
        raise UsageError(f"{name}: there are no calls of {text!r}") from None


def _live_row(session: CallSession) -> LiveRow:
    info = session.info
    return LiveRow(
        info.call_id,
        info.direction,
        info.from_number,
        info.to_number,
        info.agent,
        info.began_at,
        session.phase.value,
    )


def _fits(row: LiveRow, which: CallFilter) -> bool:
    """Is this one asked for? How it ends, and what goes wrong in it, nobody knows yet."""
    if which.end_reason or which.flags or which.campaign_id:
        return False
    return (
        which.number in ("", row.from_number, row.to_number)
        and which.agent in ("", row.agent)
        and which.direction in ("", row.direction)
        and (which.since is None or row.started_at >= which.since)
        and (which.until is None or row.started_at < which.until)
    )


def _values(row: CallRow) -> dict[str, Any]:
    """A row under the names of `call.json`."""
    return {name: _value(row, name) for name in HEADER}


def _value(row: CallRow, name: str) -> Any:
    found = getattr(row, _COLUMNS.get(name, name))
    return iso(found) if name.endswith("_at") and found is not None else found


async def _csv(pieces: AsyncIterator[tuple[CallRow, ...]]) -> AsyncIterator[str]:
    first = True
    async for rows in pieces:
        out = io.StringIO(newline="")
        write_csv(out, HEADER, (list(_values(row).values()) for row in rows))
        text = out.getvalue()
        yield text if first else text.split("\r\n", 1)[1]
        first = False


async def _objects(pieces: AsyncIterator[tuple[CallRow, ...]]) -> AsyncIterator[list[dict[str, Any]]]:
    async for rows in pieces:
        yield [_values(row) for row in rows]
