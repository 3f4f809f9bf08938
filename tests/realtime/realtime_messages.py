"""The recorded Realtime messages, and wires to read them with."""

import json
from pathlib import Path
from typing import Any

from bridge.audio.path import make_path
from bridge.realtime.dialect import DIALECTS
from bridge.realtime.session import AudioFormat, SessionConfig
from bridge.realtime.wire import RealtimeWire

_FILE = Path(__file__).parents[1] / "fixtures" / "realtime_messages.jsonl"
LINES: list[dict[str, Any]] = [json.loads(line) for line in _FILE.read_text("utf-8").splitlines()]

TURNS = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "create_response": True,
    "interrupt_response": True,
}
LOOKUP = {
    "type": "function",
    "name": "lookup_order",
    "description": "Look up an order by number.",
    "parameters": {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]},
}


def config(audio: AudioFormat = "pcmu", **more: Any) -> SessionConfig:
    values: dict[str, Any] = {
        "instructions": "You answer a phone line.",
        "voice": "marin",
        "input_audio": audio,
        "output_audio": audio,
        "turn_detection": TURNS,
        "transcription": {"model": "gpt-transcribe", "language": "en"},
        "noise_reduction": "near_field",
        "tools": (LOOKUP,),
    }
    return SessionConfig(**values | more)


def wire(dialect: str = "ga", audio: AudioFormat = "pcmu", **more: Any) -> RealtimeWire:
    agreed = config(audio, **more)
    return RealtimeWire(DIALECTS[dialect], make_path(agreed.input_audio, agreed.output_audio), lambda _: agreed)
