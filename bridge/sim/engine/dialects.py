"""The two dialects on the wire. The engine speaks GA; `Beta` translates both ways.

Beta is what OpenAI's service spoke until 2026 and what dated Azure versions and many compatible servers still speak:
flat session objects, other names for formats, events and content parts. Source: OpenAI's Python SDK 3.54,
`openai.types.beta.realtime`.
"""

from __future__ import annotations

from typing import Any, Protocol

from bridge.sim.engine.config import (
    MAX_OUTPUT_TOKENS,
    NOISE_REDUCTION,
    TOOL,
    TRANSCRIPTION,
    TURN_DETECTION,
    VOICE,
)
from bridge.sim.engine.formats import BY_BETA_NAME, BY_TYPE, SoundFormat
from bridge.sim.engine.shapes import (
    anything,
    either,
    fields,
    json_object,
    list_of,
    nullable,
    number,
    one_of,
    text,
)

Event = dict[str, Any]


class Dialect(Protocol):
    """How the client speaks."""

    name: str

    def read(self, event: Event) -> Event:
        """A client's event as GA. Raises Complaint."""
        ...

    def write(self, event: Event) -> Event | None:
        """Our event as the client knows it; None when it knows no such event."""
        ...


class GA:
    """Nothing to translate."""

    name = "ga"

    def read(self, event: Event) -> Event:
        return event

    def write(self, event: Event) -> Event | None:
        return event


_FORMAT_NAME = one_of(*BY_BETA_NAME)
_MODALITIES = list_of(one_of("text", "audio"), least=1, most=2)
_TEMPERATURE = number(0.6, 1.2)

_HEARING = {
    "input_audio_format": _FORMAT_NAME,
    "input_audio_transcription": nullable(TRANSCRIPTION),
    "input_audio_noise_reduction": nullable(NOISE_REDUCTION),
    "turn_detection": nullable(TURN_DETECTION),
    "include": nullable(list_of(text)),
    "modalities": _MODALITIES,
}
_SESSION = fields(
    {
        **_HEARING,
        "model": text,
        "instructions": text,
        "voice": VOICE,
        "output_audio_format": _FORMAT_NAME,
        "speed": number(0.25, 1.5),
        "tools": list_of(TOOL),
        "tool_choice": either(text, json_object),
        "temperature": _TEMPERATURE,
        "max_response_output_tokens": MAX_OUTPUT_TOKENS,
        "tracing": nullable(either(one_of("auto"), json_object)),
        "client_secret": json_object,
    }
)
_TRANSCRIPTION_SESSION = fields({**_HEARING, "client_secret": json_object})
_RESPONSE = fields(
    {
        "modalities": _MODALITIES,
        "instructions": text,
        "voice": VOICE,
        "output_audio_format": _FORMAT_NAME,
        "tools": list_of(TOOL),
        "tool_choice": either(text, json_object),
        "temperature": _TEMPERATURE,
        "max_response_output_tokens": MAX_OUTPUT_TOKENS,
        "max_output_tokens": MAX_OUTPUT_TOKENS,
        "conversation": anything,
        "metadata": anything,
        "input": anything,
    }
)

_TO_BETA_EVENT = {
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "conversation.item.added": "conversation.item.created",
}
_GA_ONLY = frozenset(
    {
        "conversation.item.done",
        "input_audio_buffer.timeout_triggered",
        "mcp_list_tools.in_progress",
        "mcp_list_tools.failed",
    }
)
_SAME_IN_SESSION = ("instructions", "tools", "tool_choice", "tracing", "include", "model")
_TO_GA_PART = {"text": "output_text", "audio": "output_audio"}
_TO_BETA_PART = {ga: beta for beta, ga in _TO_GA_PART.items()}


class Beta:
    """One client's beta; remembers what GA has no place for (`temperature`)."""

    name = "beta"

    def __init__(self) -> None:
        self._temperature = 0.8

    def read(self, event: Event) -> Event:
        match event.get("type"):
            case "session.update":
                return event | {"session": self._session(event.get("session"), "realtime")}
            case "transcription_session.update":
                session = self._session(event.get("session"), "transcription")
                return event | {"type": "session.update", "session": session}
            case "response.create" if isinstance(event.get("response"), dict):
                return event | {"response": self._response(event["response"])}
            case "conversation.item.create" if isinstance(event.get("item"), dict):
                return event | {"item": _item(event["item"], _TO_GA_PART)}
        return event

    def write(self, event: Event) -> Event | None:
        kind = event["type"]
        if kind in _GA_ONLY:
            return None
        event = event | {"type": _TO_BETA_EVENT.get(kind, kind)}
        if "session" in event:
            event["session"] = self._flat(event["session"])
            if event["session"]["object"] == "realtime.transcription_session":
                event["type"] = f"transcription_{kind}"
        if "response" in event:
            event["response"] = self._flat_response(event["response"])
        if "item" in event:
            event["item"] = _item(event["item"], _TO_BETA_PART)
        if kind == "response.function_call_arguments.done":
            del event["name"]
        return event

    def _session(self, flat: Any, kind: str) -> Event:
        (_SESSION if kind == "realtime" else _TRANSCRIPTION_SESSION)(flat, "session")
        self._temperature = flat.get("temperature", self._temperature)
        hearing = _renamed(
            flat,
            {
                "input_audio_transcription": "transcription",
                "input_audio_noise_reduction": "noise_reduction",
                "turn_detection": "turn_detection",
            },
        )
        if "input_audio_format" in flat:
            hearing["format"] = BY_BETA_NAME[flat["input_audio_format"]].wire
        detection = hearing.get("turn_detection")
        if detection is not None and "type" not in detection:
            hearing["turn_detection"] = {"type": "server_vad", **detection}
        result: Event = {"type": kind, "audio": {"input": hearing}}
        if kind == "transcription":
            return result | _renamed(flat, {"include": "include"})
        result["audio"]["output"] = self._output(flat) | _renamed(flat, {"speed": "speed"})
        result |= {key: flat[key] for key in _SAME_IN_SESSION if key in flat}
        result |= _renamed(flat, {"max_response_output_tokens": "max_output_tokens"})
        return result | self._modalities(flat)

    def _response(self, flat: Event) -> Event:
        _RESPONSE(flat, "response")
        same = ("instructions", "tools", "tool_choice", "conversation", "metadata", "max_output_tokens")
        result = {key: flat[key] for key in same if key in flat}
        result |= _renamed(flat, {"max_response_output_tokens": "max_output_tokens"})
        if output := self._output(flat):
            result["audio"] = {"output": output}
        if isinstance(flat.get("input"), list):
            result["input"] = [_item(item, _TO_GA_PART) for item in flat["input"]]
        return result | self._modalities(flat)

    def _output(self, flat: Event) -> Event:
        output: Event = _renamed(flat, {"voice": "voice"})
        if "output_audio_format" in flat:
            output["format"] = BY_BETA_NAME[flat["output_audio_format"]].wire
        return output

    def _modalities(self, flat: Event) -> Event:
        if "modalities" not in flat:
            return {}
        return {"output_modalities": ["audio"] if "audio" in flat["modalities"] else ["text"]}

    def _flat(self, session: Event) -> Event:
        hearing = session["audio"]["input"]
        flat: Event = {
            "id": session["id"],
            "object": session["object"],
            "expires_at": session["expires_at"],
            "input_audio_format": _beta_name(hearing["format"]),
            "input_audio_transcription": hearing["transcription"],
            "input_audio_noise_reduction": hearing["noise_reduction"],
            "turn_detection": hearing["turn_detection"],
        }
        if session["type"] == "transcription":
            return flat
        output = session["audio"]["output"]
        return flat | {
            "model": session["model"],
            "modalities": _beta_modalities(session["output_modalities"]),
            "instructions": session["instructions"],
            "voice": output["voice"],
            "speed": output["speed"],
            "output_audio_format": _beta_name(output["format"]),
            "tools": session["tools"],
            "tool_choice": session["tool_choice"],
            "temperature": self._temperature,
            "max_response_output_tokens": session["max_output_tokens"],
            "tracing": session["tracing"],
        }

    def _flat_response(self, response: Event) -> Event:
        output = response["audio"]["output"]
        flat = {key: value for key, value in response.items() if key not in ("audio", "output_modalities", "usage")}
        usage = response["usage"]
        if usage is not None:
            inner = usage["input_token_details"]
            kept = {key: inner[key] for key in ("cached_tokens", "text_tokens", "audio_tokens")}
            usage = usage | {"input_token_details": kept}
        return flat | {
            "output": [_item(item, _TO_BETA_PART) for item in response["output"]],
            "modalities": _beta_modalities(response["output_modalities"]),
            "voice": output["voice"],
            "output_audio_format": _beta_name(output["format"]),
            "temperature": self._temperature,
            "usage": usage,
        }


def _beta_name(wire: Event) -> str:
    sound: SoundFormat = BY_TYPE[wire["type"]]
    return sound.beta_name


def _beta_modalities(modalities: list[str]) -> list[str]:
    # Beta names text and audio together where GA says audio alone: a transcript always comes with the sound.
    return ["text", "audio"] if modalities == ["audio"] else ["text"]


def _renamed(flat: Event, names: dict[str, str]) -> Event:
    return {new: flat[old] for old, new in names.items() if old in flat}


def _item(item: Any, part_names: dict[str, str]) -> Any:
    """An item with its content parts renamed; shapes that are wrong pass, for the check that follows."""
    if not isinstance(item, dict) or not isinstance(item.get("content"), list):
        return item
    parts = [
        part | {"type": part_names.get(str(part.get("type")), part.get("type"))} if isinstance(part, dict) else part
        for part in item["content"]
    ]
    return item | {"content": parts}
