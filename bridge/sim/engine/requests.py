"""What clients send: the shapes of all client events, and from a `response.create` to what the response shall be."""

from __future__ import annotations

from typing import Any

from bridge.sim.engine.asked import Request
from bridge.sim.engine.complaints import Complaint, no_such_item, out_of_range
from bridge.sim.engine.config import (
    FORMAT,
    MAX_OUTPUT_TOKENS,
    OUTPUT_MODALITIES,
    PROMPT,
    REASONING,
    TOOL,
    TOOL_CHOICE,
    VOICE,
    Config,
)
from bridge.sim.engine.conversation import Conversation
from bridge.sim.engine.formats import BY_TYPE
from bridge.sim.engine.items import ITEM, Item, brought
from bridge.sim.engine.shapes import (
    Check,
    fields,
    flag,
    json_object,
    list_of,
    nullable,
    number,
    one_of,
    short_text,
    tagged,
    text,
)

LONGEST_APPEND_BYTES = 15 * 1024 * 1024
"""Per event, by OpenAI's reference."""


def metadata(value: Any, path: str) -> None:
    """At most 16 pairs; keys up to 64, values up to 512 characters."""
    json_object(value, path)
    if len(value) > 16:
        raise out_of_range(path, f"{len(value)} pairs", "at most 16")
    for key, entry in value.items():
        short_text(64)(key, f"{path} key")
        short_text(512)(entry, f"{path}.{key}")


def _input_item(value: Any, path: str) -> None:
    if isinstance(value, dict) and value.get("type") == "item_reference":
        fields({"type": text, "id": text}, required=("id",))(value, path)
    else:
        ITEM(value, path)


def response_shape(voice: Check = VOICE) -> Check:
    """The shape of `response` in `response.create`."""
    output = fields({"format": FORMAT, "voice": voice})
    return fields(
        {
            "conversation": one_of("auto", "none"),
            "input": list_of(_input_item),
            "instructions": text,
            "output_modalities": OUTPUT_MODALITIES,
            "audio": fields({"output": output}),
            "tools": list_of(TOOL),
            "tool_choice": TOOL_CHOICE,
            "parallel_tool_calls": flag,
            "reasoning": REASONING,
            "prompt": PROMPT,
            "max_output_tokens": MAX_OUTPUT_TOKENS,
            "metadata": nullable(metadata),
        }
    )


def _event(known: dict[str, Check] | None = None, *required: str) -> Check:
    return fields({"type": text, "event_id": short_text(512), **(known or {})}, required=required)


CLIENT_EVENTS = {
    "session.update": _event({"session": json_object}, "session"),
    "input_audio_buffer.append": _event({"audio": text}, "audio"),
    "input_audio_buffer.commit": _event(),
    "input_audio_buffer.clear": _event(),
    "conversation.item.create": _event({"item": ITEM, "previous_item_id": nullable(text)}, "item"),
    "conversation.item.truncate": _event(
        {
            "item_id": text,
            "content_index": number(0, 1000, whole=True),
            "audio_end_ms": number(0, 2**31, whole=True),
        },
        "item_id",
        "content_index",
        "audio_end_ms",
    ),
    "conversation.item.delete": _event({"item_id": text}, "item_id"),
    "conversation.item.retrieve": _event({"item_id": text}, "item_id"),
    "response.create": _event({"response": nullable(json_object)}),
    "response.cancel": _event({"response_id": nullable(text)}),
    "output_audio_buffer.clear": _event(),
}

CLIENT_EVENT = tagged("type", CLIENT_EVENTS)
"""One event of a client, whatever it is."""


def cannot_update_voice(param: str) -> Complaint:
    text_ = "Cannot update a conversation's voice if assistant audio is present."
    return Complaint(text_, code="cannot_update_voice", param=param)


def request_from(config: Config, asked: dict[str, Any], conversation: Conversation, *, voice_fixed: bool) -> Request:
    """The response that is asked for by the checked `asked`, over the session's `config`. Raises Complaint."""
    output = (asked.get("audio") or {}).get("output") or {}
    spoken = config["audio"]["output"]
    voice = output.get("voice", spoken["voice"])
    in_conversation = asked.get("conversation", "auto") == "auto"
    if voice_fixed and in_conversation and voice != spoken["voice"]:
        raise cannot_update_voice("response.audio.output.voice")
    context = None
    if asked.get("input") is not None:
        context = tuple(_context_item(entry, place, conversation) for place, entry in enumerate(asked["input"]))
    return Request(
        instructions=str(asked.get("instructions", config["instructions"])),
        tools=tuple(asked["tools"] if "tools" in asked else config["tools"]),
        tool_choice=asked.get("tool_choice", config["tool_choice"]),
        audio=asked.get("output_modalities", config["output_modalities"]) == ["audio"],
        sound=BY_TYPE[output.get("format", spoken["format"])["type"]],
        voice=voice,
        max_output_tokens=asked.get("max_output_tokens", config["max_output_tokens"]),
        metadata=asked.get("metadata"),
        in_conversation=in_conversation,
        context=context,
    )


def _context_item(entry: dict[str, Any], place: int, conversation: Conversation) -> Item:
    if entry["type"] != "item_reference":
        return brought(entry, entry.get("id", f"item_input_{place}"))
    found = conversation.find(entry["id"])
    if found is None:
        raise no_such_item("retrieve", entry["id"])
    return found
