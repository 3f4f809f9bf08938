"""One client's session: its events in, ours out. Decisions are made at once, in the order in which events come.

At most one response writes to the conversation at a time; others (`conversation: "none"`) may run beside it. The
socket, the clock and the helpers (ears, mouth, brain) are handed in.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from bridge.audio import base64text
from bridge.sim.brain import Brain
from bridge.sim.ears import Ears
from bridge.sim.engine.asked import Request
from bridge.sim.engine.complaints import Complaint, active_response, session_expired
from bridge.sim.engine.config import (
    TRANSCRIPTION_SHAPE,
    Config,
    default_config,
    default_transcription_config,
    session_shape,
    updated,
)
from bridge.sim.engine.conversation import Conversation
from bridge.sim.engine.dialects import Dialect
from bridge.sim.engine.faulty import FaultPlan, Link
from bridge.sim.engine.formats import PCM, PCMU
from bridge.sim.engine.hearing import Hearing
from bridge.sim.engine.items import Item, brought
from bridge.sim.engine.record import SessionRecord, Truncation
from bridge.sim.engine.requests import CLIENT_EVENT, cannot_update_voice, request_from, response_shape
from bridge.sim.engine.response import Response
from bridge.sim.engine.shapes import Check
from bridge.sim.engine.usage import Meter
from bridge.sim.voice import Mouth


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
        self.ears = helpers.ears
        self._hearing = Hearing(self)
        self._config: Config = {}
        self._active: Response | None = None
        self._beside: set[Response] = set()
        self._voice_fixed = False
        self._timers: list[asyncio.TimerHandle] = []
        self._over = False
        self._session_check = session_shape(helpers.any_voice) if helpers.any_voice else session_shape()
        self._response_check = response_shape(helpers.any_voice) if helpers.any_voice else response_shape()
        self._handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "session.update": self._update,
            "input_audio_buffer.append": self._hearing.append,
            "input_audio_buffer.commit": self._hearing.commit,
            "input_audio_buffer.clear": self._hearing.clear,
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
        self._hearing.end()
        for timer in self._timers:
            timer.cancel()
        for response in [*self._beside, *([self._active] if self._active else [])]:
            response.abandon()

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
        self.record.config = self._config
        self._hearing.configure(self._config["audio"]["input"])

    def _expire(self) -> None:
        complaint = session_expired(self._helpers.session_s)
        self.complain(complaint, None)
        self._close(1001, complaint.message)

    def _close(self, code: int, reason: str) -> None:
        self.record.close = (code, reason)
        self._link.close(code, reason)
        self.end()

    # ---- the conversation

    def _create_item(self, event: dict[str, Any]) -> None:
        body = event["item"]
        if body["type"] == "function_call_output":
            self.conversation.check_output(body)
            earlier = [i for i in self.conversation if i.type == "function_call_output"]
            if any(i.body["call_id"] == body["call_id"] for i in earlier):
                self.record.problems.append(f"tool call {body['call_id']} was answered twice")
        self.add(brought(body, body.get("id") or self.new_id("item")), event.get("previous_item_id"))

    def add(self, item: Item, after: str | None = None) -> None:
        """Put an item into the conversation and tell the client. Raises Complaint."""
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
        self.send({"type": "conversation.item.retrieved", "item": item.with_audio(self._hearing.sound)})

    # ---- responses

    def _create_response(self, event: dict[str, Any]) -> None:
        if self._config["type"] == "transcription":
            text = "Transcription sessions do not create responses."
            raise Complaint(text, code="invalid_parameter", param="type")
        asked = event.get("response") or {}
        self._response_check(asked, "response")
        self._begin(request_from(self._config, asked, self.conversation, voice_fixed=self._voice_fixed))

    def respond_to_turn(self, *, idle: bool = False) -> None:
        """What server turn detection does at the end of speech, or of patience."""
        if self._config["type"] == "transcription":
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
            self._hearing.watch_idle(None)
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
            self._hearing.watch_idle(response)

    def interrupt(self) -> None:
        """The caller speaks over the response of the conversation."""
        if self._active is not None:
            self._active.cancel("turn_detected")

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

    # ---- small things

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
