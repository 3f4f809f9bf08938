"""What is wrong with an agent, each with its place: what `agents check` prints and a broken file is refused with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong. `line` counts from 1; 0 when no line is known. `source` is the file or module."""

    line: int
    level: Level
    sentence: str
    source: str = ""

    def __str__(self) -> str:
        """`reception.toml:14: voice 'marinn' is unknown; did you mean marin?`"""
        place = f"{self.source}:{self.line}" if self.line else self.source
        return f"{place}: {self.sentence}" if place else self.sentence


class Source(Protocol):
    """Where an agent was written down, so that a problem can name the line."""

    @property
    def name(self) -> str:
        """The file, as its reader would write it."""

    def line(self, *keys: str | int) -> int:
        """The line of a field of the agent, or of the nearest thing around it; 0 when that is not known."""

    def says(self, *keys: str | int) -> bool:
        """Is this written there, and not only a default?"""


def errors(problems: Sequence[Problem]) -> list[Problem]:
    """Those with which an agent cannot be used."""
    return [problem for problem in problems if problem.level == "error"]
