"""The simulator's own door, beside the carrier's API: let a phone ring the application, and see what became of it.

POST /sim/calls        {"from", "to", "script": text | "say": [text, ...] | "wav": path}  -> 201 {"sid": ...}
GET  /sim/calls        every call
GET  /sim/calls/{sid}  what happened: status, problems, timings, webhooks, streams, conferences, path of what was heard
POST /sim/calls/{sid}/hangup
GET  /sim/dialled      how many calls the application placed to each number; ?format=csv for a table
GET  /sim/messages     the text messages that were sent
GET  /sim/events       JSON lines, as things happen
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bridge.audio.g711 import SAMPLE_RATE_HZ, ulaw_to_pcm16
from bridge.audio.wav import write_wav
from bridge.errors import BridgeError, UsageError
from bridge.sim.phone import Phone
from bridge.sim.script import DEMO, Caller, Score, playing, read_score, saying
from bridge.sim.twilio.account import Moment
from bridge.sim.twilio.call import SimCall

if TYPE_CHECKING:
    from bridge.sim.carrier import Carrier

_MOST_UNREAD_EVENTS = 10_000
_FROM, _TO = "+14155550100", "+14155550199"  # numbers nobody has


def control_routes(carrier: Carrier) -> list[Route]:
    """The door's routes, for a server."""
    door = ControlDoor(carrier)
    return [
        Route("/sim/calls", door.ring, methods=["POST"]),
        Route("/sim/calls", door.list_calls, methods=["GET"]),
        Route("/sim/calls/{sid}", door.show, methods=["GET"]),
        Route("/sim/calls/{sid}/hangup", door.hang_up, methods=["POST"]),
        Route("/sim/dialled", door.dialled, methods=["GET"]),
        Route("/sim/messages", door.list_texts, methods=["GET"]),
        Route("/sim/events", door.events, methods=["GET"]),
    ]


class ControlDoor:
    """The answers of the door."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    async def ring(self, request: Request) -> Response:
        """Place an inbound call."""
        try:
            wish = _wish(await request.body())
            caller = Caller(_score(wish), self._carrier.mouth)
            await caller.prepare()
        except BridgeError as error:
            return JSONResponse({"error": str(error)}, 400)
        call = await self._carrier.ring(str(wish.get("from", _FROM)), str(wish.get("to", _TO)), phone=Phone(caller))
        return JSONResponse({"sid": call.sid}, 201)

    async def list_calls(self, request: Request) -> Response:
        """Every call, in few words."""
        calls = self._carrier.calls.values()
        return JSONResponse(
            {"calls": [{"sid": call.sid, "status": call.status, "from": call.from_, "to": call.to} for call in calls]}
        )

    async def show(self, request: Request) -> Response:
        """Everything about one call."""
        call = self._carrier.calls.get(request.path_params["sid"])
        if call is None:
            return JSONResponse({"error": f"there is no call {request.path_params['sid']}"}, 404)
        return JSONResponse(describe(call) | {"heard_wav": await self._heard(call)})

    async def hang_up(self, request: Request) -> Response:
        """The person at the phone puts it down."""
        call = self._carrier.calls.get(request.path_params["sid"])
        if call is None:
            return JSONResponse({"error": f"there is no call {request.path_params['sid']}"}, 404)
        call.phone.hang_up()
        if call.line is None:  # still ringing: nobody watches the phone yet
            call.hang_up("caller_hung_up")
        return JSONResponse({"sid": call.sid})

    async def dialled(self, request: Request) -> Response:
        """How many calls were placed to each number, and in all."""
        counts = self._carrier.dialled
        if request.query_params.get("format") == "csv":
            lines = ["number,calls", *(f"{number},{count}" for number, count in sorted(counts.items()))]
            return Response("".join(f"{line}\n" for line in lines), media_type="text/csv")
        return JSONResponse({"total": counts.total(), "open": self._carrier.open_calls, "numbers": dict(counts)})

    async def list_texts(self, request: Request) -> Response:
        """Every text message, the oldest first."""
        texts = self._carrier.messages
        return JSONResponse(
            {
                "messages": [
                    {"sid": text.sid, "from": text.from_, "to": text.to, "body": text.body, "at": text.at.isoformat()}
                    for text in texts
                ]
            }
        )

    async def events(self, request: Request) -> Response:
        """What happens, one JSON object a line, until the reader goes away."""
        return StreamingResponse(self._lines(), media_type="application/x-ndjson")

    async def _lines(self) -> AsyncIterator[str]:
        queue: asyncio.Queue[Moment] = asyncio.Queue(_MOST_UNREAD_EVENTS)
        self._carrier.account.watchers.add(queue)
        try:
            while True:
                yield json.dumps(asdict(await queue.get())) + "\n"
        finally:
            self._carrier.account.watchers.discard(queue)

    async def _heard(self, call: SimCall) -> str | None:
        folder = self._carrier.options.recordings
        if folder is None or not call.over:
            return None
        path = folder / f"{call.sid}.wav"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            sound = ulaw_to_pcm16(call.heard.tape(call.phone.now_s))
            await asyncio.to_thread(write_wav, path, sound, SAMPLE_RATE_HZ)
        return str(path)


def describe(call: SimCall) -> dict[str, Any]:
    """A call as JSON; times are seconds since it was created."""
    zero_s = call.timeline[0].at_s
    return {
        "sid": call.sid,
        "from": call.from_,
        "to": call.to,
        "direction": call.direction,
        "status": call.status,
        "end_reason": call.end_reason,
        "duration_s": round(call.duration_s, 3),
        "problems": [asdict(problem) | {"title": problem.title} for problem in call.problems],
        "notices": [str(notice) for notice in call.notices],
        "webhooks": [
            {
                "method": seen.method,
                "url": seen.url,
                "status": seen.status,
                "at_s": round(seen.at_s - zero_s, 3),
                "took_s": round(seen.took_s, 3),
                "form": seen.fields,
            }
            for seen in call.webhooks
        ],
        "streams": [
            {"sid": stream.sid, "url": stream.noun.url, "close_code": stream.close_code} | asdict(stream.counts)
            for stream in call.streams
        ],
        "conferences": [
            {"sid": conference.sid, "name": conference.name, "started": conference.started, "reason": conference.reason}
            for conference in call.conferences
        ],
        "timeline": [
            {"at_s": round(moment.at_s - zero_s, 3), "what": moment.what, "detail": moment.detail}
            for moment in call.timeline
        ],
    }


def _wish(body: bytes) -> dict[str, Any]:
    try:
        wish = json.loads(body or b"{}")
    except ValueError as error:
        raise UsageError(f"the request is not JSON ({error})") from error
    if not isinstance(wish, dict):
        raise UsageError("the request is not a JSON object")
    if strange := wish.keys() - {"from", "to", "script", "say", "wav"}:
        raise UsageError(f"the request has {', '.join(sorted(strange))}; there are from, to, script, say and wav")
    return wish


def _score(wish: dict[str, Any]) -> Score:
    if "script" in wish:
        return read_score(str(wish["script"]))
    if "say" in wish:
        say = wish["say"]
        return saying([say] if isinstance(say, str) else [str(text) for text in say])
    if "wav" in wish:
        return playing(str(wish["wav"]))
    return DEMO
