"""The do-not-call list by the admin API, and the audit that knows who changed it."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from bridge.dialer.export import write_csv
from bridge.dialer.phone_list import plain, read_phones
from bridge.dialer.shown import audit_row, do_not_call_row
from bridge.errors import ContactFileError, UsageError
from bridge.records.callrecord import iso
from bridge.store.audit import Audit
from bridge.store.base import AuditEntry, DoNotCall
from bridge.store.do_not_call import DoNotCallList
from bridge.web.answers import MOST_ROWS, NotThere, desk_of
from bridge.web.bodies import By, asker, read_body, uploaded
from bridge.web.services import Services

MOST_NUMBERS = 2_000
"""Of one JSON request; a longer list is a file."""
_TOGETHER = 500
_TOLD = 20
"""Refused lines of a file that are told."""
HEADER = ("phone_number", "added_at", "source", "reason", "call_id")


class AddNumbers(By):
    """`POST /api/v1/do-not-call`."""

    phones: list[str] = Field(min_length=1, max_length=MOST_NUMBERS)
    reason: str = Field(default="", max_length=500)
    source: Literal["api", "operator", "import"] = "api"


class RemoveNumber(By):
    """`DELETE /api/v1/do-not-call`."""

    phone: str = Field(min_length=1, max_length=100)
    by: str = Field(min_length=1, max_length=100)
    why: str = Field(min_length=1, max_length=500)


class DoNotCallDesk:
    """What the admin API and the page do alike. Every method raises StoreError while there is no database."""

    def __init__(self, services: Services) -> None:
        self._s = services

    async def find(self, phone: str) -> list[DoNotCall]:
        """The entry of a number, if it has one."""
        found = await DoNotCallList(desk_of(self._s).db).get(phone)
        return [found] if found is not None else []

    async def add_one(self, text: str, reason: str, who: str) -> tuple[str, bool]:
        """A number that somebody typed: as it is kept, and whether it was new. Raises NumberRefused."""
        phone = await asyncio.to_thread(plain, text)
        return phone, bool(await self.add([phone], "operator", reason, who))

    async def add(self, phones: Sequence[str], source: str, reason: str, who: str) -> int:
        """Nobody dials these from now on; how many were new."""
        desk = desk_of(self._s)
        now = desk.office.now
        new = await DoNotCallList(desk.db).add_many(DoNotCall(phone, now, source, reason) for phone in phones)
        subject = phones[0] if len(phones) == 1 else ""
        await Audit(desk.db).add(AuditEntry(now, who, "do_not_call.add", subject, {}, {"new": new, "reason": reason}))
        desk.worker.wake()
        return new

    async def remove(self, phone: str, who: str, why: str) -> None:
        """After a mistake. Raises NotThere."""
        desk = desk_of(self._s)
        if not await DoNotCallList(desk.db).remove(phone, who=who, at=desk.office.now, why=why):
            raise NotThere(f"{phone} is not on the do-not-call list")

    async def take(self, path: Path, reason: str, who: str) -> tuple[int, int, Counter[str], list[str]]:
        """A CSV or XLSX file of numbers: how many it had, how many were new, and what was refused, by reason and in
        the words of the first ones. Raises ContactFileError."""
        numbers = await asyncio.to_thread(read_phones, path)
        given = new = 0
        refused: Counter[str] = Counter()
        told: list[str] = []
        while some := await asyncio.to_thread(lambda: list(islice(numbers, _TOGETHER))):
            phones = [found for found in some if isinstance(found, str)]
            for no in (found for found in some if not isinstance(found, str)):
                refused[no.why] += 1
                told += [f"line {no.line}: {no.sentence}"] if len(told) < _TOLD else []
            given += len(phones)
            new += await self.add(phones, "import", reason, who) if phones else 0
        return given, new, refused, told


class DoNotCallApi:
    """Handlers of `/api/v1/do-not-call` and `/api/v1/audit`."""

    def __init__(self, services: Services, desk: DoNotCallDesk) -> None:
        self._s = services
        self._desk = desk

    async def page(self, request: Request) -> Response:
        """`?phone=` asks for one number; `?limit=`, `?after=<next of the last answer>`: all, newest first."""
        entries = DoNotCallList(desk_of(self._s).db)
        query = request.query_params
        if query.get("phone"):
            phone = await asyncio.to_thread(plain, query["phone"])
            return JSONResponse({"phone": phone, "listed": bool(await entries.listed([phone]))})
        limit = _limit(request)
        rows = await entries.page(limit + 1, place_of(query.get("after", "")))
        return JSONResponse(
            {"do_not_call": [do_not_call_row(row) for row in rows[:limit]], "next": next_place(rows, limit)}
        )

    async def add(self, request: Request) -> Response:
        """`{"phones": ["+1..."], "reason": ..., "source": ...}`: nobody dials them from now on; how many were new.

        All of them or none: a number that is none refuses the request.
        """
        body = await read_body(request, AddNumbers)
        phones = await asyncio.to_thread(lambda: [plain(phone) for phone in body.phones])
        new = await self._desk.add(phones, body.source, body.reason, body.by)
        return JSONResponse({"given": len(phones), "new": new}, 201 if new else 200)

    async def remove(self, request: Request) -> Response:
        """`{"phone": "+1...", "by": ..., "why": ...}`: after a mistake. Who did it, and why, is kept."""
        body = await read_body(request, RemoveNumber)
        phone = await asyncio.to_thread(plain, body.phone)
        await self._desk.remove(phone, body.by, body.why)
        return JSONResponse({"phone": phone, "removed": True})

    async def take(self, request: Request) -> Response:
        """A CSV or XLSX file as it is: every number of its columns of numbers. `?reason=`, `?by=`."""
        desk_of(self._s)
        query = request.query_params
        who = asker(request, query.get("by", "")[:100])
        async with uploaded(request, self._s.settings.data) as path:
            try:
                given, new, refused, told = await self._desk.take(path, query.get("reason", "")[:500], who)
            except ContactFileError as error:
                raise ContactFileError(str(error).replace(str(path), "the file")) from None
        return JSONResponse({"given": given, "new": new, "refused": dict(refused.most_common()), "told": told})

    async def export(self, request: Request) -> Response:
        """The whole list as CSV, newest first."""
        entries = DoNotCallList(desk_of(self._s).db)
        await self._s.audit(request, "do_not_call.export", "")
        headers = {"content-disposition": 'attachment; filename="do-not-call.csv"'}
        return StreamingResponse(_table(entries), media_type="text/csv; charset=utf-8", headers=headers)

    async def audit(self, request: Request) -> Response:
        """`?subject=`, `?limit=`, `?before=<next of the last answer>`: who did what, newest first."""
        query = request.query_params
        before = query.get("before", "")
        if before and (not before.isdecimal() or len(before) > 18):
            raise UsageError("before is the `next` of another answer")
        found = await Audit(desk_of(self._s).db).page(
            _limit(request), subject=query.get("subject", ""), before=int(before) if before else None
        )
        return JSONResponse({"audit": [audit_row(entry) for entry in found.entries], "next": found.before})


def next_place(rows: Sequence[DoNotCall], limit: int) -> str | None:
    """How the page behind these is asked for; None when there is none (`rows` has one more than `limit` else)."""
    last = rows[limit - 1] if len(rows) > limit else None
    return f"{last.added_at!r} {last.phone}" if last else None


def place_of(text: str) -> DoNotCall | None:
    """What `next_place` gave; None for "". Raises UsageError."""
    at, _, phone = text.partition(" ")
    try:
        return DoNotCall(phone, float(at), "") if text else None
    except ValueError:
        raise UsageError("after is the `next` of another answer") from None


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", "100")
    if not text.isdecimal() or len(text) > 3 or not 1 <= int(text) <= MOST_ROWS:
        raise UsageError(f"limit can be 1 to {MOST_ROWS}")
    return int(text)


async def _table(entries: DoNotCallList) -> AsyncIterator[str]:
    after: DoNotCall | None = None
    header: tuple[str, ...] = HEADER
    while True:
        rows = await entries.page(_TOGETHER, after)
        out = io.StringIO()
        write_csv(out, header, [(r.phone, iso(r.added_at), r.source, r.reason, r.call_id) for r in rows])
        yield out.getvalue() if header else out.getvalue().removeprefix("\r\n")
        if len(rows) < _TOGETHER:
            return
        header, after = (), rows[-1]
