"""When the caller's audio came, frame by frame: the stalls and holes of a network, found in the call's black box.

A frame says how much sound it holds, so a pause of the wire longer than that is one. What comes in a burst behind it
was late; what does not was lost on the way. Legs that were sent away on purpose (keys, a transfer) begin anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

LEAST_GAP_MS = 250
"""A phone network's own jitter stays far below; a listener misses a syllable from here on."""
CAUGHT_UP_MS = 120
"""So near to what it would have been without the gap, the audio was late and not lost."""


@dataclass(frozen=True, slots=True)
class Gap:
    """So long nothing came from the caller's side. `lost_ms` of it never did."""

    at_ms: int
    length_ms: int
    lost_ms: int


def find_gaps(box: Iterable[Any]) -> list[Gap]:
    """The gaps of a call; `box` are the lines of its black box, decoded. Lines that are none are left out."""
    finder = _Finder()
    for line in box:
        if isinstance(line, list) and len(line) == 3:
            finder.take(*line)
    return finder.finish()


class _Finder:
    def __init__(self) -> None:
        self._zero: float | None = None
        self._last: float | None = None
        """When the sound of the last frame was over, at the latest."""
        self._begun = 0.0
        self._sound_s = 0.0
        """Sound of this leg so far, and when the leg began: their difference is how far it is behind."""
        self._open: tuple[float, float, float] | None = None
        """A gap that may yet be made up for: when, how long, how far behind the leg was before it."""
        self._found: list[Gap] = []

    def take(self, now: Any, name: Any, fields: Any) -> None:
        """One line."""
        if name == "frames" and isinstance(fields, list) and len(fields) == 2:
            size, times = fields
            for at in times:
                self._frame(float(at), size / 8000.0)
        elif name == "PhoneGap" and isinstance(fields, dict):
            self._hole(float(now), float(fields.get("ms", 0)))
        elif name == "PhoneAttached":
            self._zero = float(now) if self._zero is None else self._zero
            self._leave()
        elif name == "PhoneLost":
            self._leave()

    def finish(self) -> list[Gap]:
        """No more lines."""
        self._close(None)
        return sorted(self._found, key=lambda gap: gap.at_ms)

    def _frame(self, at: float, length: float) -> None:
        if self._last is None:
            self._begun, self._sound_s = at - length, 0.0
        elif at - self._last - length >= LEAST_GAP_MS / 1000.0:
            self._close(None)
            self._open = (self._last, at - self._last - length, self._behind(self._last))
        self._sound_s += length
        self._last = at
        if self._open is not None and self._behind(at) - self._open[2] <= CAUGHT_UP_MS / 1000.0:
            self._close(0.0)

    def _behind(self, at: float) -> float:
        return at - self._begun - self._sound_s

    def _hole(self, now: float, ms: float) -> None:
        """The phone company says that so much was lost, just before the frame behind it: that pause is explained."""
        self._sound_s += ms / 1000.0
        if ms >= LEAST_GAP_MS:
            self._found.append(Gap(self._ms(now - ms / 1000.0), round(ms), round(ms)))
        if self._last is not None:
            self._last = min(now, self._last + ms / 1000.0)

    def _close(self, lost: float | None) -> None:
        if self._open is None or self._last is None:
            return
        began, length, behind = self._open
        gone = max(0.0, self._behind(self._last) - behind) if lost is None else lost
        self._found.append(Gap(self._ms(began), round(length * 1000), round(min(gone, length) * 1000)))
        self._open = None

    def _leave(self) -> None:
        self._close(None)
        self._last = None

    def _ms(self, at: float) -> int:
        return round((at - (self._zero if self._zero is not None else at)) * 1000)
