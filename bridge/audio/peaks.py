"""The outline of a recording: how loud each side is, drawn while the sound comes by.

One point is the loudest sample of a stretch, 0 to 100. A stretch is 20 ms to begin with; when there are more than
`MOST_POINTS`, neighbours become one and a stretch is twice as long. So a picture of a call needs no sound and is of one
size, be it of a minute or of hours: at most 1,500 points a side, some 12 kB.
"""

from __future__ import annotations

import audioop
from pathlib import Path
from typing import Any

from bridge.audio.wav import read_sides

MOST_POINTS = 1_500
STEP_MS = 20
_FULL = 32_768
_SAMPLE_BYTES = 2


class Peaks:
    """Two sides at 8 kHz, PCM16."""

    def __init__(self) -> None:
        self._width = 1
        """Steps of 20 ms in one point."""
        self._points: tuple[list[int], list[int]] = ([], [])
        self._now = [0, 0]
        self._steps = 0
        """Of the point that is being drawn."""
        self._rest = (b"", b"")
        self._samples = 0

    def add(self, left: bytes, right: bytes) -> None:
        """Sound of both sides, of one length."""
        self._samples += len(left) // _SAMPLE_BYTES
        left, right = self._rest[0] + left, self._rest[1] + right
        size = STEP_MS * 8 * _SAMPLE_BYTES
        whole = len(left) // size * size
        for at in range(0, whole, size):
            self._step(audioop.max(left[at : at + size], 2), audioop.max(right[at : at + size], 2))
        self._rest = left[whole:], right[whole:]

    def _step(self, left: int, right: int) -> None:
        self._now[0], self._now[1] = max(self._now[0], left), max(self._now[1], right)
        self._steps += 1
        if self._steps == self._width:
            self._point()

    def _point(self) -> None:
        for side in (0, 1):
            self._points[side].append(min(100, round(100 * self._now[side] / _FULL)))
        self._now, self._steps = [0, 0], 0
        if len(self._points[0]) > MOST_POINTS:
            self._width *= 2
            for points in self._points:
                points[:] = [max(points[at : at + 2]) for at in range(0, len(points), 2)]

    def drawn(self) -> dict[str, Any]:
        """The outline so far, for JSON; caller first, as in the recording."""
        sides = [list(points) for points in self._points]
        if self._steps:
            for side in (0, 1):
                sides[side].append(min(100, round(100 * self._now[side] / _FULL)))
        found = {"version": 1, "duration_ms": self._samples // 8, "point_ms": self._width * STEP_MS}
        return found | {"caller": sides[0][:MOST_POINTS], "agent": sides[1][:MOST_POINTS]}


def outline(path: Path) -> dict[str, Any]:
    """The outline of a recording that was made without one. Blocks. Raises StoreError for what is no recording."""
    peaks = Peaks()
    for left, right in read_sides(path):
        peaks.add(left, right)
    return peaks.drawn()
