"""One item of a conversation: a message, a tool call or its result; and the shapes in which clients may bring one."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import Any

from bridge.audio import base64text
from bridge.sim.engine.complaints import invalid_type, out_of_range
from bridge.sim.engine.formats import EARS_RATE_HZ, SoundFormat, from_ears
from bridge.sim.engine.shapes import Check, anything, fields, flag, json_object, list_of, nullable, one_of, tagged, text

CALLER_MS_PER_TOKEN = 100
AGENT_MS_PER_TOKEN = 50
CHARACTERS_PER_TOKEN = 4
"""Text is estimated at four characters to the token; sound is exact by OpenAI's rule (guide "Managing costs")."""


def text_tokens(words: str) -> int:
    return math.ceil(len(words) / CHARACTERS_PER_TOKEN)


def audio_tokens(duration_ms: float, ms_per_token: int) -> int:
    # A float's dust (5000.000000001 ms) must not become a token of its own.
    return math.ceil(round(duration_ms, 3) / ms_per_token)


@dataclass(slots=True, eq=False)
class Item:
    """`body` is the item as it goes over the wire (GA), without its sound.

    `caller_audio` is what the caller said (PCM16, 8 kHz); `agent_audio` what was generated, in the client's format.
    `heard` is set for spoken turns when there are ears that know words: it gives the words, or None.
    `answered` tells that a response has taken this item into account.
    """

    body: dict[str, Any]
    caller_audio: bytes = b""
    agent_audio: bytearray = field(default_factory=bytearray)
    sound: SoundFormat | None = None
    heard: asyncio.Future[str | None] | None = None
    answered: bool = False
    billed: tuple[int, int] | None = None

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def type(self) -> str:
        return str(self.body["type"])

    @property
    def role(self) -> str:
        return str(self.body.get("role", ""))

    @property
    def spoken(self) -> bool:
        """True for what the caller said aloud."""
        return self.role == "user" and any(part["type"] == "input_audio" for part in self.body["content"])

    @property
    def audio_ms(self) -> float:
        """How long its sound is: for the agent, what was generated and not cut."""
        if self.sound is not None and self.role == "assistant":
            return self.sound.duration_ms(len(self.agent_audio))
        return len(self.caller_audio) / (2 * EARS_RATE_HZ / 1000)

    @property
    def words(self) -> str:
        """All text in it, as the conversation holds it now."""
        if self.type == "function_call":
            return f"{self.body['name']} {self.body['arguments']}"
        if self.type == "function_call_output":
            return str(self.body["output"])
        parts = self.body.get("content", [])
        return " ".join(part.get("text") or part.get("transcript") or "" for part in parts).strip()

    def tokens(self) -> tuple[int, int]:
        """(text, audio) tokens it costs as input of a response."""
        if self.role == "assistant":
            return text_tokens(self.words), audio_tokens(self.audio_ms, AGENT_MS_PER_TOKEN)
        if self.spoken:  # its transcript is a side product and not input of the model
            return 0, audio_tokens(self.audio_ms, CALLER_MS_PER_TOKEN)
        return text_tokens(self.words), 0

    def with_audio(self, caller_format: SoundFormat) -> dict[str, Any]:
        """`body` with its sound as base64, for `conversation.item.retrieved`."""
        body = dict(self.body)
        parts = [dict(part) for part in body.get("content", [])]
        for part in parts:
            if part["type"] == "output_audio":
                part["audio"] = base64text.encode(bytes(self.agent_audio))
            elif part["type"] == "input_audio":
                part["audio"] = base64text.encode(from_ears(self.caller_audio, caller_format))
        return body | {"content": parts} if "content" in body else body


def short_id(value: Any, path: str) -> None:
    """Ids of clients have at most 32 characters."""
    text(value, path)
    if not 1 <= len(value) <= 32:
        raise out_of_range(path, f"one of length {len(value)}", "a string with maximum length 32")


_TEXT_PART = fields({"type": text, "text": text}, required=("text",))
_USER_PARTS = {
    "input_text": _TEXT_PART,
    "input_audio": fields({"type": text, "audio": text, "transcript": nullable(text)}, required=("audio",)),
    "input_image": fields({"type": text, "image_url": text, "detail": one_of("auto", "low", "high")}),
}
_COMMON: dict[str, Check] = {
    "id": short_id,
    "object": one_of("realtime.item"),
    "type": text,
    "status": one_of("completed", "incomplete", "in_progress"),
}


def _message(role_parts: dict[str, Check]) -> Check:
    known = {**_COMMON, "role": text, "content": list_of(tagged("type", role_parts))}
    return fields(known, required=("role", "content"))


_MESSAGE = tagged(
    "role",
    {
        "user": _message(_USER_PARTS),
        "system": _message({"input_text": _TEXT_PART}),
        # A model's voice cannot be given back to it: only what it said, as text.
        "assistant": _message({"output_text": _TEXT_PART}),
    },
)

ITEM = tagged(
    "type",
    {
        "message": _MESSAGE,
        "function_call": fields(
            {**_COMMON, "call_id": short_id, "name": text, "arguments": text}, required=("name", "arguments")
        ),
        "function_call_output": fields({**_COMMON, "call_id": text, "output": text}, required=("call_id", "output")),
        "mcp_approval_response": fields(
            {**_COMMON, "approval_request_id": text, "approve": flag, "reason": nullable(text)},
            required=("approval_request_id", "approve"),
        ),
        "mcp_list_tools": fields({**_COMMON, "server_label": text, "tools": list_of(json_object)}),
        "mcp_call": fields({**_COMMON, **dict.fromkeys(("name", "server_label", "arguments", "output"), anything)}),
        "mcp_approval_request": fields({**_COMMON, **dict.fromkeys(("name", "server_label", "arguments"), text)}),
    },
)


def brought(body: dict[str, Any], item_id: str) -> Item:
    """A checked item of the client, ready for the conversation. Raises Complaint when its sound is no base64."""
    kept = {"id": item_id, "object": "realtime.item", "status": "completed", **body}
    if kept["type"] == "function_call":
        kept.setdefault("call_id", f"call_{item_id}"[:32])
    caller_audio = b""
    parts = []
    for place, part in enumerate(kept.get("content", [])):
        rest = dict(part)
        if rest["type"] == "input_audio":
            try:
                caller_audio += base64text.decode(rest.pop("audio"))
            except ValueError as error:
                raise invalid_type(f"item.content[{place}].audio", "base64-encoded audio", part["audio"]) from error
            rest.setdefault("transcript", None)
        parts.append(rest)
    if "content" in kept:
        kept["content"] = parts
    return Item(kept, caller_audio=caller_audio)
