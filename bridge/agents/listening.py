"""How an agent listens: when a turn of the caller ends, and what happens when nobody speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bridge.errors import AgentError


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """When the model takes it that the caller has finished, and that the caller cuts in.

    The object is always sent whole, because what a server assumes for a missing field differs between servers
    (200 or 500 ms of silence). Defaults are those of the Realtime documentation.
    """

    type: Literal["server_vad", "semantic_vad", "local"] = "server_vad"
    """`server_vad` listens for silence, `semantic_vad` also for whether the sentence is complete. With `local` turns
    are detected here (by Silero's detector where the extra `local` is installed, else by level) and the model hears
    speech alone: less to pay for, and the same turns at every server."""
    threshold: float = 0.5
    """server_vad, local: how sure it must be that this is speech, 0 to 1. Noisy lines want 0.6."""
    prefix_padding_ms: int = 300
    """server_vad, local: how much before the first sure moment belongs to the turn."""
    silence_duration_ms: int = 500
    """server_vad, local: this much silence ends the turn."""
    idle_timeout_ms: int | None = None
    """server_vad: after this much of nobody speaking (5000 to 30000) the model speaks again."""
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    """semantic_vad: how soon it takes an unfinished sentence for finished."""
    create_response: bool = True
    """The model answers by itself when the turn ends."""
    interrupt_response: bool = True
    """The model stops by itself when the caller cuts in."""

    def __post_init__(self) -> None:
        if self.type not in ("server_vad", "semantic_vad", "local"):
            raise AgentError(f"turn_detection: type is server_vad, semantic_vad or local, not {self.type!r}")
        if self.type == "local" and self.idle_timeout_ms is not None:
            raise AgentError("turn_detection: idle_timeout_ms is the server's; with local use Silence(...)")
        if not 0.0 <= self.threshold <= 1.0:
            raise AgentError(f"turn_detection: threshold is between 0 and 1, not {self.threshold}")
        if self.prefix_padding_ms < 0 or self.silence_duration_ms < 0:
            raise AgentError("turn_detection: prefix_padding_ms and silence_duration_ms cannot be negative")
        if self.idle_timeout_ms is not None and not 5000 <= self.idle_timeout_ms <= 30000:
            raise AgentError(f"turn_detection: idle_timeout_ms is 5000 to 30000, not {self.idle_timeout_ms}")
        if self.eagerness not in ("low", "medium", "high", "auto"):
            raise AgentError(f"turn_detection: eagerness is low, medium, high or auto, not {self.eagerness!r}")

    def definition(self) -> dict[str, str | float | int | bool] | None:
        """The `turn_detection` object of a session, complete for its type; None when the server detects nothing."""
        if self.type == "local":
            return None
        both = {"create_response": self.create_response, "interrupt_response": self.interrupt_response}
        if self.type == "semantic_vad":
            return {"type": self.type, "eagerness": self.eagerness, **both}
        # Older servers do not know idle_timeout_ms, and no server has another default than none.
        idle = {} if self.idle_timeout_ms is None else {"idle_timeout_ms": self.idle_timeout_ms}
        return {
            "type": self.type,
            "threshold": self.threshold,
            "prefix_padding_ms": self.prefix_padding_ms,
            "silence_duration_ms": self.silence_duration_ms,
            **idle,
            **both,
        }


@dataclass(frozen=True, slots=True)
class Silence:
    """When neither side has spoken: ask, ask again, say goodbye. Raises AgentError."""

    after_s: float = 30.0
    """Nobody has spoken for this long: the agent says the first of `say`, after as long again the next one."""
    say: Sequence[str] = ()
    """Questions, word for word, such as "Are you still there?". Empty: the agent waits in silence."""
    goodbye_after_s: float = 120.0
    """Nobody has spoken for this long, or since the last question: the agent says goodbye and hangs up."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "say", (self.say,) if isinstance(self.say, str) else tuple(self.say))
        if not (self.after_s > 0 and self.goodbye_after_s > 0):
            raise AgentError("silence: after_s and goodbye_after_s are seconds, more than 0")
