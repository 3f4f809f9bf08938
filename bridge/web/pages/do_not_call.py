"""`/contacts/do-not-call`: who may never be dialled, and since when, and why."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bridge.dialer.phone_list import plain
from bridge.errors import NumberRefused, UsageError
from bridge.store.do_not_call import DoNotCallList
from bridge.web.answers import desk_of
from bridge.web.do_not_call import DoNotCallDesk, next_place, place_of
from bridge.web.forms import form
from bridge.web.render import flash, page
from bridge.web.services import Services

ROWS = 100


class DoNotCallPage:
    """The handlers."""

    def __init__(self, services: Services, desk: DoNotCallDesk) -> None:
        self._s = services
        self._desk = desk

    async def show(self, request: Request) -> Response:
        """`?q=` asks for one number; `?after=`: further down. Raises UsageError."""
        asked, wrong, rows, following = request.query_params.get("q", "").strip()[:100], "", [], None
        if asked:
            try:
                rows = await self._desk.find(await asyncio.to_thread(plain, asked))
            except NumberRefused as error:
                wrong = str(error)
        else:
            found = await DoNotCallList(desk_of(self._s).db).page(
                ROWS + 1, place_of(request.query_params.get("after", ""))
            )
            rows, following = found[:ROWS], next_place(found, ROWS)
        return page(
            request,
            "do_not_call.html",
            rows=rows,
            next=following,
            asked=asked,
            wrong=wrong,
            waiting=len(await desk_of(self._s).office.review()),
            here="/campaigns",
        )

    async def add(self, request: Request) -> Response:
        """One number, from the form."""
        fields = await form(request)
        phone, reason = fields.get("phone", "").strip()[:100], fields.get("reason", "").strip()[:500]
        try:
            number, new = await self._desk.add_one(phone, reason, request.state.who.name)
        except UsageError as error:
            return flash(_back(), f"{error}.", "bad")
        already = "" if new else " already"
        return flash(_back(), f"{number} is on the list{already}; nobody dials it.")

    async def remove(self, request: Request) -> Response:
        """After a mistake; who did it, and why, is kept."""
        fields = await form(request)
        phone, why = fields.get("phone", "")[:100], fields.get("why", "").strip()[:500]
        if not why:
            return flash(_back(), "A number is taken off the list for a reason only; nothing was changed.", "bad")
        try:
            await self._desk.remove(await asyncio.to_thread(plain, phone), request.state.who.name, why)
        except UsageError as error:
            return flash(_back(), f"{error}.", "bad")
        return flash(_back(), f"{phone} may be called again.", "warn")


def _back() -> Response:
    return RedirectResponse("/contacts/do-not-call", 303)
