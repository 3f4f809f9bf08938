"""The telephone's own verbs as tools. They ask the call; the call decides when, and never cuts off what is being said.

Descriptions are written for the model: when to use the tool, and what to say before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from bridge.errors import AgentError, ToolError
from bridge.tools.base import Call, ToolResult
from bridge.tools.function import FunctionTool, tool

TRANSFER_TOOL = "transfer_to_person"

_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_SIP = re.compile(r"sips?:[^\s@]+@[^\s@]+")
_DIGITS = re.compile(r"[0-9*#A-Dw]{1,32}")


@tool
async def hang_up(call: Call) -> ToolResult:
    """End the phone call. Use it when the caller says goodbye, or when there is nothing left to do and they agree.

    Say goodbye in the same turn before you call it: the line is closed when the caller has heard you to the end.
    Never use it to avoid a difficult question, and say nothing after it.
    """
    call.hang_up()
    return ToolResult("The call ends when the caller has heard what you said. Say nothing more.", speak=False)


@tool
async def send_digits(digits: str, call: Call) -> ToolResult:
    """Press keys on the telephone, for a machine at the other end that asks for them ("press one for ...").

    Never use it towards a person. Listen to the whole menu before you press a key.

    Args:
        digits: The keys in order: 0 to 9, * and #; w waits half a second.
    """
    if not _DIGITS.fullmatch(digits):
        raise ToolError("Keys are 0 to 9, *, #, A to D and w for a pause of half a second, at most 32 of them.")
    call.send_digits(digits)
    return ToolResult("The keys are being pressed. Wait for what the machine says.", speak=False)


def transfer_to(destination: str | Mapping[str, str]) -> FunctionTool[Any, Any]:
    """The tool `transfer_to_person`: hand the caller to a person.

    `destination` is a number (`+14155550100`, `sip:desk@example.com`) or several by name (`{"sales": "+1..."}`), of
    which the model then chooses a name. It never sees or gives a number, so that no caller can talk it into dialling
    one. Raises AgentError for what is no number.
    """
    if isinstance(destination, str):
        number = check_destination(destination)

        async def to_person(call: Call) -> ToolResult:
            return _handed_over(call, number)

        return tool(name=TRANSFER_TOOL, description=_TRANSFER)(to_person)
    numbers = {name: check_destination(to) for name, to in destination.items()}
    if not numbers:
        raise AgentError(f"{TRANSFER_TOOL} needs at least one destination")

    async def to_one_of(to: str, call: Call) -> ToolResult:
        return _handed_over(call, numbers[to])

    to_one_of.__annotations__["to"] = Literal[tuple(numbers)]
    return tool(name=TRANSFER_TOOL, description=_TRANSFER)(to_one_of)


def check_destination(to: str) -> str:
    """The number itself, when it is one a call can be transferred to. Raises AgentError."""
    if _NUMBER.fullmatch(to) or _SIP.fullmatch(to):
        return to
    raise AgentError(f"{to!r} is not a number to transfer to; write it as +14155550100 or sip:name@host")


_TRANSFER = (
    "Hand the caller to a person. Use it when the caller asks for a person, or needs what you cannot do. "
    "Say in the same turn, before you call it, that you are connecting them; say nothing after it."
)


def _handed_over(call: Call, number: str) -> ToolResult:
    call.transfer(number)
    return ToolResult("The caller is connected when they have heard what you said. Say nothing more.", speak=False)
