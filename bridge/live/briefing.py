"""What a session is told: an agent and a caller become a configuration and terms."""

from __future__ import annotations

import json

from bridge.agents.agent import Agent
from bridge.call.limits import Terms
from bridge.config import Settings
from bridge.realtime.session import SessionConfig

PHONE_MANNERS = (
    "You are on the telephone. Speak in short, natural sentences, without lists, symbols or markup. "
    "The caller can interrupt you at any time; then answer what they said. "
    "Keys that the caller presses reach you as text. Read numbers digit by digit."
)
"""Goes before every agent's own instructions: what any voice on a phone must know."""


def session_config(agent: Agent, settings: Settings) -> SessionConfig:
    """The Realtime session for this agent."""
    transcription: dict[str, str] | None = None
    if agent.transcription_model:
        transcription = {"model": agent.transcription_model}
        if agent.language:
            transcription["language"] = agent.language
    return SessionConfig(
        instructions=f"{PHONE_MANNERS}\n\n{agent.instructions.strip()}",
        voice=agent.voice,
        input_audio=settings.input_audio,
        output_audio=settings.output_audio,
        turn_detection=agent.turn_detection.definition(),
        transcription=transcription,
        noise_reduction=agent.noise_reduction or None,
        tools=tuple(tool.definition() for tool in agent.all_tools),
    )


def terms(agent: Agent) -> Terms:
    """What a call with this agent lives by."""
    slowest = max((tool.manner.timeout_s for tool in agent.all_tools), default=0.0)
    detection = agent.turn_detection
    by_silence = detection.type == "server_vad"  # semantic_vad does not tell how much it adds
    return Terms(
        lead_in_ms=detection.prefix_padding_ms if by_silence else 0,
        lead_out_ms=detection.silence_duration_ms if by_silence else 0,
        greeting=greeting_words(agent.greeting),
        model_interrupts=agent.turn_detection.interrupt_response,
        model_answers=agent.turn_detection.create_response,
        longest_s=agent.max_minutes * 60.0,
        tool_s=slowest + 5.0,
    )


def greeting_words(greeting: str) -> str:
    """Instructions that make the model say the greeting word for word; empty for none."""
    if not greeting.strip():
        return ""
    return f"Greet the caller with exactly these words: {json.dumps(greeting.strip(), ensure_ascii=False)}"
