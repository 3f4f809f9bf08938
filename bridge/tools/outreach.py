"""What people on the phone wish of whoever calls: never again, another time. And what came of the call.

Calls of a campaign have these by themselves; an agent file may list them for any call.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bridge.errors import AgentError, ToolError
from bridge.tools.base import Call
from bridge.tools.function import FunctionTool, tool

FURTHEST_DAYS = 60
"""Nobody remembers having asked to be called after this."""


@tool(idempotent=True)
async def do_not_call(reason: str, call: Call) -> str:
    """Keep the person from ever being called again. Use it at once when they say that they do not want to be called:
    "stop calling me", "take me off your list", "never call again". Do not ask why, and do not try to change their mind.

    Args:
        reason: What they said, in a few words.
    """
    await call.opt_out(reason.strip() or "said so")
    return "Done: they will not be called again. Say so in one sentence, say goodbye, and end the call."


@tool(idempotent=True)
async def schedule_callback(when: str, note: str, call: Call) -> str:
    """Promise to call the person again at another time. Use it when they are busy and name a time that suits them.

    Args:
        when: The time as ISO 8601 with its offset from UTC, such as 2030-05-17T15:00-04:00.
        note: What the next call should know, in a few words; may be empty.
    """
    return await _call_back(when, note, call, None)


def callback_in(zone: str) -> FunctionTool[Any, Any]:
    """The same tool for somebody who lives in this time zone (IANA), whose wall clock is meant where no offset is told.

    Raises AgentError for no time zone.
    """
    try:
        theirs = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise AgentError(f"{zone!r} is no time zone; write it like Europe/Berlin") from None
    there = datetime.now(theirs)

    async def promise(when: str, note: str, call: Call) -> str:
        return await _call_back(when, note, call, theirs)

    promise.__doc__ = f"""Promise to call the person again at another time. Use it when they are busy and name a time
    that suits them. They live in the time zone {zone}, where this call began on {there:%A, %Y-%m-%d} at {there:%H:%M}.

    Args:
        when: The time on their clock, as ISO 8601, such as {there:%Y-%m-%d}T15:00.
        note: What the next call should know, in a few words; may be empty.
    """
    return tool(name=schedule_callback.name, idempotent=True)(promise)


async def _call_back(when: str, note: str, call: Call, zone: ZoneInfo | None) -> str:
    at = moment_of(when, zone, time.time())
    await call.call_back(at, note.strip())
    told = datetime.fromtimestamp(at, zone or UTC)
    return f"Done: they will be called on {told:%A, %d %B} at {told:%H:%M}. Say so in one sentence, and say goodbye."


def moment_of(when: str, zone: ZoneInfo | None, now: float) -> float:
    """ISO 8601 as epoch seconds. Raises ToolError for anything else, for the past, and for more than 60 days ahead."""
    try:
        found = datetime.fromisoformat(when.strip())
    except ValueError:
        raise ToolError(f"{when!r} is no time; write it as ISO 8601, such as 2030-05-17T15:00.") from None
    if len(when.strip()) <= len("2030-05-17"):
        raise ToolError(f"{when!r} has no time of day; ask for one.")
    if found.tzinfo is None and zone is None:
        raise ToolError(f"{when!r} does not say in which time zone; add the offset from UTC, such as -04:00.")
    at = found.replace(tzinfo=found.tzinfo or zone).timestamp()
    if at <= now:
        raise ToolError(f"{when} is past; ask for a time to come.")
    if at > now + FURTHEST_DAYS * 86_400:
        raise ToolError(f"{when} is more than {FURTHEST_DAYS} days ahead; ask for an earlier time.")
    return at


@tool(idempotent=True, speak_after="never")
async def record_result(reached: bool, note: str, call: Call) -> str:
    """Write down what came of this call. Use it once, as soon as it is clear, before you say goodbye.

    Args:
        reached: Did the call reach what it was for?
        note: What was agreed or why not, in one sentence.
    """
    call.record_result(reached, note.strip())
    return "Written down. Go on."
