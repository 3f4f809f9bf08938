"""One client's session: its events in, ours out. Decisions are made at once, in the order in which events come.

At most one response writes to the conversation at a time; others (`conversation: "none"`) may run beside it. The
socket, the clock and the helpers (ears, mouth, brain) are handed in.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from bridge.audio import base64text
from bridge.errors import BridgeError
from bridge.sim.brain import Brain
from bridge.sim.ears import Ears
from bridge.sim.engine.beta import Dialect
from bridge.sim.engine.complaints import Complaint, active_response, buffer_too_small, invalid_type, session_expired
from bridge.sim.engine.config import (
    TRANSCRIPTION_SHAPE,
    Config,
    default_config,
    default_transcription_config,
    session_shape,
    updated,
)
from bridge.sim.engine.conversation import Conversation
from bridge.sim.engine.faulty import FaultPlan, Link
from bridge.sim.engine.formats import BY_TYPE, PCM, PCMU
from bridge.sim.engine.items import CALLER_MS_PER_TOKEN, Item, audio_tokens, brought, text_tokens
from bridge.sim.engine.record import SessionRecord, Truncation
from bridge.sim.engine.requests import CLIENT_EVENT, cannot_update_voice, request_from, response_shape
from bridge.sim.engine.response import Request, Response
from bridge.sim.engine.shapes import Check
from bridge.sim.engine.turns import InputBuffer, SpeechStarted
from bridge.sim.engine.usage import Meter
from bridge.sim.voice import Mouth

log = logging.getLogger(__name__)

SHORTEST_COMMIT_MS = 100


@dataclass(frozen=True)
class Helpers:
    """What all sessions of a server share. `any_voice`: a foreign speech endpoint may know other voices."""

    ears: Ears
    mouth: Mouth
    any_voice: Check | None = None
    speed: float = 8.0
    delta_ms: int = 200
    latency_s: float = 0.1
    session_s: float = 3600.0


class Session:
    """See the module. `begin` once, then `receive` each text message, then `end` when the socket is gone."""

    def __init__(
        self,
        number: int,
        *,
        link: Link,
        helpers: Helpers,
        brain: Brain,
        dialect: Dialect,
        faults: FaultPlan,
        record: SessionRecord,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._number = number
        self._link = link
        self._helpers = helpers
        self.brain = brain
        self._dialect = dialect
        self._faults = faults
        self.record = record
        self._loop = loop
        self._opened_at_s = loop.time()
        self._ids: dict[str, int] = {}
        self.mouth = helpers.mouth
        self.meter = Meter()
        self.speed, self.delta_ms, self.latency_s = helpers.speed, helpers.delta_ms, helpers.latency_s
        self.conversation = Conversation(self.new_id("conv"))
        self._input = InputBuffer(helpers.ears)
        self._config: Config = {}
        self._active: Response | None = None
        self._beside: set[Response] = set()
        self._voice_fixed = False
        self._speech_item_id = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: list[asyncio.TimerHandle] = []
        self._idle: asyncio.TimerHandle | None = None
        self._over = False
        self._session_check = session_shape(helpers.any_voice) if helpers.any_voice else session_shape()
        self._response_check = response_shape(helpers.any_voice) if helpers.any_voice else response_shape()
        self._handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "session.update": self._update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._create_item,
            "conversation.item.truncate": self._truncate,
            "conversation.item.delete": self._delete,
            "conversation.item.retrieve": self._retrieve,
            "response.create": self._create_response,
            "response.cancel": self._cancel,
            "output_audio_buffer.clear": self._clear_output,
        }

    # ---- life

    def begin(self, model: str | None, expires_at: int) -> None:
        """Greet the client; `model` None is a session that only transcribes. `expires_at` is for its eyes only."""
        if model is None:
            self._config = default_transcription_config(self.record.id, expires_at)
        else:
            self._config = default_config(self.record.id, model, expires_at)
        self._configure()
        self.send({"type": "session.created", "session": self._config})
        if self._dialect.name == "beta":
            conversation = {"id": self.conversation.id, "object": "realtime.conversation"}
            self.send({"type": "conversation.created", "conversation": conversation})
        self._timers.append(self._loop.call_later(self._helpers.session_s, self._expire))
        self._faults.opened()

    def receive(self, message: str | bytes) -> None:
        """One message of the client. Its mistakes become `error` events; nothing is raised."""
        if self._over:
            return
        event_id = None
        try:
            event = _parsed(message)
            event_id = event.get("event_id") if isinstance(event.get("event_id"), str) else None
            self.record.came(self._now_s(), event)
            event = self._dialect.read(event)
            CLIENT_EVENT(event, "")
            self._handlers[event["type"]](event)
        except Complaint as complaint:
            self.complain(complaint, event_id)

    def refuse(self, complaint: Complaint, code: int) -> None:
        """One `error`, then close with `code` and a reason of the form `<error type>.<error code>`."""
        self.complain(complaint, None)
        self._close(code, f"invalid_request_error.{complaint.code}")

    def end(self) -> None:
        """The socket is gone: nothing of this session goes on."""
        self._over = True
        self._faults.over()
        for timer in [*self._timers, *([self._idle] if self._idle else [])]:
            timer.cancel()
        for response in [*self._beside, *([self._active] if self._active else [])]:
            response.abandon()
        for task in self._tasks:
            task.cancel()

    def new_id(self, kind: str) -> str:
        """`item_001_0001`: unique in the server's life, the same in every run."""
        self._ids[kind] = self._ids.get(kind, 0) + 1
        return f"{kind}_{self._number:03d}_{self._ids[kind]:04d}"

    def send(self, event: dict[str, Any]) -> None:
        """One event to the client, in its dialect."""
        if self._over:
            return
        if event["type"] == "response.output_audio.delta":
            self._voice_fixed = True
            if self._faults.loses():
                return
        translated = self._dialect.write(event)
        if translated is None:
            return
        stamped = self._faults.dressed({"event_id": self.new_id("event"), **translated})
        self.record.went(self._now_s(), stamped)
        if self.record.keep and event["type"] == "response.output_audio.delta":
            self.record.audio_out += base64text.decode(event["delta"])
        self._link.send(msgspec.json.encode(stamped).decode())
        self._faults.event_sent()

    def complain(self, complaint: Complaint, event_id: str | None) -> None:
        """Tell the client what it did wrong."""
        self.record.problems.append(complaint.message)
        self.send({"type": "error", "error": complaint.body(event_id)})

    # ---- the session object

    def _update(self, event: dict[str, Any]) -> None:
        if self._faults.has("noupdate"):
            return
        change = event["session"]
        writes_only = self._config["type"] == "transcription"
        if not (writes_only and change.get("type") == "realtime"):
            (TRANSCRIPTION_SHAPE if writes_only else self._session_check)(change, "session")
        new = updated(self._config, change)
        if self._voice_fixed and new["audio"]["output"]["voice"] != self._config["audio"]["output"]["voice"]:
            raise cannot_update_voice("session.audio.output.voice")
        self._config = new
        self._configure()
        self.send({"type": "session.updated", "session": self._config})
        for tool in new.get("tools", []):
            if tool["type"] == "mcp":  # this engine runs no MCP client, and says so in the protocol's words
                item_id = self.new_id("item")
                self.send({"type": "mcp_list_tools.in_progress", "item_id": item_id})
                self.send({"type": "mcp_list_tools.failed", "item_id": item_id})

    def _configure(self) -> None:
        if self._faults.has("format") and "output" in self._config["audio"]:
            asked = self._config["audio"]["output"]["format"]
            wrong = PCMU if asked == PCM.wire else PCM
            self._config["audio"]["output"] = self._config["audio"]["output"] | {"format": wrong.wire}
        hearing = self._config["audio"]["input"]
        self._input.configure(BY_TYPE[hearing["format"]["type"]], hearing["turn_detection"])
        self.record.config = self._config
        self._watch_idle(None)

    def _expire(self) -> None:
        complaint = session_expired(self._helpers.session_s)
        self.complain(complaint, None)
        self._close(1001, complaint.message)

    def _close(self, code: int, reason: str) -> None:
        self.record.close = (code, reason)
        self._link.close(code, reason)
        self.end()

    # ---- the caller's sound

    def _append(self, event: dict[str, Any]) -> None:
        try:
            data = base64text.decode(event["audio"])
        except ValueError as error:
            raise invalid_type("audio", "base64-encoded audio bytes", event["audio"]) from error
        if self.record.keep:
            self.record.audio_in += data
        for turn in self._input.feed(data):
            if isinstance(turn, SpeechStarted):
                self._speech_started(turn.audio_start_ms)
            else:
                self._speech_stopped(turn.audio_end_ms)

    def _speech_started(self, audio_start_ms: int) -> None:
        self._watch_idle(None)
        item_id = self._speech_item_id = self.new_id("item")
        started = {"type": "input_audio_buffer.speech_started", "audio_start_ms": audio_start_ms}
        self.send(started | {"item_id": item_id})
        if self._active is not None and self._detection("interrupt_response"):
            self._active.cancel("turn_detected")

    def _speech_stopped(self, audio_end_ms: int) -> None:
        stopped = {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": audio_end_ms}
        self.send(stopped | {"item_id": self._speech_item_id})
        self._commit_audio(self._input.take(audio_end_ms))
        self._respond_to_turn()

    def _commit(self, event: dict[str, Any]) -> None:
        if self._input.buffered_ms < SHORTEST_COMMIT_MS:
            raise buffer_too_small(self._input.buffered_ms)
        self._commit_audio(self._input.take())

    def _clear(self, event: dict[str, Any]) -> None:
        self._input.take()
        self._speech_item_id = ""
        self.send({"type": "input_audio_buffer.cleared"})

    def _commit_audio(self, pcm16: bytes) -> None:
        item_id, self._speech_item_id = self._speech_item_id or self.new_id("item"), ""
        previous = self.conversation.last_id
        self.send({"type": "input_audio_buffer.committed", "previous_item_id": previous, "item_id": item_id})
        content = [{"type": "input_audio", "transcript": None}]
        body = {"id": item_id, "object": "realtime.item", "type": "message", "status": "completed", "role": "user"}
        item = Item(body | {"content": content}, caller_audio=pcm16)
        self._add(item, None)
        transcription = self._config["audio"]["input"]["transcription"]
        if self._helpers.ears.knows_words and pcm16:
            item.heard = self._loop.create_future()
        if item.heard is not None or transcription is not None:
            self._task(self._transcribe(item, tell=transcription is not None))

    async def _transcribe(self, item: Item, *, tell: bool) -> None:
        """Find out what was said, for the brain, and if asked for, for the client."""
        words, failure = None, "This engine has no ears for words: install the extra `local` or set LOCAL_STT_URL."
        try:
            words = await self._helpers.ears.hear(item.caller_audio) if item.heard is not None else None
        except BridgeError as error:
            log.warning("the recogniser failed: %s", error)
            failure = str(error)
        else:
            failure = "" if self._helpers.ears.knows_words else failure
        if item.heard is not None and not item.heard.done():
            item.heard.set_result(words)
        if not tell:
            return
        kind, place = "conversation.item.input_audio_transcription", {"item_id": item.id, "content_index": 0}
        if failure:
            told = {"type": "server_error", "code": "transcription_unavailable", "message": failure, "param": None}
            self.send({"type": f"{kind}.failed", **place, "error": told})
            return
        item.body["content"][0]["transcript"] = words or ""
        if words:
            self.send({"type": f"{kind}.delta", **place, "delta": words})
        audio, text = audio_tokens(item.audio_ms, CALLER_MS_PER_TOKEN), text_tokens(words or "")
        usage = {"type": "tokens", "total_tokens": audio + text, "input_tokens": audio, "output_tokens": text}
        usage["input_token_details"] = {"text_tokens": 0, "audio_tokens": audio}
        self.send({"type": f"{kind}.completed", **place, "transcript": words or "", "usage": usage})

    # ---- the conversation

    def _create_item(self, event: dict[str, Any]) -> None:
        body = event["item"]
        if body["type"] == "function_call_output":
            self.conversation.check_output(body)
            earlier = [i for i in self.conversation if i.type == "function_call_output"]
            if any(i.body["call_id"] == body["call_id"] for i in earlier):
                self.record.problems.append(f"tool call {body['call_id']} was answered twice")
        self._add(brought(body, body.get("id") or self.new_id("item")), event.get("previous_item_id"))

    def _add(self, item: Item, after: str | None) -> None:
        self.conversation.add(item, after)
        previous = self.conversation.previous_id(item)
        for kind in ("conversation.item.added", "conversation.item.done"):
            self.send({"type": kind, "previous_item_id": previous, "item": item.body})

    def _truncate(self, event: dict[str, Any]) -> None:
        place = {key: event[key] for key in ("item_id", "content_index", "audio_end_ms")}
        had_ms = self.conversation.truncate(**place)
        self.record.truncations.append(Truncation(place["item_id"], place["audio_end_ms"], had_ms))
        self.send({"type": "conversation.item.truncated", **place})

    def _delete(self, event: dict[str, Any]) -> None:
        self.conversation.delete(event["item_id"])
        self.send({"type": "conversation.item.deleted", "item_id": event["item_id"]})

    def _retrieve(self, event: dict[str, Any]) -> None:
        item = self.conversation.wanted(event["item_id"], "retrieve")
        self.send({"type": "conversation.item.retrieved", "item": item.with_audio(self._input.sound)})

    # ---- responses

    def _create_response(self, event: dict[str, Any]) -> None:
        if self._config["type"] == "transcription":
            text = "Transcription sessions do not create responses."
            raise Complaint(text, code="invalid_parameter", param="type")
        asked = event.get("response") or {}
        self._response_check(asked, "response")
        self._begin(request_from(self._config, asked, self.conversation, voice_fixed=self._voice_fixed))

    def _respond_to_turn(self, *, idle: bool = False) -> None:
        """What server turn detection does at the end of speech, or of patience."""
        if self._config["type"] == "transcription" or not (idle or self._detection("create_response")):
            return
        request = request_from(self._config, {}, self.conversation, voice_fixed=self._voice_fixed)
        try:
            self._begin(dataclasses.replace(request, idle=idle))
        except Complaint as complaint:  # a response that may not be interrupted is still going on
            self.complain(complaint, None)

    def _begin(self, request: Request) -> None:
        if not request.in_conversation:
            response = Response(self, request, self.new_id("resp"))
            self._beside.add(response)
        else:
            if self._active is not None:
                raise active_response(self._active.id)
            self._watch_idle(None)
            fault = self._faults.response_asked()
            if fault is not None and fault.kind == "mute":
                return
            failing = fault is not None and fault.after_s == 0
            request = dataclasses.replace(request, failure=fault.error() if fault and failing else None)
            response = self._active = Response(self, request, self.new_id("resp"))
            if fault is not None and not failing:
                self._timers.append(self._loop.call_later(fault.after_s, response.fail, fault.error()))
        self.record.answers.append(response.answer)
        response.begin()

    def response_over(self, response: Response) -> None:
        """A response ended; the floor is free."""
        self._beside.discard(response)
        if self._active is response:
            self._active = None
            self._watch_idle(response)

    def _cancel(self, event: dict[str, Any]) -> None:
        wanted = event.get("response_id")
        running = [*([self._active] if self._active else []), *(self._beside if wanted else ())]
        found = [response for response in running if wanted in (None, response.id)]
        if not found:
            text = "Cancellation failed: no active response found"
            raise Complaint(text, code="response_cancel_not_active")
        found[0].cancel("client_cancelled")

    def _clear_output(self, event: dict[str, Any]) -> None:
        text = "output_audio_buffer.clear is only available for WebRTC and SIP connections."
        raise Complaint(text, code="invalid_event", param="type")

    # ---- silence

    def _watch_idle(self, after: Response | None) -> None:
        """Count the caller's silence from where the last answer's sound ends, if it is played out at once."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        idle_ms = self._detection("idle_timeout_ms")
        if after is None or not idle_ms or self._input.speaking:
            return
        played_at_s = (after.first_audio_at_s or self._loop.time()) + after.audio_ms / 1000
        due_at_s = max(self._loop.time(), played_at_s) + idle_ms / 1000
        self._idle = self._loop.call_at(due_at_s, self._idle_over, int(self._input.clock_ms))

    def _idle_over(self, since_ms: int) -> None:
        self._idle = None
        item_id = self._speech_item_id = self.new_id("item")
        times = {"audio_start_ms": since_ms, "audio_end_ms": int(self._input.clock_ms)}
        self.send({"type": "input_audio_buffer.timeout_triggered", **times, "item_id": item_id})
        self._input.take()
        self._commit_audio(b"")
        self._respond_to_turn(idle=True)

    # ---- small things

    def _detection(self, key: str) -> Any:
        return (self._config["audio"]["input"]["turn_detection"] or {}).get(key)

    def _task(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _now_s(self) -> float:
        return self._loop.time() - self._opened_at_s


def _parsed(message: str | bytes) -> dict[str, Any]:
    if isinstance(message, bytes):
        raise Complaint("Binary messages are not supported; send JSON as text.", code="invalid_event")
    try:
        event = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Complaint("The event could not be parsed: it is not valid JSON.", code="invalid_json") from error
    if not isinstance(event, dict):
        raise Complaint("The event must be a JSON object.", code="invalid_event")
    return event
