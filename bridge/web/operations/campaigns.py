"""Operations on campaigns, their people, and calls that a person has to decide."""

from __future__ import annotations

from typing import Any

from bridge.dialer.outcomes import OUTCOMES
from bridge.web.bodies import By
from bridge.web.campaigns import STATES, Decided, EditedCampaign, Move, NewCampaign
from bridge.web.operations.base import (
    ACT,
    BY,
    COUNTS,
    CSV,
    FILE,
    LIMIT,
    LOOK,
    ROW_ID,
    Answers,
    Operation,
    Operations,
    Query,
)
from bridge.web.schemas import COUNT, TEXT, page, ref, rows, table

_AFTER_ID = Query("after", "The `next` of the answer before", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1})
_FILLED = table(
    {
        "contacts": COUNT,
        "do_not_call": COUNT,
        "repaired": COUNT,
        "refused": COUNTS,
        "notes": {"type": "array", "items": TEXT},
        "header": {"type": "array", "items": TEXT},
        "columns": {"type": "array", "items": table({"column": TEXT, "meaning": TEXT})},
        "errors": {"type": "array", "items": ref("RefusedRow")},
    }
)


def campaigns() -> Operations:
    """Them."""
    every, one = "/api/v1/campaigns", "/api/v1/campaigns/{campaign}"
    moves = {
        "start": "Begin to call, whenever the rules allow",
        "pause": "Dial nobody until it is resumed; calls that go on are not touched",
        "resume": "Go on",
        "cancel": "For good: who still waits is never called",
    }

    def op(name: str, what: str, answers: Answers, **more: Any) -> Operation:
        return Operation(name=name, what=what, part="Campaigns", answers=answers, **({"needs": LOOK} | more))

    refused = (400, 404, 409)
    return {
        ("GET", every): op("listCampaigns", "All, oldest first", {200: rows("campaigns", ref("Campaign"))}),
        ("POST", every): op(
            "createCampaign",
            "A draft without contacts",
            {201: ref("Campaign")},
            needs=ACT,
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
            needs=ACT,
            fails=(*refused, 413),
            body=EditedCampaign,
            example={"rules": {"concurrency": 8}, "by": "ada"},
        ),
        ("GET", f"{one}/contacts"): op(
            "listContacts",
            "Its people in the order of the file",
            {200: page("contacts", ref("Contact"), ROW_ID)},
            fails=(400, 404),
            query=(
                Query("state", "Only those in this state", {"enum": list(STATES)}),
                Query("outcome", "Only those whose last attempt came to this", {"enum": [*OUTCOMES, "do_not_call"]}),
                Query("q", "A part of the name or the number, or the external id"),
                _AFTER_ID,
                LIMIT,
            ),
        ),
        ("PUT", f"{one}/contacts"): op(
            "putContacts",
            "A list in place of the one it has; taken whole or not at all",
            {200: _FILLED},
            needs=ACT,
            fails=(*refused, 413),
            query=(
                Query("errors", "all: every refused row is told, else the first 20", {"enum": ["all"]}),
                BY,
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
            needs=ACT,
            fails=refused,
            body=By,
            example={"by": "ada"},
        ),
        ("GET", f"{one}/report.csv"): op("getTable", "Every contact with its result", {200: CSV}, fails=(404,)),
        ("GET", f"{one}/report.json"): op(
            "getDocument",
            "The report, with every contact",
            {200: table({"campaign": ref("Campaign"), "people": {"type": "array", "items": ref("Person")}}, more=True)},
            fails=(404,),
        ),
        **{
            ("POST", f"{one}/{verb}"): op(
                f"{verb}Campaign",
                what,
                {200: ref("Campaign")},
                needs=ACT,
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
            needs=ACT,
            fails=(400, 409),
            body=Decided,
            example={"decision": "called", "by": "ada"},
        ),
    }
