"""One response: from `response.created` to `response.done`, in the order in which OpenAI's server sends it.

    response.created
      response.output_item.added, conversation.item.added          for each message or tool call
      response.content_part.added
      response.output_audio_transcript.delta / response.output_audio.delta ...    the words run ahead of the sound
      response.output_audio.done, response.output_audio_transcript.done
      response.content_part.done, conversation.item.done, response.output_item.done
    response.done, rate_limits.updated

Sound is sent faster than it plays (`speed`), so that most of an answer is generated when the caller cuts it short.
However a response ends, what is open is closed in the same order first. Nothing is awaited between two events of one
ending: a session can end its response and go on in the same instant.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from bridge.audio import base64text
from bridge.errors import BridgeError
from bridge.sim.brain import Brain, CallTool, Say
from bridge.sim.engine.asked import Request, turn_for
from bridge.sim.engine.conversation import Conversation
from bridge.sim.engine.formats import SoundFormat, from_mouth
from bridge.sim.engine.items import AGENT_MS_PER_TOKEN, Item, audio_tokens, text_tokens
from bridge.sim.engine.record import Answer
from bridge.sim.engine.usage import Meter

if TYPE_CHECKING:
    from bridge.sim.voice import Mouth

log = logging.getLogger(__name__)

DELTA_MIX = (1.0, 0.5, 1.25, 0.75)
"""Deltas of sound are of mixed sizes, as a model's are: these multiples of `delta_ms`, in turn."""

TRANSCRIPT_LEAD_MS = 400
"""How far the words run ahead of the sound."""

TOKENS_PER_MINUTE = 200_000
"""The rate limit that `rate_limits.updated` shows; it is never enforced."""


class Stage(Protocol):
    """What a response needs of its session."""

    conversation: Conversation
    mouth: Mouth
    brain: Brain
    meter: Meter
    speed: float
    delta_ms: int
    latency_s: float

    def send(self, event: dict[str, Any]) -> None: ...
    def new_id(self, kind: str) -> str: ...
    def response_over(self, response: Response) -> None: ...


@dataclass(slots=True)
class _Open:
    """The output item being generated."""

    item: Item
    index: int
    text_key: str = ""  # "transcript" or "text" of a message; "" for a tool call
    words: str = ""


@dataclass(eq=False)
class Response:
    """See the module. `status` stays `in_progress` until it is over."""

    stage: Stage
    request: Request
    id: str
    status: str = "in_progress"
    output: list[Item] = field(default_factory=list)
    audio_ms: float = 0.0
    first_audio_at_s: float | None = None
    _open: _Open | None = None
    _task: asyncio.Task[None] | None = None
    _context: tuple[Item, ...] = ()

    def __post_init__(self) -> None:
        self.answer = Answer(self.id)

    def begin(self) -> None:
        """Announce it and start thinking."""
        self.stage.send({"type": "response.created", "response": self._wire(None, None)})
        self._task = asyncio.get_running_loop().create_task(self._run(), name=self.id)

    def cancel(self, reason: str) -> None:
        """End it now; `reason` is turn_detected or client_cancelled."""
        self._finish("cancelled", {"type": "cancelled", "reason": reason})

    def fail(self, error: dict[str, str]) -> None:
        """End it now with an error of the server."""
        self._finish("failed", {"type": "failed", "error": error})

    def abandon(self) -> None:
        """The connection is gone: stop without a word."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        request, stage = self.request, self.stage
        try:
            if request.failure is not None:
                self.fail(request.failure)
                return
            self._context = items = request.context if request.context is not None else tuple(stage.conversation)
            turn = await turn_for(request, items)
            await asyncio.sleep(stage.latency_s)
            async for part in stage.brain.reply(turn):
                if isinstance(part, CallTool):
                    self._call(part)
                elif not await (self._speak(part) if request.audio else self._write(part)):
                    return
            self._finish("completed", None)
        except BridgeError as error:
            self.fail({"type": "server_error", "code": "server_error", "message": str(error)})
        except Exception:  # the boundary of a response: whatever broke, the client must not wait for ever
            log.exception("a response broke")
            self.fail({"type": "server_error", "code": "server_error", "message": "The engine failed; see its log."})

    async def _speak(self, part: Say) -> bool:
        """Say it. False when the response came to its limit and is over."""
        stage, sound = self.stage, self.request.sound
        data = from_mouth(await stage.mouth.say(part.text), sound)
        opened = self._open_message("transcript")
        total_ms = sound.duration_ms(len(data))
        words = re.findall(r"\S+\s*", part.text)
        loop = asyncio.get_running_loop()
        began_at_s = loop.time()
        if self.first_audio_at_s is None:
            self.first_audio_at_s = began_at_s
        sent = said = 0
        for piece in _pieces(data, sound, stage.delta_ms):
            if self._at_limit():
                return False
            sent += len(piece)
            share = min(1.0, (sound.duration_ms(sent) + TRANSCRIPT_LEAD_MS) / total_ms)
            until = max(said + 1 if sent == len(piece) else said, round(share * len(words)))
            if sent == len(data):
                until = len(words)
            self._word_delta("response.output_audio_transcript.delta", "".join(words[said:until]))
            said = until
            self._audio_delta(piece)
            await asyncio.sleep(max(0.0, began_at_s + sound.duration_ms(sent) / 1000 / stage.speed - loop.time()))
        self._word_delta("response.output_audio_transcript.delta", "".join(words[said:]))
        self.answer.said = f"{self.answer.said} {opened.words}".strip()
        self._close_open("completed")
        return True

    async def _write(self, part: Say) -> bool:
        """Write it, for a response without sound. False when it came to its limit."""
        opened = self._open_message("text")
        for word in re.findall(r"\S+\s*", part.text):
            if self._at_limit():
                return False
            self._word_delta("response.output_text.delta", word)
            await asyncio.sleep(0)
        self.answer.said = f"{self.answer.said} {opened.words}".strip()
        self._close_open("completed")
        return True

    def _call(self, part: CallTool) -> None:
        call_id = self.stage.new_id("call")
        body = {"type": "function_call", "status": "in_progress", "name": part.name, "call_id": call_id}
        opened = self._open_item(body | {"arguments": ""})
        place = {"item_id": opened.item.id, "output_index": opened.index, "call_id": call_id}
        half = len(part.arguments) // 2
        for delta in (part.arguments[:half], part.arguments[half:]):
            self._send("response.function_call_arguments.delta", **place, delta=delta)
        opened.item.body["arguments"] = part.arguments
        self.answer.calls.append(f"{part.name}({part.arguments})")
        self._close_open("completed")

    def _open_message(self, text_key: str) -> _Open:
        opened = self._open_item({"type": "message", "status": "in_progress", "role": "assistant", "content": []})
        opened.text_key = text_key
        if text_key == "transcript":
            opened.item.sound = self.request.sound
        kind = "audio" if text_key == "transcript" else "text"
        part = {"type": f"output_{kind}", text_key: ""}
        self._send("response.content_part.added", **self._part_place(opened), part={"type": kind, text_key: ""})
        opened.item.body["content"] = [part]
        return opened

    def _open_item(self, body: dict[str, Any]) -> _Open:
        stage = self.stage
        item = Item({"id": stage.new_id("item"), "object": "realtime.item", **body}, answered=True)
        opened = self._open = _Open(item, len(self.output))
        self.output.append(item)
        self._send("response.output_item.added", output_index=opened.index, item=dict(item.body))
        if self.request.in_conversation:
            stage.conversation.add(item)
            self._conversation_event("conversation.item.added", item)
        return opened

    def _word_delta(self, kind: str, words: str) -> None:
        if self._open is None or not words:
            return
        self._open.words += words
        # A truncated item has lost its transcript for good.
        part = self._open.item.body["content"][0]
        if self._open.text_key in part:
            part[self._open.text_key] = self._open.words
        self._send(kind, **self._part_place(self._open), delta=words)

    def _audio_delta(self, piece: bytes) -> None:
        if self._open is None:
            return
        self._open.item.agent_audio += piece
        self.audio_ms += self.request.sound.duration_ms(len(piece))
        self.answer.audio_ms = self.audio_ms
        delta = base64text.encode(piece)
        self._send("response.output_audio.delta", **self._part_place(self._open), delta=delta)

    def _close_open(self, status: str) -> None:
        """The closing events of the item being generated, if there is one."""
        opened, self._open = self._open, None
        if opened is None:
            return
        item, words = opened.item, opened.words
        item.body["status"] = status
        if opened.text_key:
            place = self._part_place(opened)
            if opened.text_key == "transcript":
                self._send("response.output_audio.done", **place)
                self._send("response.output_audio_transcript.done", **place, transcript=words)
                self._send("response.content_part.done", **place, part={"type": "audio", "transcript": words})
            else:
                self._send("response.output_text.done", **place, text=words)
                self._send("response.content_part.done", **place, part={"type": "text", "text": words})
        elif status == "completed":
            named = {key: item.body[key] for key in ("call_id", "name", "arguments")}
            place = {"item_id": item.id, "output_index": opened.index}
            self._send("response.function_call_arguments.done", **place, **named)
        if self.request.in_conversation:
            self._conversation_event("conversation.item.done", item)
        self._send("response.output_item.done", output_index=opened.index, item=_copy(item))

    def _at_limit(self) -> bool:
        """End the response when it used up its output tokens."""
        limit = self.request.max_output_tokens
        if limit == "inf":
            return False
        spent = sum(text_tokens(item.words) for item in self.output) + audio_tokens(self.audio_ms, AGENT_MS_PER_TOKEN)
        if spent < limit:
            return False
        self._finish("incomplete", {"type": "incomplete", "reason": "max_output_tokens"})
        return True

    def _finish(self, status: str, details: dict[str, Any] | None) -> None:
        """Close what is open, say how it ended, and give the floor back."""
        if self.status != "in_progress":
            return
        if self._open is not None and status != "completed":
            self.answer.said = f"{self.answer.said} {self._open.words}".strip()
        self._close_open("completed" if status == "completed" else "incomplete")
        self.status = self.answer.status = status
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        usage = None
        if status != "failed":
            request = self.request
            usage = self.stage.meter.bill(
                request.instructions, request.tools, self._context, self.output, self.audio_ms
            )
        self.stage.send({"type": "response.done", "response": self._wire(details, usage)})
        spent = usage["total_tokens"] if usage else 0
        limit = {"name": "tokens", "limit": TOKENS_PER_MINUTE, "remaining": max(0, TOKENS_PER_MINUTE - spent)}
        reset = {"reset_seconds": round(60 * spent / TOKENS_PER_MINUTE, 3)}
        self.stage.send({"type": "rate_limits.updated", "rate_limits": [limit | reset]})
        self.stage.response_over(self)

    def _wire(self, details: dict[str, Any] | None, usage: dict[str, Any] | None) -> dict[str, Any]:
        request = self.request
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self.status,
            "status_details": details,
            "output": [_copy(item) for item in self.output],
            "conversation_id": self.stage.conversation.id if request.in_conversation else None,
            "output_modalities": ["audio"] if request.audio else ["text"],
            "max_output_tokens": request.max_output_tokens,
            "audio": {"output": {"format": request.sound.wire, "voice": request.voice}},
            "usage": usage,
            "metadata": request.metadata,
        }

    def _conversation_event(self, kind: str, item: Item) -> None:
        previous = self.stage.conversation.previous_id(item)
        self.stage.send({"type": kind, "previous_item_id": previous, "item": _copy(item)})

    def _part_place(self, opened: _Open) -> dict[str, Any]:
        return {"item_id": opened.item.id, "output_index": opened.index, "content_index": 0}

    def _send(self, kind: str, **facts: Any) -> None:
        self.stage.send({"type": kind, "response_id": self.id, **facts})


def _pieces(data: bytes, sound: SoundFormat, delta_ms: int) -> list[bytes]:
    """The sound in deltas of mixed sizes, each a whole number of samples."""
    pieces: list[bytes] = []
    start = 0
    for multiple in itertools.cycle(DELTA_MIX):
        if start >= len(data):
            return pieces
        size = max(1, int(delta_ms * multiple)) * sound.bytes_per_ms
        pieces.append(data[start : start + size])
        start += size
    return pieces


def _copy(item: Item) -> dict[str, Any]:
    """The item as it is now: later changes must not reach into an event that waits to be sent."""
    body = dict(item.body)
    if "content" in body:
        body["content"] = [dict(part) for part in body["content"]]
    return body
