"""The Realtime protocol of one session: JSON text in, events out; commands in, JSON text out. No I/O.

Server events are parsed into one loose struct; nested objects stay raw until an event needs them. An unknown type or
an unknown field is no error: servers add both without notice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from bridge.audio import base64text
from bridge.audio.path import AudioPath
from bridge.call import commands as do
from bridge.call import events as ev
from bridge.errors import WireError
from bridge.realtime import verdicts
from bridge.realtime.dialect import DIALECTS, Dialect, Kind
from bridge.realtime.session import SessionConfig, waiting

APPEND = b'{"type":"input_audio_buffer.append","audio":"%b"}'
"""The message that feeds caller audio, around its base64."""
_TYPE = b'{"type":"'
_CREATED = b"response.created"
ConfigOf = Callable[[str], SessionConfig]
_EMPTY = msgspec.Raw(b"null")
_MODEL_BYTES_PER_MS = {"pcm": 48.0, "pcmu": 8.0}
_KNOWN = {dialect.name: frozenset(kind.encode() for kind in dialect.kinds) for dialect in DIALECTS.values()}
"""The types of events that mean something here, as they stand in a message."""
_encode = msgspec.json.encode


class _ServerEvent(msgspec.Struct, gc=False):
    type: str
    response_id: str = ""
    item_id: str = ""
    content_index: int = 0
    delta: str | None = ""
    transcript: str | None = ""
    text: str | None = ""
    audio_start_ms: int | float | None = 0
    audio_end_ms: int | float | None = 0
    response: msgspec.Raw = _EMPTY
    item: msgspec.Raw = _EMPTY
    session: msgspec.Raw = _EMPTY
    error: msgspec.Raw = _EMPTY


class _AudioDelta(msgspec.Struct, gc=False):
    """What matters of an audio delta as servers spell it; the base64 is decoded, strictly, on the way."""

    response_id: str = ""
    item_id: str = ""
    content_index: int = 0
    delta: bytes = b""


class _Response(msgspec.Struct, gc=False):
    """What matters of a response that begins."""

    id: str
    conversation_id: str | msgspec.UnsetType | None = msgspec.UNSET


class _Created(msgspec.Struct, gc=False):
    """The message that says so, as servers spell it."""

    response: _Response


_decode = msgspec.json.Decoder(_ServerEvent).decode
_decode_created = msgspec.json.Decoder(_Created).decode
_decode_audio = msgspec.json.Decoder(_AudioDelta).decode


class RealtimeWire:
    """One session's protocol. Keeps the audio path's state of the item that is being spoken, and nothing else."""

    def __init__(
        self, dialect: Dialect, path: AudioPath, config_of: ConfigOf, keep: Callable[[str, bytes], None] | None = None
    ) -> None:
        """`config_of` gives the configuration of an agent of the team by name ("": the first one).

        `keep` is handed each piece of an item's sound as the model sent it.
        """
        self._keep = keep
        self._config_of = config_of
        self._dialect = dialect
        self._kinds = dialect.kinds
        (audio_delta,) = (name for name, kind in dialect.kinds.items() if kind == "audio_delta")
        self._audio_head = b'{"type":"%s",' % audio_delta.encode()
        self._known = _KNOWN[dialect.name]
        self._path = path
        self.to_model = path.to_model
        """Caller audio (mu-law) as it stands in `APPEND`."""
        self._asked_for(config_of(""))
        self._bytes_per_ms = _MODEL_BYTES_PER_MS[self._config.output_audio]
        self._speaking: tuple[str, int] | None = None
        self.notes: list[str] = []
        """Differences between asked and effective configuration that do not matter to the ear."""

    def _asked_for(self, config: SessionConfig) -> None:
        """Kept to be compared with what the server made of it; its instructions, some kB, are not."""
        self._config = replace(config, instructions="")

    # ---- in

    def read(self, message: str | bytes) -> tuple[ev.Event, ...]:
        """Events of one server message. Raises WireError when it is no JSON object with a type."""
        if isinstance(message, str):
            message = message.encode("utf-8", "surrogatepass")
        if message.startswith(self._audio_head):
            try:
                delta = _decode_audio(message)
            except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
                pass  # the long way says what is wrong with it
            else:
                return self._audio(delta.response_id, delta.item_id, delta.content_index, delta.delta)
        elif message.startswith(_TYPE):
            # Half of what a server says is of no interest here; most of that comes just before a first sound.
            name = message[len(_TYPE) : message.find(b'"', len(_TYPE))]
            if name == _CREATED:
                try:
                    began = _decode_created(message).response
                except (msgspec.DecodeError, UnicodeError, RecursionError):
                    pass  # an odd one
                else:
                    return (ev.ResponseCreated(began.id, began.conversation_id is not None),)
            elif name not in self._known and b"\\" not in name and message.endswith(b"}"):
                return ()
        try:
            event = _decode(message)
            kind = self._kinds.get(event.type)
            return _READERS[kind](self, event) if kind is not None else ()
        except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError) as error:
            raise WireError(f"not a Realtime event: {str(error)[:120]}") from None

    def _audio_delta(self, event: _ServerEvent) -> tuple[ev.Event, ...]:
        audio = base64text.decode(event.delta or "")
        return self._audio(event.response_id, event.item_id, event.content_index, audio)

    def _audio(self, response_id: str, item_id: str, index: int, data: bytes) -> tuple[ev.Event, ...]:
        if not data:
            return ()
        part = (item_id, index)
        if part != self._speaking:
            if self._speaking is not None:
                self._path.flush_for_phone()  # an item that was cut: its tail is nobody's
            self._speaking = part
        if self._keep is not None:
            self._keep(item_id, data)
        audio = self._path.to_phone(data)
        return (ev.ModelAudio(response_id, item_id, index, audio, len(data) / self._bytes_per_ms),)

    def _audio_done(self, event: _ServerEvent) -> tuple[ev.Event, ...]:
        part = (event.item_id, event.content_index)
        done = ev.ModelAudioDone(event.response_id, *part)
        if part != self._speaking:
            return (done,)
        self._speaking = None
        tail = self._path.flush_for_phone()
        return (ev.ModelAudio(event.response_id, *part, tail, 0.0), done) if tail else (done,)

    def _session_created(self, event: _ServerEvent) -> tuple[ev.Event, ...]:
        session = _object(event.session)
        expires = session.get("expires_at")
        return (ev.ModelOpened(str(session.get("id", "")), expires if isinstance(expires, int) else 0),)

    def _session_updated(self, event: _ServerEvent) -> tuple[ev.Event, ...]:
        found = self._dialect.differences(self._config, _object(event.session))
        self.notes += [d.text for d in found if not d.decisive]
        return (ev.ModelConfigured(tuple(d.text for d in found if d.decisive)),)

    def _error(self, event: _ServerEvent) -> tuple[ev.Event, ...]:
        error = _object(event.error)
        code, kind = str(error.get("code") or ""), str(error.get("type") or "")
        severity = verdicts.of_error(code, kind)
        message, event_id = str(error.get("message") or ""), str(error.get("event_id") or "")
        if not code and message.startswith("Conversation already has an active response"):
            code = "conversation_already_has_active_response"  # older servers send no code
        return (ev.ModelFault(code or kind, message, severity, event_id),)

    def _response_created(self, event: _ServerEvent) -> tuple[ev.Event, ...]:
        response = _object(event.response)
        return (ev.ResponseCreated(str(response.get("id", "")), _conversational(response)),)

    def _response_done(self, event: _ServerEvent) -> tuple[ev.Event, ...]:
        response = _object(event.response)
        details = _nested(response, "status_details")
        error = _nested(details, "error")
        code, kind = str(error.get("code") or ""), str(error.get("type") or "")
        done = ev.ResponseDone(
            str(response.get("id", "")),
            str(response.get("status") or "completed"),
            str(details.get("reason") or ""),
            code or kind,
            str(error.get("message") or ""),
            verdicts.of_error(code, kind),
            _usage(response.get("usage")),
            _conversational(response),
        )
        return (done,)

    def _item_done(self, event: _ServerEvent) -> tuple[ev.Event, ...]:
        item = _object(event.item)
        # An interrupted call is `incomplete`: its arguments stop in the middle and it must not run.
        if item.get("type") != "function_call" or item.get("status", "completed") != "completed":
            return ()
        call_id = str(item.get("call_id") or "")
        called = ev.ToolCalled(call_id, str(item.get("name")), str(item.get("arguments") or ""), event.response_id)
        return (called,) if call_id else ()

    # ---- out

    def write(self, command: do.ModelCommand) -> tuple[bytes, ...]:
        """Messages for one command, as UTF-8."""
        match command:
            case do.Feed(audio):
                return (APPEND % self.to_model(audio),)
            case do.Configure(agent, answers):
                config = self._config_of(agent) if answers else waiting(self._config_of(agent))
                self._asked_for(config)
                return self._event("session.update", session=self._dialect.session(config))
            case do.Commit():
                return self._event("input_audio_buffer.commit")
            case do.Respond(event_id, instructions, tools):
                response = {"instructions": instructions} if instructions else {}
                if not tools:
                    response["tool_choice"] = "none"
                return self._event("response.create", event_id=event_id, **({"response": response} if response else {}))
            case do.Cancel(response_id):
                return self._event("response.cancel", response_id=response_id)
            case do.Truncate(item_id, index, end_ms):
                position = {"item_id": item_id, "content_index": index, "audio_end_ms": end_ms}
                return self._event("conversation.item.truncate", **position)
            case do.AddText(text, role):
                part = {"type": "input_text", "text": text}
                return self._item(type="message", role=role, content=[part])
            case do.ReturnTool(call_id, output):
                return self._item(type="function_call_output", call_id=call_id, output=output)

    @staticmethod
    def _event(type_: str, **fields: Any) -> tuple[bytes, ...]:
        return (_encode({"type": type_, **fields}),)

    def _item(self, **item: Any) -> tuple[bytes, ...]:
        return self._event("conversation.item.create", item=item)


_READERS: dict[Kind, Callable[[RealtimeWire, _ServerEvent], tuple[ev.Event, ...]]] = {
    "audio_delta": RealtimeWire._audio_delta,
    "text_delta": lambda _, e: (ev.AgentText(e.response_id, e.item_id, e.delta or ""),),
    "text_done": lambda _, e: (ev.AgentText(e.response_id, e.item_id, e.transcript or "", final=True),),
    "written": lambda _, e: (ev.AgentText(e.response_id, e.item_id, e.text or "", final=True),),
    "audio_done": RealtimeWire._audio_done,
    "session_created": RealtimeWire._session_created,
    "session_updated": RealtimeWire._session_updated,
    "error": RealtimeWire._error,
    "speech_started": lambda _, e: (ev.SpeechStarted(e.item_id, int(e.audio_start_ms or 0)),),
    "speech_stopped": lambda _, e: (ev.SpeechStopped(e.item_id, int(e.audio_end_ms or 0)),),
    "committed": lambda _, e: (ev.TurnCommitted(e.item_id),),
    "caller_delta": lambda _, e: (ev.CallerText(e.item_id, e.delta or ""),),
    "caller_done": lambda _, e: (ev.CallerText(e.item_id, e.transcript or "", final=True),),
    "response_created": RealtimeWire._response_created,
    "response_done": RealtimeWire._response_done,
    "item_done": RealtimeWire._item_done,
    "hosted_ran": lambda _, e: (ev.HostedToolRan(e.item_id),),
    "hosted_failed": lambda _, e: (ev.HostedToolRan(e.item_id, ok=False),),
}


def _object(raw: msgspec.Raw) -> dict[str, Any]:
    found = msgspec.json.decode(raw)
    return found if isinstance(found, dict) else {}


def _nested(tree: dict[str, Any], key: str) -> dict[str, Any]:
    found = tree.get(key)
    return found if isinstance(found, dict) else {}


def _conversational(response: dict[str, Any]) -> bool:
    """Out-of-band responses say so by a conversation id that is there and null."""
    return response.get("conversation_id", "?") is not None


def _usage(usage: Any) -> dict[str, int] | None:
    """Token counts, flat: input_tokens, input_audio_tokens, cached_audio_tokens, output_text_tokens ..."""
    if not isinstance(usage, dict):
        return None
    flat = {k: v for k, v in usage.items() if isinstance(v, int)}
    for side in ("input", "output"):
        # Some servers write "tokens" with an s in the middle of the name.
        details = _nested(usage, f"{side}_token_details") or _nested(usage, f"{side}_tokens_details")
        flat |= {f"{side}_{k}": v for k, v in details.items() if isinstance(v, int)}
        cached = _nested(details, "cached_tokens_details")
        flat |= {f"cached_{k}": v for k, v in cached.items() if isinstance(v, int)}
    return flat
