"""`/`: today at a glance. Calls that go on, what came of the others, what fails; it stays true while it is open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bridge.errors import StoreError
from bridge.store.base import CallRow
from bridge.store.calls import CallStore
from bridge.store.figures import Day, Figures, day_begin
from bridge.web.api import live_row
from bridge.web.problem import problem
from bridge.web.render import page, part
from bridge.web.services import Services
from bridge.web.updates import Updates

LATEST = 10
LEAST_KEEP_S = 2.0
SHARE = 0.05
"""A day's figures are worked out anew after 2 s at the earliest, and so rarely that this takes 5 % of the time."""


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """Something that the set-up's checks found wrong."""

    title: str
    detail: str
    fix: str


@dataclass(frozen=True, slots=True)
class View:
    """What the page shows. `trouble`: why there are no figures, one sentence."""

    live: list[dict[str, Any]]
    failing: Sequence[FailedCheck]
    day: Day | None
    latest: tuple[CallRow, ...]
    trouble: str


class OverviewPage:
    """The handlers, and the live part `overview`.

    `failing` is asked what the set-up's checks found last; it must answer at once.
    """

    def __init__(self, services: Services, updates: Updates) -> None:
        self._s = services
        self.failing: Callable[[], Sequence[FailedCheck]] = lambda: ()
        self._found: tuple[Day | None, tuple[CallRow, ...], str] = (None, (), "")
        self._good_until = 0.0
        updates.parts["overview"] = self._part

    async def show(self, request: Request) -> Response:
        """The page."""
        return page(request, "overview.html", view=await self._view())

    async def figures(self, _: Request) -> Response:
        """`GET /api/v1/overview`: the same as JSON."""
        view = await self._view()
        if view.day is None:
            return problem(503, "Service Unavailable", view.trouble)
        return JSONResponse({"day": asdict(view.day), "live": view.live, "failing": [asdict(c) for c in view.failing]})

    async def _part(self, _: Request) -> str:
        return part("parts/overview.html", "overview", await self._view())

    async def _view(self) -> View:
        day, latest, trouble = await self._figures()
        live = sorted((live_row(session) for session in self._s.switchboard.live), key=lambda row: str(row["id"]))
        return View(live, self.failing(), day, latest, trouble)

    async def _figures(self) -> tuple[Day | None, tuple[CallRow, ...], str]:
        clock = asyncio.get_running_loop().time
        began = clock()
        if began < self._good_until:
            return self._found
        try:
            db = self._s.db
            day = await Figures(db).day(day_begin(time.time()))
            self._found = (day, (await CallStore(db).page(LATEST)).rows, "")
        except StoreError as error:
            self._found = (None, (), str(error))
        now = clock()
        self._good_until = now + max(LEAST_KEEP_S, (now - began) / SHARE)
        return self._found
