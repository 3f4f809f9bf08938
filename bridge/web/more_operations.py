"""What the API says of a call that goes on, of set-up and of numbers, in short: each answer is an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from bridge.web.access import Role
from bridge.web.bodies import Body
from bridge.web.verbs import ByHandBody, HandOffBody

_CALL = "/api/v1/calls/{call_id}"
_FAILS = (400, 404, 409, 502)


class Brief(NamedTuple):
    """One method of one path, in short."""

    name: str
    what: str
    part: str
    needs: Role
    status: int = 200
    body: type[BaseModel] | None = None
    example: Mapping[str, Any] | None = None
    fails: tuple[int, ...] = _FAILS


BRIEFS: Final[Mapping[tuple[str, str], Brief]] = {
    ("GET", f"{_CALL}/explain"): Brief("explainCall", "What went wrong, by rules, with evidence", "Calls", Role.VIEWER),
    ("GET", f"{_CALL}/live"): Brief("watchCall", "A call that goes on, as it stands", "Calls", Role.VIEWER),
    ("POST", f"{_CALL}/handoff"): Brief(
        "handOff", "Another agent of the team goes on", "Calls", Role.OPERATOR, 202, HandOffBody, {"to": "sales"}
    ),
    ("POST", f"{_CALL}/tools/{{tool_call_id}}"): Brief(
        "answerTool", "A person answers a tool", "Calls", Role.OPERATOR, 202, ByHandBody, {"output": "Nine to six."}
    ),
    ("GET", "/api/v1/talk"): Brief("talkChoices", "Who can be called from the browser", "Talk", Role.VIEWER),
    ("GET", "/api/v1/setup"): Brief("listChecks", "Whether all is there that a call needs", "Set-up", Role.VIEWER),
    ("POST", "/api/v1/setup/{check}/fix"): Brief(
        "fixCheck", "Mend what a check found", "Set-up", Role.ADMIN, 200, Body, {}
    ),
    ("GET", "/api/v1/numbers"): Brief("listNumbers", "The account's numbers", "Set-up", Role.VIEWER),
    ("POST", "/api/v1/numbers/{number}/{verb}"): Brief(
        "moveNumber", "attach, detach or restore a number", "Set-up", Role.ADMIN, 200, Body, {}
    ),
}
