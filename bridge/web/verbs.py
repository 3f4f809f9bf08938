"""What people may do to a live call by the admin API: say, note, hang up, transfer, approve."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, TypeVar

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bridge.call import events as ev
from bridge.errors import AgentError, UsageError
from bridge.live.approvals import Asked
from bridge.live.session import CallSession
from bridge.records.callrecord import iso
from bridge.tools.phone import destination_gate
from bridge.tools.runner import Approval
from bridge.web.api import live_row
from bridge.web.bodies import Body, read_body
from bridge.web.problem import problem
from bridge.web.services import Services

NO_CALL = "there is no such live call"


class SayBody(Body):
    words: str = Field(min_length=1, max_length=2000)


class NoteBody(Body):
    text: str = Field(min_length=1, max_length=4000)
    respond: bool = False


class TransferBody(Body):
    to: str = Field(max_length=200)


class HandOffBody(Body):
    to: str = Field(min_length=1, max_length=200)
    why: str = Field(default="", max_length=500)


class ByHandBody(Body):
    output: str = Field(min_length=1, max_length=20_000)
    ok: bool = True


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

    async def hand_off(self, request: Request) -> Response:
        """`{"to": "sales", "why": "..."}`: another agent of the team goes on with the call."""
        try:
            body = await read_body(request, HandOffBody)
        except UsageError as error:
            return problem(400, "Bad Request", str(error))
        session = self._live(request.path_params["call_id"])
        if session is None or session.crew is None:
            return problem(404, "Not Found", NO_CALL)
        try:
            session.crew.become(body.to, body.why or f"{request.state.who.name} wants it")
        except AgentError as error:
            return problem(409, "Conflict", str(error))
        await self._s.audit(request, "call.handoff", session.info.call_id, after=body.model_dump())
        return JSONResponse({"ok": True}, 202)

    async def answer_tool(self, request: Request) -> Response:
        """`{"output": "...", "ok": true}`: a person answers a tool that runs, or waits for a yes, in its place."""
        try:
            body = await read_body(request, ByHandBody)
        except UsageError as error:
            return problem(400, "Bad Request", str(error))
        call_id, tool_call_id = request.path_params["call_id"], request.path_params["tool_call_id"]
        session = self._live(call_id)
        if session is None:
            return problem(404, "Not Found", NO_CALL)
        found = next((tool for tool in self._s.glances.tools(call_id) if tool.tool_call_id == tool_call_id), None)
        if found is None:
            return problem(404, "Not Found", "this tool does not run any more")
        by = request.state.who.name
        session.handle(ev.ToolFinished(tool_call_id, body.output, body.ok, note=f"answered by hand by {by}"))
        for asked in self._s.approvals.open:
            if (asked.call_id, asked.tool, asked.arguments) == (call_id, found.name, found.arguments.strip() or "{}"):
                self._s.approvals.answer(asked.id, Approval(False, by, "it was answered by hand"))
                break
        await self._s.audit(request, "call.tool", call_id, after={"tool": found.name} | body.model_dump())
        return JSONResponse({"ok": True}, 202)

    async def watch(self, request: Request) -> Response:
        """How a call goes on: who may speak, which tools run, which of them wait for a person."""
        session = self._live(request.path_params["call_id"])
        if session is None:
            return problem(404, "Not Found", NO_CALL)
        return JSONResponse(live_state(self._s, session))

    async def _to_call(self, request: Request, what: str, kind: type[B], event: Any) -> Response:
        try:
            body = await read_body(request, kind)
            wanted = event(body)
        except UsageError as error:
            return problem(400, "Bad Request", str(error))
        call_id = request.path_params["call_id"]
        session = self._live(call_id)
        if session is None:
            return problem(404, "Not Found", NO_CALL)
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
        answer = Approval(body.approve, body.by or request.state.who.name, body.reason)
        if asked is None or not self._s.approvals.answer(approval_id, answer):
            return problem(404, "Not Found", "this is not open any more")
        await self._s.audit(request, "call.approve", asked.call_id, after={"tool": asked.tool} | body.model_dump())
        return JSONResponse({"ok": True})


def live_state(services: Services, session: CallSession) -> dict[str, Any]:
    """A running call for who watches it."""
    call_id = session.info.call_id
    asked = [_row(one) for one in services.approvals.open if one.call_id == call_id]
    tools = [asdict(tool) for tool in services.glances.tools(call_id)]
    team = list(session.crew.team) if session.crew is not None else []
    listeners = services.audience.listeners(session)
    told = services.glances.of(session.info).told
    return live_row(session, services.glances) | {
        "told": [{"fact": type(fact).__name__} | asdict(fact) for fact in told],
        "team": team,
        "tools": tools,
        "approvals": asked,
        "listeners": listeners,
    }


def _row(asked: Asked) -> dict[str, Any]:
    row = {"id": asked.id, "call_id": asked.call_id, "tool": asked.tool, "asked_at": iso(asked.asked_at)}
    return row | {"arguments": json.loads(asked.arguments)}
