"""Operations on what a call needs: checks, the account's numbers, and what a call from the browser may choose."""

from __future__ import annotations

from bridge.web.bodies import Body
from bridge.web.operations.base import LOOK, RULE, Operation, Operations

_OBJECT = {"type": "object"}


def setup() -> Operations:
    """Them."""
    return {
        ("GET", "/api/v1/talk"): Operation(
            name="talkChoices",
            what="Who can be called from the browser",
            part="Talk",
            needs=LOOK,
            answers={200: _OBJECT},
        ),
        ("GET", "/api/v1/setup"): Operation(
            name="listChecks",
            what="Whether all is there that a call needs",
            part="Set-up",
            needs=LOOK,
            answers={200: _OBJECT},
        ),
        ("POST", "/api/v1/setup/{check}/fix"): Operation(
            name="fixCheck",
            what="Mend what a check found",
            part="Set-up",
            needs=RULE,
            answers={200: _OBJECT},
            fails=(400, 404, 409, 502),
            body=Body,
            example={},
        ),
        ("GET", "/api/v1/numbers"): Operation(
            name="listNumbers",
            what="The account's numbers",
            part="Set-up",
            needs=LOOK,
            answers={200: _OBJECT},
            fails=(400, 502),
        ),
        ("POST", "/api/v1/numbers/{number}/{verb}"): Operation(
            name="moveNumber",
            what="attach, detach or restore a number",
            part="Set-up",
            needs=RULE,
            answers={200: _OBJECT},
            fails=(400, 404, 409, 502),
            body=Body,
            example={},
        ),
    }
