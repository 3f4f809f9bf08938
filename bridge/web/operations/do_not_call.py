"""Operations on the do-not-call list."""

from __future__ import annotations

from typing import Any

from bridge.web.do_not_call import AddNumbers, RemoveNumber
from bridge.web.operations.base import (
    ACT,
    BY,
    COUNTS,
    CSV,
    FILE,
    LIMIT,
    LOOK,
    NEXT,
    Answers,
    Operation,
    Operations,
    Query,
)
from bridge.web.schemas import COUNT, TEXT, page, ref, table


def do_not_call() -> Operations:
    """Them."""
    path = "/api/v1/do-not-call"

    def op(name: str, what: str, answers: Answers, **more: Any) -> Operation:
        return Operation(name=name, what=what, part="Do not call", answers=answers, **({"needs": LOOK} | more))

    one = table({"phone": TEXT, "listed": {"type": "boolean"}})
    return {
        ("GET", path): op(
            "listDoNotCall",
            "Numbers that nobody dials, newest first; or whether one is listed",
            {200: {"anyOf": [page("do_not_call", ref("DoNotCall"), NEXT), one]}},
            fails=(400, 422),
            query=(Query("phone", "Only whether this one is listed"), Query("after", "The `next` before"), LIMIT),
        ),
        ("POST", path): op(
            "addDoNotCall",
            "Nobody dials these from now on. 200: all of them were listed",
            {200: table({"given": COUNT, "new": COUNT}), 201: table({"given": COUNT, "new": COUNT})},
            needs=ACT,
            fails=(400, 413, 422),
            body=AddNumbers,
            example={"phones": ["+14155550123"], "reason": "asked by mail", "by": "ada"},
        ),
        ("DELETE", path): op(
            "removeDoNotCall",
            "Off the list, after a mistake; who did it and why is kept",
            {200: table({"phone": TEXT, "removed": {"const": True}})},
            needs=ACT,
            fails=(400, 404, 422),
            body=RemoveNumber,
            example={"phone": "+14155550123", "by": "ada", "why": "mistyped"},
        ),
        ("GET", f"{path}/file"): op("exportDoNotCall", "The whole list as CSV", {200: CSV}),
        ("PUT", f"{path}/file"): op(
            "importDoNotCall",
            "A whole list of numbers",
            {200: table({"given": COUNT, "new": COUNT, "refused": COUNTS, "told": {"type": "array", "items": TEXT}})},
            needs=ACT,
            fails=(400, 413),
            query=(Query("reason", "Why; it is kept"), BY),
            body=FILE,
        ),
    }
