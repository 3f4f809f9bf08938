"""The JSON admin API: calls, live and past."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bridge.errors import StoreError
from bridge.live.glances import Glances
from bridge.live.session import CallSession
from bridge.records.callrecord import iso
from bridge.store.folder import TRANSCRIPT
from bridge.web.problem import problem
from bridge.web.services import Services

PAGE = 50
MOST = 500


class Api:
    """Handlers of `/api/v1` and `/healthz`."""

    def __init__(self, services: Services) -> None:
        self._s = services

    async def health(self, _: Request) -> Response:
        """The process is alive."""
        return JSONResponse({"status": "ok"})

    async def ready(self, _: Request) -> Response:
        """A further call would be answered."""
        full = self._s.switchboard.full
        body = {"status": "full" if full else "ok", "calls": len(self._s.switchboard.live)}
        return JSONResponse(body, 503 if full else 200)

    async def calls(self, request: Request) -> Response:
        """`?status=live|ended`, `?limit=`, `?before=<call id>`: calls, newest first."""
        query = request.query_params
        status = query.get("status", "")
        limit = query.get("limit", str(PAGE))
        if status not in ("", "live", "ended"):
            return problem(400, "Bad Request", "status can be live or ended")
        if not limit.isdecimal() or len(limit) > 3 or not 1 <= int(limit) <= MOST:
            return problem(400, "Bad Request", f"limit can be 1 to {MOST}")
        before = query.get("before", "")
        live = {s.info.call_id: live_row(s, self._s.glances) for s in self._s.switchboard.live}
        if status == "live":
            rows = sorted(live.values(), key=lambda r: str(r["id"]), reverse=True)[: int(limit)]
            return JSONResponse({"calls": rows, "next": None})
        rows = await asyncio.to_thread(self._past, int(limit) + 1, before, live, status)
        more = rows[-2]["id"] if len(rows) > int(limit) else None
        return JSONResponse({"calls": rows[: int(limit)], "next": more})

    def _past(self, limit: int, before: str, live: dict[str, dict[str, Any]], status: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for call_id in self._s.folders.ids():
            if len(rows) >= limit:
                break
            if (before and call_id >= before) or (status == "ended" and call_id in live):
                continue
            try:
                rows.append(live.get(call_id) or self._s.folders.read(call_id) | {"phase": "ENDED"})
            except StoreError:
                continue  # a folder whose record is not written yet
        return rows

    async def call(self, request: Request) -> Response:
        """One call: its record, and its transcript so far."""
        call_id = request.path_params["call_id"]
        session = self._s.switchboard.get(call_id)
        if session is not None:
            await self._s.disk.drained()
        try:
            body = await asyncio.to_thread(self._read, call_id)
        except StoreError as error:
            return problem(404, "Not Found", str(error))
        phase = session.phase.value if session is not None else "ENDED"
        return JSONResponse(body | {"phase": phase})

    def _read(self, call_id: str) -> dict[str, Any]:
        record = self._s.folders.read(call_id)
        lines = sorted(self._s.folders.lines(call_id, TRANSCRIPT), key=lambda line: line.get("turn", 0))
        analysis = self._s.folders.analysis(call_id)
        return record | {"transcript": lines} | ({"analysis": analysis} if analysis else {})


def live_row(session: CallSession, glances: Glances) -> dict[str, Any]:
    """A live call in a list."""
    info, glance = session.info, glances.of(session.info)
    return {
        "id": info.call_id,
        "carrier_call_id": info.carrier_call_id,
        "direction": info.direction,
        "from": info.from_number,
        "to": info.to_number,
        "agent": info.agent,
        "started_at": iso(info.began_at),
        "phase": session.phase.value,
        "seconds": round(time.time() - info.began_at, 1),
        "speaking": glance.agent,
        "last": {"who": glance.who, "words": glance.words} if glance.words else None,
    }
