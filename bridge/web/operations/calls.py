"""Operations on calls: those that come in, and those that we place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from bridge.web.bodies import Body
from bridge.web.operations.base import (
    ACT,
    LOOK,
    NEXT,
    Answers,
    Operation,
    Operations,
    Query,
)
from bridge.web.schemas import page, ref, rows, table
from bridge.web.single_calls import NewCall
from bridge.web.verbs import ApprovalBody, ByHandBody, HandOffBody, NoteBody, SayBody, TransferBody

_DONE = table({"ok": {"const": True}})


def calls() -> Operations:
    """Them."""
    calls, one = "/api/v1/calls", "/api/v1/calls/{call_id}"
    filters = (
        Query("status", "live or ended; both else", {"enum": ["live", "ended"]}),
        Query("limit", "How many", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}),
        Query("before", "The `next` of the answer before"),
    )

    def verb(
        name: str, what: str, body: type[BaseModel], example: Mapping[str, Any], fails: tuple[int, ...] = (400, 404)
    ) -> Operation:
        return Operation(
            name=name,
            what=what,
            part="Calls",
            needs=ACT,
            answers={202: _DONE},
            fails=fails,
            body=body,
            example=example,
        )

    asked = {"to": "+14155550123", "variables": {"name": "Ada"}, "max_minutes": 5}
    key = Query("Idempotency-Key", "The same request with the same key is the same call", {"type": "string"})
    placed: Answers = {200: ref("Attempt"), 201: ref("Attempt")}
    return {
        ("GET", calls): Operation(
            name="listCalls",
            what="Calls that go on or have ended, newest first",
            part="Calls",
            needs=LOOK,
            answers={200: page("calls", {"anyOf": [ref("LiveCall"), ref("Call")]}, NEXT)},
            fails=(400,),
            query=filters,
        ),
        ("POST", calls): Operation(
            name="placeCall",
            what="Call somebody. 201 with the attempt; 200 when this key has asked for it before",
            part="Calls",
            needs=ACT,
            answers=placed,
            fails=(400, 409, 413, 422, 502),
            body=NewCall,
            example=asked,
            headers=(key,),
        ),
        ("GET", one): Operation(
            name="getCall",
            what="One call: its record, and its transcript so far",
            part="Calls",
            needs=LOOK,
            answers={200: ref("CallWithTranscript")},
            fails=(404,),
        ),
        ("POST", f"{one}/say"): verb(
            "say", "The agent says this when nobody speaks", SayBody, {"words": "One moment."}
        ),
        ("POST", f"{one}/note"): verb(
            "note", "The model learns this; nobody hears it", NoteBody, {"text": "A regular."}
        ),
        ("POST", f"{one}/transfer"): verb("transfer", "Hand the caller over", TransferBody, {"to": "+14155550107"}),
        ("POST", f"{one}/hangup"): verb("hangUp", "The agent ends the call", Body, {}),
        ("POST", f"{one}/handoff"): verb(
            "handOff", "Another agent of the team goes on", HandOffBody, {"to": "sales"}, (400, 404, 409)
        ),
        ("POST", f"{one}/tools/{{tool_call_id}}"): verb(
            "answerTool", "A person answers a tool", ByHandBody, {"output": "Nine to six."}
        ),
        ("GET", f"{one}/live"): Operation(
            name="watchCall",
            what="A call that goes on, as it stands",
            part="Calls",
            needs=LOOK,
            answers={200: ref("WatchedCall")},
            fails=(404,),
        ),
        ("GET", f"{one}/explain"): Operation(
            name="explainCall",
            what="What went wrong, by rules, with evidence",
            part="Calls",
            needs=LOOK,
            answers={200: ref("Explained")},
            fails=(404,),
        ),
        ("GET", "/api/v1/attempts/{attempt_id}"): Operation(
            name="getAttempt",
            what="What became of a call that we placed",
            part="Calls",
            needs=LOOK,
            answers={200: ref("Attempt")},
            fails=(404,),
        ),
        ("POST", "/api/v1/attempts/{attempt_id}/hangup"): Operation(
            name="endAttempt",
            what="Call it off while it rings; when they talk, the agent leaves. 200: it was over already",
            part="Calls",
            needs=ACT,
            answers={200: ref("Attempt"), 202: ref("Attempt")},
            fails=(400, 404, 409, 502),
            body=Body,
            example={},
        ),
        ("GET", "/api/v1/approvals"): Operation(
            name="listApprovals",
            what="Tools that wait for somebody to say yes or no, oldest first",
            part="Calls",
            needs=LOOK,
            answers={200: rows("approvals", ref("Approval"))},
        ),
        ("POST", "/api/v1/approvals/{approval_id}"): Operation(
            name="decideApproval",
            what="Yes or no to a tool",
            part="Calls",
            needs=ACT,
            answers={200: _DONE},
            fails=(400, 404),
            body=ApprovalBody,
            example={"approve": True, "by": "ada"},
        ),
    }
