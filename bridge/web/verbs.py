"""What people may do to a live call by the admin API: say, note, hang up, transfer, approve."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bridge.call import events as ev
from bridge.errors import UsageError
from bridge.live.approvals import Asked
from bridge.live.session import CallSession
from bridge.records.callrecord import iso
from bridge.tools.phone import destination_gate
from bridge.tools.runner import Approval
from bridge.web.bodies import Body, read_body
from bridge.web.problem import problem
from bridge.web.services import Services


class SayBody(Body):
    words: str = Field(min_length=1, max_length=2000)


class NoteBody(Body):
    text: str = Field(min_length=1, max_length=4000)
    respond: bool = False


class TransferBody(Body):
    to: str = Field(max_length=200)


class ApprovalBody(Body):
    approve: bool
    by: str = Field(default="", max_length=100)
    reason: str = Field(default="", max_length=500)


B = TypeVar("B", bound=Body)


class Verbs:
    """Handlers; each is a POST with a JSON body."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._allowed = destination_gate(services.settings)

    async def say(self, request: Request) -> Response:
        """`{"words": "..."}`: the agent says them as soon as nobody else speaks."""
        return await self._to_call(request, "call.say", SayBody, lambda body: ev.WordsAsked(body.words))

    async def note(self, request: Request) -> Response:
        """`{"text": "...", "respond": false}`: the model learns it."""
        return await self._to_call(request, "call.note", NoteBody, lambda body: ev.NoteAsked(body.text, body.respond))

    async def hang_up(self, request: Request) -> Response:
        """`{}`: the call ends when what is being said has been heard."""
        return await self._to_call(request, "call.hangup", Body, lambda _: ev.LeaveAsked("agent_hung_up", "operator"))

    async def transfer(self, request: Request) -> Response:
        """`{"to": "+1..."}`: the caller is handed over when what is being said has been heard."""
        return await self._to_call(
            request, "call.transfer", TransferBody, lambda body: ev.TransferAsked(str(self._allowed(body.to)))
        )

    async def _to_call(self, request: Request, what: str, kind: type[B], event: Any) -> Response:
        try:
            body = await read_body(request, kind)
            wanted = event(body)
        except UsageError as error:
            return problem(400, "Bad Request", str(error))
        call_id = request.path_params["call_id"]
        session = self._live(call_id)
        if session is None:
            return problem(404, "Not Found", "there is no such live call")
        session.handle(wanted)
        await self._s.audit(request, what, call_id, after=body.model_dump())
        return JSONResponse({"ok": True}, 202)

    def _live(self, call_id: str) -> CallSession | None:
        session = self._s.switchboard.get(call_id)
        return session if session is not None and session.end is None else None

    async def approvals(self, _: Request) -> Response:
        """What waits for somebody to say yes or no, oldest first."""
        return JSONResponse({"approvals": [_row(asked) for asked in self._s.approvals.open]})

    async def approve(self, request: Request) -> Response:
        """`{"approve": true, "by": "...", "reason": "..."}`."""
        try:
            body = await read_body(request, ApprovalBody)
        except UsageError as error:
            return problem(400, "Bad Request", str(error))
        approval_id = request.path_params["approval_id"]
        asked = next((one for one in self._s.approvals.open if one.id == approval_id), None)
        answer = Approval(body.approve, body.by, body.reason)
        if asked is None or not self._s.approvals.answer(approval_id, answer):
            return problem(404, "Not Found", "this is not open any more")
        await self._s.audit(request, "call.approve", asked.call_id, after={"tool": asked.tool} | body.model_dump())
        return JSONResponse({"ok": True})


def _row(asked: Asked) -> dict[str, Any]:
    row = {"id": asked.id, "call_id": asked.call_id, "tool": asked.tool, "asked_at": iso(asked.asked_at)}
    return row | {"arguments": json.loads(asked.arguments)}
