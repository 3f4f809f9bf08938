"""Operations on what a call needs: checks, the account's numbers, and what a call from the browser may choose."""

from __future__ import annotations

from bridge.web.bodies import Body
from bridge.web.operations.base import LOOK, RULE, Operation, Operations, Query
from bridge.web.schemas import TEXT, ref, rows, table

_NAMES = {"type": "array", "items": TEXT}
_MODEL = table({"id": TEXT, "name": TEXT, "host": TEXT, "local": {"type": "boolean"}, "missing": TEXT})
_CHOICES = table({"agents": _NAMES, "examples": _NAMES, "models": {"type": "array", "items": _MODEL}, "sounds": _NAMES})
_CHECKED = table({"ok": {"type": "boolean"}, "checks": {"type": "array", "items": ref("Checked")}})


def setup() -> Operations:
    """Them."""
    return {
        ("GET", "/api/v1/talk"): Operation(
            name="talkChoices",
            what="Who can be called from the browser",
            part="Talk",
            needs=LOOK,
            answers={200: _CHOICES},
        ),
        ("GET", "/api/v1/setup"): Operation(
            name="listChecks",
            what="Whether all is there that a call needs",
            part="Set-up",
            needs=LOOK,
            answers={200: _CHECKED},
            query=(Query("only", "Of these checks alone, by their ids, with commas between"),),
        ),
        ("POST", "/api/v1/setup/{check}/fix"): Operation(
            name="fixCheck",
            what="Mend what a check found",
            part="Set-up",
            needs=RULE,
            answers={200: table({"done": TEXT})},
            fails=(400, 404, 409, 502),
            body=Body,
            example={},
        ),
        ("GET", "/api/v1/numbers"): Operation(
            name="listNumbers",
            what="The account's numbers",
            part="Set-up",
            needs=LOOK,
            answers={200: rows("numbers", ref("OwnedNumber"))},
            fails=(400, 502),
        ),
        ("POST", "/api/v1/numbers/{number}/{verb}"): Operation(
            name="moveNumber",
            what="attach, detach or restore a number",
            part="Set-up",
            needs=RULE,
            answers={200: ref("Changed")},
            fails=(400, 404, 409, 502),
            body=Body,
            example={},
        ),
    }
