"""`/live`: the calls that go on. `/calls/{id}/live`: one of them, as it goes on, and what a person may do about it.

What is said and done goes through the JSON API (`verbs.py`) and `/feed`, by the page's script: it asks for what was
told before it came, and reads along from there.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bridge.errors import StoreError
from bridge.web.access import Role
from bridge.web.api import live_row
from bridge.web.problem import refusal
from bridge.web.render import page, part
from bridge.web.services import Services
from bridge.web.updates import Updates
from bridge.web.verbs import live_state


class LivePage:
    """The handlers, and the live part `running`."""

    def __init__(self, services: Services, updates: Updates) -> None:
        self._s = services
        updates.parts["running"] = self._part

    async def show(self, request: Request) -> Response:
        """The list."""
        return page(request, "live.html", calls=self._calls(), draining=self._s.switchboard.draining)

    async def _part(self, _: Request) -> str:
        return part("parts/live.html", "running", self._calls(), self._s.switchboard.draining)

    def _calls(self) -> list[dict[str, Any]]:
        asked = {one.call_id for one in self._s.approvals.open}
        rows = [live_row(session, self._s.glances) for session in self._s.switchboard.live]
        return [row | {"asked": row["id"] in asked} for row in rows]

    async def call(self, request: Request) -> Response:
        """One call; what is left of it when it is over."""
        call_id = request.path_params["call_id"]
        session = self._s.switchboard.get(call_id)
        if session is None or session.end is not None:
            return await self._over(request, call_id)
        acts = request.state.who.role >= Role.OPERATOR
        return page(request, "live_call.html", call=live_state(self._s, session), acts=acts)

    async def _over(self, request: Request, call_id: str) -> Response:
        try:
            record = await asyncio.to_thread(self._s.folders.read, call_id)
        except StoreError as error:
            return refusal(request, 404, "There is no such call", str(error))
        return page(request, "live_over.html", record=record)
