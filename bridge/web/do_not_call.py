"""The admin API of the do-not-call list, and of the audit that knows who changed it."""

from __future__ import annotations

import asyncio
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bridge.dialer.shown import audit_row, do_not_call_row
from bridge.errors import NumberRefused, UsageError
from bridge.numbers import read_number
from bridge.store.audit import Audit
from bridge.store.base import AuditEntry, DoNotCall
from bridge.store.do_not_call import DoNotCallList
from bridge.web.answers import NotThere, desk_of
from bridge.web.bodies import By, read_body
from bridge.web.services import Services

MOST_ROWS = 500
MOST_NUMBERS = 2_000
"""Of one request; a longer list is given in several."""


class _Add(By):
    phones: list[str] = Field(min_length=1, max_length=MOST_NUMBERS)
    reason: str = Field(default="", max_length=500)
    source: Literal["api", "operator", "import"] = "api"


class _Remove(By):
    phone: str = Field(min_length=1, max_length=100)
    by: str = Field(min_length=1, max_length=100)
    why: str = Field(min_length=1, max_length=500)


class DoNotCallApi:
    """Handlers of `/api/v1/do-not-call` and `/api/v1/audit`."""

    def __init__(self, services: Services) -> None:
        self._s = services

    async def page(self, request: Request) -> Response:
        """`?phone=` asks for one number; `?limit=`, `?after=<next of the last answer>`: all, newest first."""
        entries = DoNotCallList(desk_of(self._s).db)
        query = request.query_params
        if query.get("phone"):
            phone = await asyncio.to_thread(_plain, query["phone"])
            return JSONResponse({"phone": phone, "listed": bool(await entries.listed([phone]))})
        limit = _limit(request)
        rows = await entries.page(limit + 1, _after(query.get("after", "")))
        last = rows[limit - 1] if len(rows) > limit else None
        following = f"{last.added_at!r} {last.phone}" if last else None
        return JSONResponse({"do_not_call": [do_not_call_row(row) for row in rows[:limit]], "next": following})

    async def add(self, request: Request) -> Response:
        """`{"phones": ["+1..."], "reason": ..., "source": ...}`: nobody dials them from now on; how many were new.

        All of them or none: a number that is none refuses the request.
        """
        desk = desk_of(self._s)
        body = await read_body(request, _Add)
        phones = await asyncio.to_thread(lambda: [_plain(phone) for phone in body.phones])
        now = desk.office.now
        new = await DoNotCallList(desk.db).add_many(DoNotCall(phone, now, body.source, body.reason) for phone in phones)
        await Audit(desk.db).add(
            AuditEntry(now, body.by, "do_not_call.add", phones[0] if len(phones) == 1 else "", {}, {"new": new})
        )
        desk.worker.wake()
        return JSONResponse({"given": len(phones), "new": new}, 201 if new else 200)

    async def remove(self, request: Request) -> Response:
        """`{"phone": "+1...", "by": ..., "why": ...}`: after a mistake. Who did it, and why, is kept."""
        desk = desk_of(self._s)
        body = await read_body(request, _Remove)
        phone = await asyncio.to_thread(_plain, body.phone)
        if not await DoNotCallList(desk.db).remove(phone, who=body.by, at=desk.office.now, why=body.why):
            raise NotThere(f"{phone} is not on the do-not-call list")
        return JSONResponse({"phone": phone, "removed": True})

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


def _plain(text: str) -> str:
    """A number as E.164. One that does not exist may be on the list all the same, if it can be read at all."""
    try:
        return read_number(text).e164
    except NumberRefused as error:
        plain = "".join(letter for letter in text if letter not in " ().-")
        if error.why == "no_such_number" and plain.startswith("+") and plain[1:].isdecimal():
            return plain
        raise


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", "100")
    if not text.isdecimal() or len(text) > 3 or not 1 <= int(text) <= MOST_ROWS:
        raise UsageError(f"limit can be 1 to {MOST_ROWS}")
    return int(text)


def _after(text: str) -> DoNotCall | None:
    at, _, phone = text.partition(" ")
    try:
        return DoNotCall(phone, float(at), "") if text else None
    except ValueError:
        raise UsageError("after is the `next` of another answer") from None
