"""A phone as physics has it: it plays what it was sent, in order, in real time, and returns marks.

It shares nothing with the ledger it is used to judge: it knows when each byte sounds, the ledger has to find out.
"""

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import dataclass

BYTES_PER_S = 8000.0


@dataclass
class Stretch:
    """Audio in the phone's queue, and the mark behind it."""

    audio: bytes
    mark: str
    starts_at: float
    ends_at: float


class PlayingPhone:
    """Plays in real time of the clock it is shown.

    `start_delay_s`: from the arrival of audio at an empty queue to its first sound. `mark_tick_s`: how often the phone
    looks whether a mark is due. `mark_delay_s`: a mark's way back. `lost`: ordinals of marks that never come back.
    """

    def __init__(
        self,
        *,
        start_delay_s: float = 0.0,
        mark_delay_s: float = 0.0,
        mark_tick_s: float = 0.0,
        lost: Set[int] = frozenset(),
    ) -> None:
        self.start_delay_s = start_delay_s
        self.mark_delay_s = mark_delay_s
        self.mark_tick_s = mark_tick_s
        self.lost = lost
        self._played: list[Stretch] = []
        self._marks: list[tuple[float, str]] = []
        self._count = 0

    def play(self, audio: bytes, mark: str, now: float) -> None:
        """Audio and its mark arrive."""
        last = self._played[-1].ends_at if self._played else -math.inf
        starts = last if last > now else now + self.start_delay_s
        stretch = Stretch(audio, mark, starts, starts + len(audio) / BYTES_PER_S)
        self._played.append(stretch)
        noticed = stretch.ends_at
        if self.mark_tick_s:
            noticed = math.ceil(noticed / self.mark_tick_s - 1e-9) * self.mark_tick_s
        if self._count not in self.lost:
            self._marks.append((noticed + self.mark_delay_s, mark))
        self._count += 1

    def clear(self, now: float) -> None:
        """Silence at once; every pending mark comes back unplayed."""
        for stretch in self._played:
            size = self._sounded(stretch, now)
            stretch.audio, stretch.ends_at = stretch.audio[:size], min(stretch.ends_at, max(now, stretch.starts_at))
        self._played = [s for s in self._played if s.audio]
        self._marks = [(min(at, now + self.mark_delay_s), name) for at, name in self._marks]

    def next_mark_at(self) -> float:
        """When the next mark comes back; infinity when none is pending."""
        return self._marks[0][0] if self._marks else math.inf

    def take_mark(self) -> str:
        """The mark that is due next."""
        return self._marks.pop(0)[1]

    @staticmethod
    def _sounded(stretch: Stretch, now: float) -> int:
        return max(0, min(len(stretch.audio), int((now - stretch.starts_at) * BYTES_PER_S + 1e-6)))

    def heard_ms(self, prefix: str, now: float) -> float:
        """How much of the audio whose marks begin with `prefix` has sounded until `now`."""
        return sum(self._sounded(s, now) for s in self._played if s.mark.startswith(prefix)) / 8.0

    def heard(self, now: float) -> bytes:
        """Everything that has sounded until `now`, without the pauses."""
        return b"".join(s.audio[: self._sounded(s, now)] for s in self._played)
