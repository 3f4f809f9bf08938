"""What a session is told to be, in both dialects, and whether it became that.

`session.update` is always one complete object: a partial turn detection leaves the rest at the server's defaults, and
an update that leaves the audio format out can put static on the line (reference: Realtime API, sessions). One unknown
field makes the server reject the whole update, so each dialect has its own writing and they share nothing but values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

AudioFormat = Literal["pcm", "pcmu"]

_GA_FORMATS: dict[str, dict[str, Any]] = {
    "pcm": {"type": "audio/pcm", "rate": 24000},
    "pcmu": {"type": "audio/pcmu"},
}
_BETA_FORMATS = {"pcm": "pcm16", "pcmu": "g711_ulaw"}


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """One session's whole configuration. `turn_detection` is a complete object, or None for manual turns."""

    instructions: str
    voice: str
    input_audio: AudioFormat
    output_audio: AudioFormat
    turn_detection: Mapping[str, Any] | None
    transcription: Mapping[str, Any] | None = None
    noise_reduction: str | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further top-level session fields, as the server names them."""


def waiting(config: SessionConfig) -> SessionConfig:
    """The same, but the server neither answers nor stops by itself."""
    detection = config.turn_detection
    if detection is None:
        return config
    return replace(config, turn_detection={**detection, "create_response": False, "interrupt_response": False})


def ga_session(config: SessionConfig) -> dict[str, Any]:
    """`session` of a GA `session.update`."""
    noise = config.noise_reduction
    return {
        "type": "realtime",
        "instructions": config.instructions,
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": _GA_FORMATS[config.input_audio],
                "transcription": config.transcription,
                "noise_reduction": {"type": noise} if noise else None,
                "turn_detection": config.turn_detection,
            },
            "output": {"format": _GA_FORMATS[config.output_audio], "voice": config.voice},
        },
        "tools": list(config.tools),
        "tool_choice": "auto",
        **config.extra,
    }


def beta_session(config: SessionConfig) -> dict[str, Any]:
    """`session` of a beta `session.update`."""
    noise = config.noise_reduction
    # MCP servers are GA's alone, and one entry that is not known makes the server refuse the whole update.
    tools = [tool for tool in config.tools if tool.get("type") != "mcp"]
    return {
        "instructions": config.instructions,
        "modalities": ["audio", "text"],
        "voice": config.voice,
        "input_audio_format": _BETA_FORMATS[config.input_audio],
        "output_audio_format": _BETA_FORMATS[config.output_audio],
        "input_audio_transcription": config.transcription,
        "input_audio_noise_reduction": {"type": noise} if noise else None,
        "turn_detection": config.turn_detection,
        "tools": tools,
        "tool_choice": "auto",
        **config.extra,
    }


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as asked. `decisive`: with it the caller would hear noise, or nothing."""

    text: str
    decisive: bool


def ga_differences(config: SessionConfig, got: Mapping[str, Any]) -> list[Difference]:
    """What differs between what was asked and a GA `session.updated`'s session."""
    asked = ga_session(config)
    audio = got.get("audio") or {}
    return [
        *_format("input", asked["audio"]["input"]["format"], _at(audio, "input", "format")),
        *_format("output", asked["audio"]["output"]["format"], _at(audio, "output", "format")),
        *_other("voice", config.voice, _at(audio, "output", "voice")),
        *_other("turn detection", config.turn_detection, _at(audio, "input", "turn_detection")),
        *_other("tools", _names(config.tools), _names(got.get("tools"))),
    ]


def beta_differences(config: SessionConfig, got: Mapping[str, Any]) -> list[Difference]:
    """The same for a beta session."""
    asked = beta_session(config)
    return [
        *_format("input", asked["input_audio_format"], got.get("input_audio_format")),
        *_format("output", asked["output_audio_format"], got.get("output_audio_format")),
        *_other("voice", config.voice, got.get("voice")),
        *_other("turn detection", config.turn_detection, got.get("turn_detection")),
        *_other("tools", _names(asked["tools"]), _names(got.get("tools"))),
    ]


def _at(tree: Any, *keys: str) -> Any:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


def _names(tools: Any) -> list[str]:
    listed = tools if isinstance(tools, list | tuple) else ()
    return sorted(str(t.get("name", "")) for t in listed if isinstance(t, Mapping))


def _format(side: str, asked: Any, got: Any) -> list[Difference]:
    # A server that does not say which format it took is believed; one that names another is not.
    if got is None:
        return [Difference(f"{side} audio format not confirmed", decisive=False)]
    if isinstance(asked, Mapping) and isinstance(got, Mapping):
        same = all(got.get(name) in (None, value) for name, value in asked.items())
    else:
        same = asked == got
    return [] if same else [Difference(f"{side} audio format is {str(got)[:80]} instead of {asked}", decisive=True)]


def _other(what: str, asked: Any, got: Any) -> list[Difference]:
    if isinstance(asked, Mapping) and isinstance(got, Mapping):
        wrong = [k for k, v in asked.items() if got.get(k) != v]
        return [Difference(f"{what}: {', '.join(wrong)} not as asked", decisive=False)] if wrong else []
    if got is None or asked == got:
        return []
    return [Difference(f"{what} is {str(got)[:80]} instead of {str(asked)[:80]}", decisive=False)]
