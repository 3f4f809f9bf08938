"""An agent: who answers the phone, what they say, and what they may do."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from bridge.errors import AgentError
from bridge.tools.base import Tool
from bridge.tools.phone import TRANSFER_TOOL, check_destination, transfer_to

_TOOL_PARTS = ("name", "description", "parameters", "timeout_s", "run", "definition")

_LONGEST_CALL_MINUTES = 55.0
"""A Realtime session lives for 60 minutes; a call is to end with a goodbye and not with its session."""


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """When the model takes it that the caller has finished, and that the caller cuts in.

    The object is always sent whole, because what a server assumes for a missing field differs between servers
    (200 or 500 ms of silence). Defaults are those of the Realtime documentation.
    """

    type: Literal["server_vad", "semantic_vad"] = "server_vad"
    """`server_vad` listens for silence, `semantic_vad` also for whether the sentence is complete."""
    threshold: float = 0.5
    """server_vad: how sure it must be that this is speech, 0 to 1. Noisy lines want 0.6."""
    prefix_padding_ms: int = 300
    """server_vad: how much before the first sure moment belongs to the turn."""
    silence_duration_ms: int = 500
    """server_vad: this much silence ends the turn."""
    idle_timeout_ms: int | None = None
    """server_vad: after this much of nobody speaking (5000 to 30000) the model speaks again."""
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    """semantic_vad: how soon it takes an unfinished sentence for finished."""
    create_response: bool = True
    """The model answers by itself when the turn ends."""
    interrupt_response: bool = True
    """The model stops by itself when the caller cuts in."""

    def __post_init__(self) -> None:
        if self.type not in ("server_vad", "semantic_vad"):
            raise AgentError(f"turn_detection: type is 'server_vad' or 'semantic_vad', not {self.type!r}")
        if not 0.0 <= self.threshold <= 1.0:
            raise AgentError(f"turn_detection: threshold is between 0 and 1, not {self.threshold}")
        if self.prefix_padding_ms < 0 or self.silence_duration_ms < 0:
            raise AgentError("turn_detection: prefix_padding_ms and silence_duration_ms cannot be negative")
        if self.idle_timeout_ms is not None and not 5000 <= self.idle_timeout_ms <= 30000:
            raise AgentError(f"turn_detection: idle_timeout_ms is 5000 to 30000, not {self.idle_timeout_ms}")
        if self.eagerness not in ("low", "medium", "high", "auto"):
            raise AgentError(f"turn_detection: eagerness is low, medium, high or auto, not {self.eagerness!r}")

    def definition(self) -> dict[str, str | float | int | bool]:
        """The `turn_detection` object of a session, complete for its type."""
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


# Without slots: `all_tools` is kept once made.
@dataclass(frozen=True)
class Agent:
    """Who answers. Checked when made: raises AgentError, in one sentence, for what cannot work.

    Change one with `dataclasses.replace`.
    """

    name: str
    """Shown in lists and logs."""
    instructions: str
    """The model's instructions: who it is, what it may say, when to use which tool."""
    greeting: str = ""
    """The first words of a call, spoken as they stand. Empty: the caller speaks first."""
    voice: str = "marin"
    """A voice of the Realtime API: marin and cedar are the best on the phone."""
    tools: Sequence[Tool] = ()
    """What the model may do; kept as a tuple."""
    language: str = "en"
    """What callers speak (ISO 639-1): short turns on a bad line are else written down in any language. Empty: guess."""
    transfer_to: str = ""
    """The number of a person. When set, the model also has the tool `transfer_to_person`."""
    model: str = ""
    """A Realtime model; empty: the one of the settings."""
    turn_detection: TurnDetection = field(default_factory=TurnDetection)
    """When a turn ends."""
    transcription_model: str = "gpt-transcribe"
    """Writes down what the caller says, for the records (billed apart); empty: nothing does."""
    noise_reduction: Literal["near_field", "far_field", ""] = "near_field"
    """`near_field` for handsets, `far_field` for speaker phones; empty: none."""
    max_minutes: float = 30.0
    """The call ends after this time."""

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name.strip()):
            raise AgentError("an agent needs a name")
        if not (isinstance(self.instructions, str) and self.instructions.strip()):
            raise self._wrong("it has no instructions; without them the model follows the server's own")
        if not self.voice:
            raise self._wrong("it has no voice; marin is a good one")
        if self.noise_reduction not in ("near_field", "far_field", ""):
            raise self._wrong(f"noise_reduction is near_field, far_field or empty, not {self.noise_reduction!r}")
        if not (0.0 < self.max_minutes <= _LONGEST_CALL_MINUTES and math.isfinite(self.max_minutes)):
            raise self._wrong(f"max_minutes is between 0 and {_LONGEST_CALL_MINUTES:g}, not {self.max_minutes}")
        if not isinstance(self.turn_detection, TurnDetection):
            raise self._wrong("turn_detection is a TurnDetection(...)")
        self._check_tools()

    @cached_property
    def all_tools(self) -> tuple[Tool, ...]:
        """Everything the model is told of: `tools`, and `transfer_to_person` when there is somebody to transfer to."""
        return (*self.tools, transfer_to(self.transfer_to)) if self.transfer_to else tuple(self.tools)

    def _check_tools(self) -> None:
        if not isinstance(self.tools, list | tuple):
            raise self._wrong("tools is a list of tools")
        object.__setattr__(self, "tools", tuple(self.tools))
        for tool in self.tools:
            if not all(hasattr(tool, part) for part in _TOOL_PARTS):
                hint = "; put @tool above the function" if callable(tool) else ""
                raise self._wrong(f"{getattr(tool, '__name__', repr(tool))} is not a tool{hint}")
            if not tool.description.strip():
                raise self._wrong(f"tool {tool.name!r} has no description; give its function a docstring")
        if self.transfer_to:
            check_destination(self.transfer_to)
        names = [tool.name for tool in self.tools] + [TRANSFER_TOOL] * bool(self.transfer_to)
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise self._wrong(f"more than one tool is called {', '.join(twice)}")

    def _wrong(self, sentence: str) -> AgentError:
        return AgentError(f"agent {self.name!r}: {sentence}")
