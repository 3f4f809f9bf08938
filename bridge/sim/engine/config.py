"""The session object (GA): its defaults, its shape, and how a `session.update` changes it.

Objects are merged field by field, arrays replaced, `null` clears. An update is checked in full before anything of it
is applied. Source: OpenAI Realtime API reference, session; OpenAI's Python SDK 3.54 for names.
"""

from __future__ import annotations

import copy
from typing import Any

from bridge.sim.engine.complaints import Complaint, missing_parameter
from bridge.sim.engine.formats import PCM
from bridge.sim.engine.mcp_shape import mcp_server
from bridge.sim.engine.shapes import (
    Check,
    either,
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

Config = dict[str, Any]

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")

STREAMING_TRANSCRIBERS = ("gpt-live-transcribe", "gpt-realtime-whisper")
"""They listen all the time and know no turns: turn detection must be off."""

SERVER_VAD: Config = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
SEMANTIC_VAD: Config = {
    "type": "semantic_vad",
    "eagerness": "auto",
    "create_response": True,
    "interrupt_response": True,
}
VAD_DEFAULTS = {"server_vad": SERVER_VAD, "semantic_vad": SEMANTIC_VAD}

FORMAT = tagged(
    "type",
    {
        "audio/pcm": fields({"type": text, "rate": number(24000, 24000, whole=True)}),
        "audio/pcmu": fields({"type": text}),
        "audio/pcma": fields({"type": text}),
    },
)

VOICE = either(one_of(*VOICES), fields({"id": text}, required=("id",)))

TURN_DETECTION = fields(
    {
        "type": one_of("server_vad", "semantic_vad"),
        "threshold": number(0, 1),
        "prefix_padding_ms": number(0, 10_000, whole=True),
        "silence_duration_ms": number(0, 10_000, whole=True),
        "idle_timeout_ms": nullable(number(5000, 30_000, whole=True)),
        "eagerness": one_of("low", "medium", "high", "auto"),
        "create_response": flag,
        "interrupt_response": flag,
    }
)

TRANSCRIPTION = fields(
    {
        "model": text,
        "language": text,
        "languages": list_of(text),
        "prompt": text,
        "keywords": list_of(text),
        "delay": one_of("minimal", "low", "medium", "high", "xhigh"),
    }
)

NOISE_REDUCTION = fields({"type": one_of("near_field", "far_field"), "strength": number(0, 1)})

INPUT = fields(
    {
        "format": FORMAT,
        "turn_detection": nullable(TURN_DETECTION),
        "transcription": nullable(TRANSCRIPTION),
        "noise_reduction": nullable(NOISE_REDUCTION),
    }
)

TOOL = tagged(
    "type",
    {
        "function": fields(
            {"type": text, "name": short_text(64), "description": text, "parameters": json_object}, required=("name",)
        ),
        "mcp": mcp_server,
    },
)

TOOL_CHOICE = either(
    one_of("auto", "none", "required"),
    tagged(
        "type",
        {
            "function": fields({"type": text, "name": text}, required=("name",)),
            "mcp": fields({"type": text, "server_label": text, "name": nullable(text)}, required=("server_label",)),
        },
    ),
)

MAX_OUTPUT_TOKENS = either(one_of("inf"), number(1, 4096, whole=True))
OUTPUT_MODALITIES = list_of(one_of("audio", "text"), least=1, most=1)
REASONING = fields({"effort": one_of("minimal", "low", "medium", "high", "xhigh")})
PROMPT = nullable(fields({"id": text, "version": nullable(text), "variables": nullable(json_object)}, required=("id",)))
INCLUDE = nullable(list_of(one_of("item.input_audio_transcription.logprobs")))


def session_shape(voice: Check = VOICE) -> Check:
    """The shape of `session` in a `session.update` of a conversation."""
    output = fields({"format": FORMAT, "voice": voice, "speed": number(0.25, 1.5)})
    return fields(
        {
            "type": one_of("realtime", "transcription"),
            "model": text,
            "output_modalities": OUTPUT_MODALITIES,
            "instructions": text,
            "audio": fields({"input": INPUT, "output": output}),
            "tools": list_of(TOOL),
            "tool_choice": TOOL_CHOICE,
            "parallel_tool_calls": flag,
            "reasoning": REASONING,
            "max_output_tokens": MAX_OUTPUT_TOKENS,
            "truncation": either(one_of("auto", "disabled"), json_object),
            "prompt": PROMPT,
            "tracing": nullable(either(one_of("auto"), json_object)),
            "include": INCLUDE,
        },
        required=("type",),
    )


TRANSCRIPTION_SHAPE = fields(
    {"type": one_of("realtime", "transcription"), "audio": fields({"input": INPUT}), "include": INCLUDE},
    required=("type",),
)


def default_config(session_id: str, model: str, expires_at: int) -> Config:
    """The session as `session.created` shows it."""
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "output_modalities": ["audio"],
        "instructions": "You are a helpful voice assistant. Answer briefly and call a tool whenever one fits.",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": expires_at,
        "include": None,
        "audio": {
            "input": {
                "format": PCM.wire,
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": dict(SERVER_VAD),
            },
            "output": {"format": PCM.wire, "voice": "marin", "speed": 1.0},
        },
    }


def default_transcription_config(session_id: str, expires_at: int) -> Config:
    """A session that only writes down what it hears (`?intent=transcription`)."""
    detection = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 200}
    sound = {"format": PCM.wire, "transcription": None, "noise_reduction": None, "turn_detection": detection}
    return {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": session_id,
        "expires_at": expires_at,
        "include": None,
        "audio": {"input": sound},
    }


def updated(config: Config, change: Config) -> Config:
    """`config` after a checked `change`. Raises Complaint when the result would make no sense."""
    if change["type"] != config["type"]:
        text_ = f"Passing a {change['type']} session update event to a {config['type']} session is not allowed."
        raise Complaint(text_, code="invalid_parameter", param="session.type")
    if "model" in change and change["model"] != config["model"]:
        raise Complaint("Cannot update a session's model.", code="invalid_parameter", param="session.model")
    result = _merged(config, change)
    listening = result["audio"]["input"]
    detection = listening["turn_detection"]
    if detection is not None:
        listening["turn_detection"] = _complete_detection(config["audio"]["input"]["turn_detection"], change, detection)
    transcriber = (listening["transcription"] or {}).get("model")
    if config["type"] == "transcription" and transcriber in STREAMING_TRANSCRIBERS and detection is not None:
        text_ = f"Turn detection is not supported with '{transcriber}'; set turn_detection to null."
        raise Complaint(text_, code="invalid_parameter", param="session.audio.input.turn_detection")
    return result


# Objects that are one value: a new one replaces the old, nothing of it shines through.
_WHOLE = frozenset({"format", "voice", "tool_choice", "tracing", "truncation", "prompt", "reasoning"})


def _merged(old: Config, new: Config) -> Config:
    result = copy.deepcopy(old)
    for key, value in new.items():
        if key not in _WHOLE and isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = _merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    formats = [result["format"]] if "format" in result else []
    for sound in formats:
        if sound["type"] == "audio/pcm":
            sound.setdefault("rate", 24000)
    return result


def _complete_detection(old: Config | None, change: Config, merged: Config) -> Config:
    """Turn detection with every field of its type; another type starts from its own defaults."""
    asked = ((change.get("audio") or {}).get("input") or {}).get("turn_detection") or {}
    kind = merged.get("type")
    if kind is None:
        raise missing_parameter("session.audio.input.turn_detection.type")
    same = old is not None and old["type"] == kind
    result = {**VAD_DEFAULTS[kind], **(merged if same else asked)}
    for key in asked:
        if key not in VAD_DEFAULTS[kind]:
            path = f"session.audio.input.turn_detection.{key}"
            raise Complaint(f"Unknown parameter: '{path}'.", code="unknown_parameter", param=path)
    return result
