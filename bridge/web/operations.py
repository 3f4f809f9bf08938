"""Every operation of the admin API: whom it is for, what it takes, what it answers. A test holds it true to
`routes.py`, and schemathesis holds the handlers true to it.

What every operation may answer (401, 403, 503) is said in `openapi.py`; here stands what is its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from bridge.dialer.outcomes import OUTCOMES
from bridge.web.access import Role
from bridge.web.bodies import Body, By
from bridge.web.campaigns import MOST_ROWS, STATES, Decided, EditedCampaign, Move, NewCampaign
from bridge.web.do_not_call import AddNumbers, RemoveNumber
from bridge.web.more_operations import BRIEFS
from bridge.web.pages.settings import NewToken
from bridge.web.schemas import COUNT, TEXT, Schema, page, ref, rows, table
from bridge.web.single_calls import NewCall
from bridge.web.verbs import ApprovalBody, NoteBody, SayBody, TransferBody

FILE: Final = "a CSV or XLSX file, as it is"
CSV: Final = "text/csv"


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter behind the `?`; none has to be given."""

    name: str
    what: str
    schema: Schema = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. `answers`: a schema by status; `CSV`: a table; None: no body. `fails`: problems."""

    name: str
    what: str
    part: str
    needs: Role
    answers: Mapping[int, Schema | str | None]
    fails: tuple[int, ...] = ()
    query: tuple[Query, ...] = ()
    body: type[BaseModel] | str | None = None
    """A model of a JSON body, or FILE."""
    example: Mapping[str, Any] | None = None
    headers: tuple[Query, ...] = ()


_LOOK, _ACT, _RULE = Role.VIEWER, Role.OPERATOR, Role.ADMIN
_DONE = table({"ok": {"const": True}})
_LIMIT = Query("limit", "How many", {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": 100})
_AFTER_ID = Query("after", "The `next` of the answer before", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1})
_BY = Query("by", "Who asks, for the audit")
_ROW_ID = {"type": ["integer", "null"]}
_NEXT = {"type": ["string", "null"]}
_COUNTS: Schema = {"type": "object", "additionalProperties": COUNT}
_FILLED = table(
    {
        "contacts": COUNT,
        "do_not_call": COUNT,
        "repaired": COUNT,
        "refused": _COUNTS,
        "notes": {"type": "array", "items": TEXT},
        "header": {"type": "array", "items": TEXT},
        "columns": {"type": "array", "items": table({"column": TEXT, "meaning": TEXT})},
        "errors": {"type": "array", "items": ref("RefusedRow")},
    }
)


def _calls() -> dict[tuple[str, str], Operation]:
    calls, one = "/api/v1/calls", "/api/v1/calls/{call_id}"
    filters = (
        Query("status", "live or ended; both else", {"enum": ["live", "ended"]}),
        Query("limit", "How many", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}),
        Query("before", "The `next` of the answer before"),
    )

    def verb(name: str, what: str, body: type[BaseModel], example: Mapping[str, Any]) -> Operation:
        return Operation(
            name=name,
            what=what,
            part="Calls",
            needs=_ACT,
            answers={202: _DONE},
            fails=(400, 404),
            body=body,
            example=example,
        )

    asked = {"to": "+14155550123", "variables": {"name": "Ada"}, "max_minutes": 5}
    key = Query("Idempotency-Key", "The same request with the same key is the same call", {"type": "string"})
    placed: Mapping[int, Schema | str | None] = {200: ref("Attempt"), 201: ref("Attempt")}
    return {
        ("GET", calls): Operation(
            name="listCalls",
            what="Calls that go on or have ended, newest first",
            part="Calls",
            needs=_LOOK,
            answers={200: page("calls", {"anyOf": [ref("LiveCall"), ref("Call")]}, _NEXT)},
            fails=(400,),
            query=filters,
        ),
        ("POST", calls): Operation(
            name="placeCall",
            what="Call somebody. 201 with the attempt; 200 when this key has asked for it before",
            part="Calls",
            needs=_ACT,
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
            needs=_LOOK,
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
        ("GET", "/api/v1/attempts/{attempt_id}"): Operation(
            name="getAttempt",
            what="What became of a call that we placed",
            part="Calls",
            needs=_LOOK,
            answers={200: ref("Attempt")},
            fails=(404,),
        ),
        ("POST", "/api/v1/attempts/{attempt_id}/hangup"): Operation(
            name="endAttempt",
            what="Call it off while it rings; when they talk, the agent leaves. 200: it was over already",
            part="Calls",
            needs=_ACT,
            answers={200: ref("Attempt"), 202: ref("Attempt")},
            fails=(400, 404, 409, 502),
            body=Body,
            example={},
        ),
        ("GET", "/api/v1/approvals"): Operation(
            name="listApprovals",
            what="Tools that wait for somebody to say yes or no, oldest first",
            part="Calls",
            needs=_LOOK,
            answers={200: rows("approvals", ref("Approval"))},
        ),
        ("POST", "/api/v1/approvals/{approval_id}"): Operation(
            name="decideApproval",
            what="Yes or no to a tool",
            part="Calls",
            needs=_ACT,
            answers={200: _DONE},
            fails=(400, 404),
            body=ApprovalBody,
            example={"approve": True, "by": "ada"},
        ),
    }


def _campaigns() -> dict[tuple[str, str], Operation]:
    every, one = "/api/v1/campaigns", "/api/v1/campaigns/{campaign}"
    moves = {
        "start": "Begin to call, whenever the rules allow",
        "pause": "Dial nobody until it is resumed; calls that go on are not touched",
        "resume": "Go on",
        "cancel": "For good: who still waits is never called",
    }

    def op(name: str, what: str, answers: Mapping[int, Schema | str | None], **more: Any) -> Operation:
        return Operation(name=name, what=what, part="Campaigns", answers=answers, **({"needs": _LOOK} | more))

    refused = (400, 404, 409)
    return {
        ("GET", every): op("listCampaigns", "All, oldest first", {200: rows("campaigns", ref("Campaign"))}),
        ("POST", every): op(
            "createCampaign",
            "A draft without contacts",
            {201: ref("Campaign")},
            needs=_ACT,
            fails=(400, 409, 413),
            body=NewCampaign,
            example={"name": "reminders", "rules": {"consent": "patients of ours", "concurrency": 4}, "by": "ada"},
        ),
        ("GET", one): op(
            "getCampaign", "How it stands, and why nothing begins now", {200: ref("Report")}, fails=(404,)
        ),
        ("PATCH", one): op(
            "editCampaign",
            "Other rules; those that are not named stay. They hold from the next call on",
            {200: ref("Campaign")},
            needs=_ACT,
            fails=(*refused, 413),
            body=EditedCampaign,
            example={"rules": {"concurrency": 8}, "by": "ada"},
        ),
        ("GET", f"{one}/contacts"): op(
            "listContacts",
            "Its people in the order of the file",
            {200: page("contacts", ref("Contact"), _ROW_ID)},
            fails=(400, 404),
            query=(
                Query("state", "Only those in this state", {"enum": list(STATES)}),
                Query("outcome", "Only those whose last attempt came to this", {"enum": [*OUTCOMES, "do_not_call"]}),
                Query("q", "A part of the name or the number, or the external id"),
                _AFTER_ID,
                _LIMIT,
            ),
        ),
        ("PUT", f"{one}/contacts"): op(
            "putContacts",
            "A list in place of the one it has; taken whole or not at all",
            {200: _FILLED},
            needs=_ACT,
            fails=(*refused, 413),
            query=(
                Query("errors", "`all` tells every refused row, else the first 20 are told", {"enum": ["all"]}),
                _BY,
            ),
            body=FILE,
        ),
        ("GET", f"{one}/contacts/{{contact}}"): op(
            "getContact", "One of them with every attempt", {200: ref("ContactWithTries")}, fails=(404,)
        ),
        ("GET", f"{one}/errors.csv"): op(
            "getRefusedRows", "The refused rows of the last file, to be mended", {200: CSV}, fails=(404,)
        ),
        ("GET", f"{one}/progress"): op(
            "getProgress",
            "The funnel step by step, and the calls of each minute of the last hour",
            {200: table({"steps": ref("Steps"), "minutes": {"type": "array", "items": ref("Minute")}})},
            fails=(404,),
        ),
        ("POST", f"{one}/check"): op(
            "checkCampaign",
            "The dry run: who would be called and when, and what it costs",
            {200: ref("Forecast")},
            needs=_ACT,
            fails=refused,
            body=By,
            example={"by": "ada"},
        ),
        ("GET", f"{one}/report.csv"): op("getTable", "Every contact with its result", {200: CSV}, fails=(404,)),
        ("GET", f"{one}/report.json"): op(
            "getDocument",
            "The report, with every contact as `people`",
            {200: table({"campaign": ref("Campaign"), "people": {"type": "array", "items": ref("Person")}}, more=True)},
            fails=(404,),
        ),
        **{
            ("POST", f"{one}/{verb}"): op(
                f"{verb}Campaign",
                what,
                {200: ref("Campaign")},
                needs=_ACT,
                fails=refused,
                body=Move,
                example={"by": "ada", "reason": "after lunch"},
            )
            for verb, what in moves.items()
        },
        ("GET", "/api/v1/review"): op(
            "listReview",
            "Attempts of which nobody can tell whether they were placed",
            {200: rows("review", ref("Attempt"))},
            fails=(404,),
            query=(Query("campaign", "Of this one only"),),
        ),
        ("POST", "/api/v1/review/{attempt_id}"): op(
            "decideReview",
            "They were called, or shall be dialled (again)",
            {200: ref("Attempt")},
            needs=_ACT,
            fails=(400, 409),
            body=Decided,
            example={"decision": "called", "by": "ada"},
        ),
    }


def _do_not_call() -> dict[tuple[str, str], Operation]:
    path = "/api/v1/do-not-call"

    def op(name: str, what: str, answers: Mapping[int, Schema | str | None], **more: Any) -> Operation:
        return Operation(name=name, what=what, part="Do not call", answers=answers, **({"needs": _LOOK} | more))

    one = table({"phone": TEXT, "listed": {"type": "boolean"}})
    return {
        ("GET", path): op(
            "listDoNotCall",
            "Numbers that nobody dials, newest first; or whether one is listed",
            {200: {"anyOf": [page("do_not_call", ref("DoNotCall"), _NEXT), one]}},
            fails=(400, 422),
            query=(Query("phone", "Only whether this one is listed"), Query("after", "The `next` before"), _LIMIT),
        ),
        ("POST", path): op(
            "addDoNotCall",
            "Nobody dials these from now on. 200: all of them were listed",
            {200: table({"given": COUNT, "new": COUNT}), 201: table({"given": COUNT, "new": COUNT})},
            needs=_ACT,
            fails=(400, 413, 422),
            body=AddNumbers,
            example={"phones": ["+14155550123"], "reason": "asked by mail", "by": "ada"},
        ),
        ("DELETE", path): op(
            "removeDoNotCall",
            "Off the list, after a mistake; who did it and why is kept",
            {200: table({"phone": TEXT, "removed": {"const": True}})},
            needs=_ACT,
            fails=(400, 404, 422),
            body=RemoveNumber,
            example={"phone": "+14155550123", "by": "ada", "why": "mistyped"},
        ),
        ("GET", f"{path}/file"): op("exportDoNotCall", "The whole list as CSV", {200: CSV}),
        ("PUT", f"{path}/file"): op(
            "importDoNotCall",
            "A whole list of numbers",
            {200: table({"given": COUNT, "new": COUNT, "refused": _COUNTS, "told": {"type": "array", "items": TEXT}})},
            needs=_ACT,
            fails=(400, 413),
            query=(Query("reason", "Why; it is kept"), _BY),
            body=FILE,
        ),
    }


def _house() -> dict[tuple[str, str], Operation]:
    def op(name: str, what: str, answers: Mapping[int, Schema | str | None], **more: Any) -> Operation:
        return Operation(name=name, what=what, part="House", answers=answers, **({"needs": _LOOK} | more))

    overview = {"live": {"type": "array", "items": ref("LiveCall")}, "day": ref("Day")}
    overview["failing"] = {"type": "array", "items": ref("FailedCheck")}
    return {
        ("GET", "/api/v1/overview"): op("getOverview", "Today's figures, and calls that go on", {200: table(overview)}),
        ("GET", "/api/v1/settings"): op(
            "listSettings", "Every setting with its source; secrets are masked", {200: rows("settings", ref("Setting"))}
        ),
        ("GET", "/api/v1/tokens"): op(
            "listTokens", "Tokens, without their secrets", {200: rows("tokens", ref("Token"))}, needs=_RULE
        ),
        ("POST", "/api/v1/tokens"): op(
            "createToken",
            "A new token, and this once its secret as `token`",
            {201: ref("TokenWithSecret")},
            needs=_RULE,
            fails=(400, 409),
            body=NewToken,
            example={"name": "dashboard", "scope": "viewer"},
        ),
        ("DELETE", "/api/v1/tokens/{token_id}"): op(
            "revokeToken", "It opens nothing any more", {204: None}, needs=_RULE, fails=(404,)
        ),
        ("GET", "/api/v1/audit"): op(
            "listAudit",
            "Who did what, newest first",
            {200: page("audit", ref("AuditEntry"), _ROW_ID)},
            needs=_RULE,
            fails=(400,),
            query=(
                Query("subject", "Of one campaign, call, token ..."),
                Query("before", "The `next` before", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}),
                _LIMIT,
            ),
        ),
        ("GET", "/api/v1/openapi.json"): op("getOpenApi", "This document", {200: {"type": "object"}}),
    }


_MORE = {
    key: Operation(
        name=b.name, what=b.what, part=b.part, needs=b.needs, answers={b.status: {"type": "object"}}, fails=b.fails,
        body=b.body, example=b.example,
    )
    for key, b in BRIEFS.items()
}  # fmt: skip
OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    **_calls(), **_campaigns(), **_do_not_call(), **_house(), **_MORE,
}  # fmt: skip
"""By method and path, as `routes.py` has them."""
