"""What a response is asked for: its configuration, and the conversation as the brain gets to read it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bridge.sim.brain import Line, Turn
from bridge.sim.engine.formats import SoundFormat
from bridge.sim.engine.items import Item


@dataclass(frozen=True, slots=True)
class Request:
    """What a response was asked to be: the session's configuration with the changes of its `response.create`."""

    instructions: str
    tools: tuple[dict[str, Any], ...]
    tool_choice: Any
    audio: bool
    sound: SoundFormat
    voice: Any
    max_output_tokens: Any
    metadata: dict[str, str] | None = None
    in_conversation: bool = True
    context: tuple[Item, ...] | None = None
    idle: bool = False
    failure: dict[str, str] | None = None


async def turn_for(request: Request, items: Sequence[Item]) -> Turn:
    """What the brain is told, once it is known what the caller said; `items` count as answered from now on."""
    fresh = {item.id for item in items if not item.answered or not request.in_conversation}
    if request.in_conversation:
        for item in items:
            item.answered = True
    names = {item.body["call_id"]: str(item.body["name"]) for item in items if item.type == "function_call"}
    lines = [await _line(item, item.id in fresh, names) for item in items]
    choice = request.tool_choice
    tools = {tool["name"]: tool for tool in request.tools if tool["type"] == "function" and choice != "none"}
    forced = choice["name"] if isinstance(choice, dict) and choice.get("type") == "function" else ""
    return Turn(
        lines=tuple(line for line in lines if line is not None),
        instructions=request.instructions,
        tools=tools,
        forced_tool=forced,
        idle=request.idle,
        out_of_band=not request.in_conversation,
    )


async def _line(item: Item, fresh: bool, names: dict[str, str]) -> Line | None:
    if item.type == "function_call":
        return Line("call", item.body["arguments"], fresh, item.body["name"], item.body["call_id"])
    if item.type == "function_call_output":
        call_id = item.body["call_id"]
        return Line("result", item.body["output"], fresh, names.get(call_id, ""), call_id)
    if item.role == "assistant":
        return Line("agent", item.words, fresh)
    if item.role == "system":
        return Line("system", item.words, fresh)
    if item.role != "user":
        return None
    if not item.spoken:
        return Line("caller", item.words, fresh)
    if not item.caller_audio:  # committed by the idle time-out: nobody said anything
        return None
    if item.heard is None:  # no ears for words; the client may have written them beside the sound
        return Line("caller", item.words or None, fresh)
    return Line("caller", await asyncio.shield(item.heard) or "", fresh)
