"""GA and beta, two tables from wire names to one set of readers.

Inside the house there is one dialect, GA's; a beta server's names are translated here and nowhere else. The beta
interface is switched off at OpenAI since May 2026; other servers still speak it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bridge.realtime.session import (
    Difference,
    SessionConfig,
    beta_differences,
    beta_session,
    ga_differences,
    ga_session,
)

Kind = Literal[
    "session_created",
    "session_updated",
    "error",
    "speech_started",
    "committed",
    "speech_stopped",
    "caller_delta",
    "caller_done",
    "response_created",
    "response_done",
    "item_done",
    "hosted_ran",
    "hosted_failed",
    "audio_delta",
    "audio_done",
    "text_delta",
    "text_done",
    "written",
]

_COMMON: dict[str, Kind] = {
    "session.created": "session_created",
    "session.updated": "session_updated",
    "error": "error",
    "input_audio_buffer.speech_started": "speech_started",
    "input_audio_buffer.committed": "committed",
    "input_audio_buffer.speech_stopped": "speech_stopped",
    "conversation.item.input_audio_transcription.delta": "caller_delta",
    "conversation.item.input_audio_transcription.completed": "caller_done",
    "response.created": "response_created",
    "response.done": "response_done",
    "response.output_item.done": "item_done",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One dialect: what its server events mean and how a session is written in it."""

    name: str
    kinds: Mapping[str, Kind]
    headers: Mapping[str, str]
    session: Callable[[SessionConfig], dict[str, Any]]
    differences: Callable[[SessionConfig, Mapping[str, Any]], list[Difference]]


GA = Dialect(
    "ga",
    _COMMON
    | {
        "response.output_audio.delta": "audio_delta",
        "response.output_audio.done": "audio_done",
        "response.output_audio_transcript.delta": "text_delta",
        "response.output_audio_transcript.done": "text_done",
        "response.output_text.delta": "text_delta",
        "response.output_text.done": "written",
        "response.mcp_call.completed": "hosted_ran",
        "response.mcp_call.failed": "hosted_failed",
    },
    {},
    ga_session,
    ga_differences,
)

BETA = Dialect(
    "beta",
    _COMMON
    | {
        "response.audio.delta": "audio_delta",
        "response.audio.done": "audio_done",
        "response.audio_transcript.delta": "text_delta",
        "response.audio_transcript.done": "text_done",
        "response.text.delta": "text_delta",
        "response.text.done": "written",
    },
    {"OpenAI-Beta": "realtime=v1"},
    beta_session,
    beta_differences,
)

DIALECTS: dict[str, Dialect] = {"ga": GA, "beta": BETA}
