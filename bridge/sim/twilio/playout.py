"""What the bridge sent and the caller has not heard yet: one queue of mu-law, with marks between the bytes.

Positions are bytes since the stream began, so a mark knows by one number whether all before it was played.
"""

from __future__ import annotations

from collections import deque

from bridge.sim.phone import FRAME_BYTES

MOST_QUEUED_BYTES = 10 * 60 * 8000  # 31931: more than ten minutes is thrown away


class Playout:
    """The carrier's play-out buffer of one stream."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._marks: deque[tuple[int, str]] = deque()
        self.played = 0  # bytes handed to the ear so far, flushed ones counted too
        self._end = 0  # position behind the last queued byte

    @property
    def queued_bytes(self) -> int:
        """Bytes waiting."""
        return self._end - self.played

    @property
    def pending_marks(self) -> int:
        """Marks waiting."""
        return len(self._marks)

    def add(self, ulaw: bytes) -> bool:
        """Queue audio; False when there is no room, and it is dropped."""
        if self.queued_bytes + len(ulaw) > MOST_QUEUED_BYTES:
            return False
        self._chunks.append(ulaw)
        self._end += len(ulaw)
        return True

    def mark(self, name: str) -> None:
        """Remember a mark behind everything queued so far."""
        self._marks.append((self._end, name))

    def take(self) -> bytes:
        """The next 20 ms; shorter, or empty, when the queue runs dry."""
        parts, wanted = [], FRAME_BYTES
        while wanted and self._chunks:
            chunk = self._chunks.popleft()
            if len(chunk) > wanted:
                self._chunks.appendleft(chunk[wanted:])
                chunk = chunk[:wanted]
            parts.append(chunk)
            wanted -= len(chunk)
        frame = b"".join(parts)
        self.played += len(frame)
        return frame

    def reached(self) -> list[tuple[int, str]]:
        """Take out the marks all of whose audio has been handed over: (position, name)."""
        found = []
        while self._marks and self._marks[0][0] <= self.played:
            found.append(self._marks.popleft())
        return found

    def clear(self) -> list[str]:
        """Drop all audio; answers the names of all pending marks, which now come back early."""
        self._chunks.clear()
        self.played = self._end
        names = [name for _, name in self._marks]
        self._marks.clear()
        return names
