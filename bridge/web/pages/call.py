"""`/calls/{id}`: one call, to listen to, read, understand and take away.

Everything comes from the call's folder, found by its id alone (`CallFolders.path` takes nothing else); it is read in a
thread. A page is whole without scripts but for the player; scripts add seeking, following, and the events as one
scrolls.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from bridge.audio.peaks import outline
from bridge.errors import StoreError
from bridge.observe.events import SIDES, VIEWS, Ask, Window, window, zero_of
from bridge.observe.papers import Papers, read_papers
from bridge.realtime.prices import price_of
from bridge.records.costs import CostLine, breakdown
from bridge.store import folder
from bridge.web.pages.call_picture import NAMES, Picture, clock, draw
from bridge.web.pages.said import Said, spoken_lines, transcript_text
from bridge.web.problem import problem
from bridge.web.render import epoch, page, part
from bridge.web.services import Services
from bridge.web.updates import Updates

EVENTS = 200
"""In one window."""
LONGEST_SEARCH = 100
KEPT_OUTLINES = 64
EXPORTS = {
    "transcript.txt": "text/plain; charset=utf-8",
    "transcript.json": "application/json",
    "recording.wav": "audio/wav",
    "events.jsonl": "application/x-ndjson",
}
"""What may be taken away, and what it is."""
_FIELDS = (
    *("id", "carrier_call_id", "direction", "from", "to", "agent", "started_at", "answered_at", "ended_at"),
    *("end_reason", "ended_by", "turns", "usage", "cost_usd", "error", "campaign_id", "latency_p50_ms"),
    *("latency_p95_ms", "handed_to", "replay_of"),
)
BLANK: dict[str, Any] = dict.fromkeys(_FIELDS)
"""A record of which nothing is known: those of older calls do not have every field."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page needs of a call."""

    papers: Papers
    said: list[Said]
    picture: Picture
    costs: list[CostLine]
    lasted_s: float | None
    no_recording: str
    """Why there is nothing to hear; "": there is."""
    replays: int


class CallPage:
    """The handlers, and the live part `call`."""

    def __init__(self, services: Services, updates: Updates) -> None:
        self._s = services
        self._outlines: dict[str, dict[str, Any]] = {}
        updates.parts["call"] = self._part

    # ---- the page

    async def show(self, request: Request) -> Response:
        """The page. Raises StoreError (404) for a call that there is not."""
        call_id = request.path_params["call_id"]
        state = self._state(call_id)
        if state:
            await self._s.disk.drained()
        shown = await asyncio.to_thread(self._read, call_id, bool(state))
        return await asyncio.to_thread(  # an hour of call is a megabyte, and other calls go on meanwhile
            page,
            request,
            "call.html",
            nonce=True,
            call_id=call_id,
            record=BLANK | shown.papers.record,
            shown=shown,
            story=shown.papers.story,
            explained=shown.papers.explained,
            state=state,
            clock=clock,
            kinds=NAMES,
            exports=[name for name in EXPORTS if name != "recording.wav" or not shown.no_recording],
        )

    def _read(self, call_id: str, live: bool) -> Shown:
        papers = read_papers(self._s.folders, call_id)
        record = papers.record
        answered, ended = epoch(record.get("answered_at")), epoch(record.get("ended_at"))
        place = self._s.folders.path(call_id)
        made = breakdown(record.get("usage") or {}, price_of(papers.story.model))
        return Shown(
            papers,
            spoken_lines(papers.transcript),
            draw(papers.story),
            made,
            None if answered is None or ended is None else ended - answered,
            self._no_recording(place, record, live),
            len(self._replays(call_id)),
        )

    def _no_recording(self, place: Path, record: Mapping[str, Any], live: bool) -> str:
        if live:
            return "The recording can be heard when the call is over."
        if (place / folder.RECORDING).is_file():
            return ""
        if not record.get("answered_at"):
            return "There is nothing to hear: the call was never answered."
        if self._s.settings.record == "off":
            return "This call was not recorded: recording is off (BRIDGE_RECORD)."
        return "There is no recording of this call: it was removed, or could not be written (the log says why)."

    def _state(self, call_id: str) -> str:
        """Its phase while it goes on, else "". (The switchboard remembers a call a little longer than it lasts.)"""
        live = self._s.switchboard.get(call_id)
        return "" if live is None or live.end is not None else live.phase.value

    async def _part(self, request: Request) -> str:
        call_id = request.query_params.get("call", "")
        return part("parts/call.html", "state_line", call_id, self._state(call_id))

    # ---- the player

    async def peaks(self, request: Request) -> Response:
        """The recording's outline: drawn while it was made, or now. Raises StoreError."""
        call_id = request.path_params["call_id"]
        path = self._s.folders.path(call_id) / folder.PEAKS
        try:
            return Response(await asyncio.to_thread(path.read_bytes), media_type="application/json")
        except OSError:
            pass  # an older recording, or one whose process was killed
        if call_id not in self._outlines:
            made = await asyncio.to_thread(outline, self._recording(call_id))
            while len(self._outlines) >= KEPT_OUTLINES:
                del self._outlines[next(iter(self._outlines))]
            self._outlines[call_id] = made
        return JSONResponse(self._outlines[call_id])

    async def recording(self, request: Request) -> Response:
        """The sound, for the player: any part of it (HTTP ranges). Raises StoreError."""
        return FileResponse(self._recording(request.path_params["call_id"]), media_type="audio/wav")

    def _recording(self, call_id: str) -> Path:
        path = self._s.folders.path(call_id) / folder.RECORDING
        if not path.is_file():
            raise StoreError(f"there is no recording of {call_id}")
        return path

    # ---- events

    async def events(self, request: Request) -> Response:
        """`?view=&side=&q=&after=`: a window of events; as a part of the page for scripts, else as a page."""
        call_id = request.path_params["call_id"]
        ask = read_ask(request)
        if ask is None:
            return problem(400, "Bad Request", f"view is one of {', '.join(VIEWS)}; after is a line's number")
        found = await asyncio.to_thread(self._window, call_id, ask)
        if "hx-request" in request.headers:
            return await asyncio.to_thread(
                page, request, "call_events_part.html", call_id=call_id, found=found, ask=ask, clock=clock
            )
        return await asyncio.to_thread(
            page,
            request,
            "call_events.html",
            call_id=call_id,
            found=found,
            ask=ask,
            clock=clock,
            views=VIEWS,
            sides=SIDES,
        )

    def _window(self, call_id: str, ask: Ask) -> Window:
        self._s.folders.read(call_id)
        path = self._s.folders.path(call_id) / folder.TIMELINE
        try:
            with path.open("rb") as first, path.open("rb") as second:
                return window(second, ask, zero_of(first))
        except FileNotFoundError:
            return Window([], 0)

    # ---- to take away

    async def export(self, request: Request) -> Response:
        """`/calls/{id}/export/{name}`: one of `EXPORTS`. Raises StoreError."""
        call_id, name = request.path_params["call_id"], request.path_params["name"]
        kind = EXPORTS.get(name)
        if kind is None:
            return problem(404, "Not Found", f"what can be taken away: {', '.join(EXPORTS)}")
        self._s.folders.read(call_id)
        await self._s.audit(request, "call.export", call_id, after={"what": name})
        if name == "recording.wav":
            return FileResponse(self._recording(call_id), media_type=kind, filename=f"{call_id}.wav")
        if name == "events.jsonl":
            path = self._s.folders.path(call_id) / folder.TIMELINE
            if not path.is_file():
                return problem(404, "Not Found", f"there are no events of {call_id}")
            return FileResponse(path, media_type=kind, filename=f"{call_id}.events.jsonl")
        papers = await asyncio.to_thread(read_papers, self._s.folders, call_id)
        made = WRITERS[name](papers)
        headers = {"content-disposition": f'attachment; filename="{call_id}.{name}"'}
        return Response(made, media_type=kind, headers=headers)

    async def explained(self, request: Request) -> Response:
        """`GET /api/v1/calls/{id}/explain`: why it ended, and what went wrong. Raises StoreError."""
        papers = await asyncio.to_thread(read_papers, self._s.folders, request.path_params["call_id"])
        return JSONResponse({"id": request.path_params["call_id"], **papers.explained.as_dict()})

    # ---- replays

    async def replays(self, request: Request) -> Response:
        """`/calls/{id}/replays`: the call beside what other agents made of the same words. Raises StoreError."""
        call_id = request.path_params["call_id"]
        columns = await asyncio.to_thread(self._side_by_side, call_id)
        return await asyncio.to_thread(page, request, "replays.html", call_id=call_id, columns=columns, clock=clock)

    def _side_by_side(self, call_id: str) -> list[tuple[dict[str, Any], Papers, list[Said]]]:
        found: list[tuple[dict[str, Any], Papers, list[Said]]] = []
        for made in [{"id": call_id}, *self._replays(call_id)]:
            try:
                papers = read_papers(self._s.folders, str(made["id"]))
            except StoreError:
                if made["id"] == call_id:
                    raise
                continue  # a replay that was removed since
            found.append((BLANK | papers.record | made, papers, spoken_lines(papers.transcript)))
        return found

    def _replays(self, call_id: str) -> list[dict[str, Any]]:
        return self._s.folders.replays(call_id)


def read_ask(request: Request) -> Ask | None:
    """What the address asks for; None when it cannot be meant."""
    given = request.query_params
    view, after = given.get("view", "compact"), given.get("after", "0")
    if view not in VIEWS or not after.isdecimal() or len(after) > 9:
        return None
    sides = frozenset(side for side in given.getlist("side") if side in SIDES) or frozenset(SIDES)
    return Ask(view, int(after), EVENTS, sides, given.get("q", "")[:LONGEST_SEARCH])


def _as_json(papers: Papers) -> str:
    found = papers.record | {"transcript": papers.transcript, "explained": papers.explained.as_dict()}
    return json.dumps(found | ({"analysis": papers.analysis} if papers.analysis else {}), ensure_ascii=False, indent=1)


WRITERS: dict[str, Callable[[Papers], str]] = {
    "transcript.txt": lambda papers: transcript_text(papers.record, papers.transcript),
    "transcript.json": _as_json,
}
