"""What a rule looks at, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridge.observe.arrivals import Gap
from bridge.observe.story import Story

MOST_TIMES = 8
"""Moments named for one finding."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that went wrong. `rule` is its name for programs, the same for ever."""

    rule: str
    sentence: str
    at_ms: tuple[int, ...]
    """Where to look: moments of the call."""
    advice: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """All that a rule may look at."""

    record: Mapping[str, Any]
    story: Story
    gaps: Sequence[Gap] = ()
    loudest: tuple[float, float] | None = None
    """Of the recording: the loudest moment of caller and agent, 0 to 1. None: there is no recording."""

    @property
    def words_known(self) -> bool:
        """Is what the caller says written down at all in this call?"""
        return any(spoke.text for spoke in self.story.caller)


def seconds(ms: int) -> str:
    """A length for people: 340 ms, 2.4 s."""
    return f"{ms / 1000:.1f} s" if ms >= 1000 else f"{ms} ms"


def short(text: str, most: int = 160) -> str:
    """A text on one line, not too long for a sentence."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
