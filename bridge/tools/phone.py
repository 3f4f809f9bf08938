"""The telephone's own verbs as tools. They ask the call; the call decides when, and never cuts off what is being said.

Descriptions are written for the model: when to use the tool, and what to say before it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Literal

from bridge.config import Settings
from bridge.errors import AgentError, NumberRefused, ToolError
from bridge.numbers import check_number, read_number
from bridge.tools.base import Call, ToolResult
from bridge.tools.function import FunctionTool, tool

TRANSFER_TOOL = "transfer_to_person"

LONGEST_HOLD_S = 120
MOST_SUMMARY = 300
"""Characters that are read to a person: 20 s of speech."""

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


@tool(timeout=LONGEST_HOLD_S + 10.0, wait="music")
async def hold(seconds: int, call: Call) -> str:
    """Put the caller on hold, with music. Use it when the caller asks to wait, or something takes a while.

    Say in the same turn that you put them on hold. It ends when the time is up, or when they speak.

    Args:
        seconds: For how long, 5 to 120.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + min(max(seconds, 5), LONGEST_HOLD_S)
    said = _caller_turns(call)
    while loop.time() < ends_at:
        await asyncio.sleep(0.2)
        if _caller_turns(call) > said:
            return "The caller spoke and is back."
    return "The time is up; the caller is back. Ask whether they are still there, or go on."


def _caller_turns(call: Call) -> float:
    return max((turn.at_ms for turn in call.turns if turn.who == "caller"), default=-1)


@tool(say="One moment, I am sending it.")
async def send_sms(text: str, call: Call) -> str:
    """Send the caller a text message, to the number they are on. Ask before you send one.

    Use it for what is hard to note down: an address, a link, a confirmation number.

    Args:
        text: The message, at most 1600 characters. Nothing that they did not ask for.
    """
    await call.send_sms(text)
    return "The text message is on its way."


@tool
async def leave_voicemail(message: str, call: Call) -> ToolResult:
    """Leave a message on an answering machine and hang up. Use it when a machine answers instead of a person.

    Call it after the beep, or when the greeting is over. The message is spoken word for word, and then the line is
    closed.

    Args:
        message: Who calls, why, and how to call back, in two or three sentences.
    """
    if not message.strip():
        raise ToolError("The message is empty; say who calls, why, and how to call back.")
    call.say(message)
    call.hang_up("machine")
    return ToolResult("The message is being spoken; the call ends after it. Say nothing more.", speak=False)


def transfer_to(
    destination: str | Mapping[str, str],
    *,
    warm: bool = False,
    language: str = "en-US",
    ask: str = "Press any key to take the call.",
) -> FunctionTool[Any, Any]:
    """The tool `transfer_to_person`: hand the caller to a person.

    Args:
        destination: A number (`+14155550100`, `sip:desk@example.com`) or several by name (`{"sales": "+1..."}`), of
            which the model then chooses a name. It never sees or gives a number, so that no caller can talk it into
            dialling one.
        warm: The person is rung first, told who is there, and takes the call by a key, while the caller listens to
            music; if nobody does, the agent goes on. Else the caller is put through at once, and comes back to the
            agent when nobody picks up.
        language: What the carrier's voice speaks to the person (warm).
        ask: What it says after the agent's summary (warm).

    Raises AgentError for what is no number.
    """
    numbers = {"": destination} if isinstance(destination, str) else dict(destination)
    numbers = {name: check_destination(to) for name, to in numbers.items()}
    if not numbers:
        raise AgentError(f"{TRANSFER_TOOL} needs at least one destination")
    if warm:
        return _warm(numbers, language, ask)

    async def to_person(call: Call) -> ToolResult:
        return _handed_over(call, numbers[""])

    async def to_one_of(to: str, call: Call) -> ToolResult:
        return _handed_over(call, numbers[to])

    to_one_of.__annotations__["to"] = Literal[tuple(numbers)]
    return tool(name=TRANSFER_TOOL, description=_TRANSFER)(to_person if "" in numbers else to_one_of)


def _warm(numbers: Mapping[str, str], language: str, ask: str) -> FunctionTool[Any, Any]:
    async def introduce(call: Call, name: str, summary: str) -> ToolResult:
        message = f"{summary.strip()[:MOST_SUMMARY]} {ask}"
        became = await call.warm_transfer(numbers[name], message, language=language)
        if became == "accepted":
            return ToolResult(
                "The person is there and knows. Tell the caller in a few words that you connect them now."
            )
        return ToolResult.failure(f"Nobody took the call: {became}. Tell the caller, and offer what else you can do.")

    async def to_person(summary: str, call: Call) -> ToolResult:
        return await introduce(call, "", summary)

    async def to_one_of(to: str, summary: str, call: Call) -> ToolResult:
        return await introduce(call, to, summary)

    chosen = to_person if "" in numbers else to_one_of
    chosen.__annotations__ |= {"summary": Annotated[str, _SUMMARY]} | (
        {"to": Literal[tuple(numbers)]} if "" not in numbers else {}
    )
    decorate = tool(name=TRANSFER_TOOL, description=_WARM, timeout=95.0, say=_RINGING, wait="music", idempotent=True)
    return decorate(chosen)


class Destination(str):
    """A number that was checked where the owner of the agent wrote it down: the countries do not matter for it."""

    __slots__ = ()


def check_destination(to: str, countries: frozenset[str] | None = None, own: Collection[str] = ()) -> Destination:
    """The number itself, when it is one a call can be transferred to. Raises AgentError.

    Premium rates, satellites and the like are refused always; `countries` (None: any) and `own` (our own numbers) are
    for numbers that the owner did not write down: a model, a caller behind it or whoever has the admin API chose them.
    """
    if _SIP.fullmatch(to):
        return Destination(to)
    if not _NUMBER.fullmatch(to):
        raise AgentError(f"{to!r} is not a number to transfer to; write it as +14155550100 or sip:name@host")
    try:
        return Destination(check_number(to, countries, own).e164)
    except NumberRefused as refused:
        raise AgentError(f"nobody is transferred there: {refused}") from None


def destination_gate(settings: Settings) -> Callable[[str], Destination]:
    """`check_destination` for numbers chosen during a call: BRIDGE_COUNTRIES or, without, our own number's country."""
    own = settings.twilio_phone_number
    countries: frozenset[str] | None = settings.countries or None
    if countries is None and own:
        try:
            countries = frozenset({read_number(own).country})
        except NumberRefused:
            countries = None  # a name at a SIP domain, or a number of a pretend carrier: it tells no country
    return lambda to: check_destination(to, countries, (own,))


_TRANSFER = (
    "Hand the caller to a person. Use it when the caller asks for a person, or needs what you cannot do. "
    "Say in the same turn, before you call it, that you are connecting them; say nothing after it."
)
_WARM = (
    "Ring a person for the caller, who waits with music meanwhile. Use it when the caller asks for a person, or needs "
    "what you cannot do. Say in the same turn, before you call it, that you are ringing somebody."
)
_SUMMARY = "Read to the person before they take the call: who is calling, and what for, in one or two sentences."
_RINGING = "Please hold the line."


def _handed_over(call: Call, number: str) -> ToolResult:
    call.transfer(number)
    return ToolResult("The caller is connected when they have heard what you said. Say nothing more.", speak=False)
