"""The recording: caller left, agent right at the time it was heard.

The caller's stream is the clock: its bytes count the time since the phone was attached, gaps included. The agent's
audio arrives here when its mark has come back, up to a few hundred ms after it was heard, and is laid at its place; so
the last `BEHIND_MS` stay in memory and everything older goes to the file, in the disk's thread. There the recording's
outline is drawn, too (`peaks.json` beside it), so that a page can show an hour of call without reading its sound.
What a disk refuses is written with the next piece, at its place.
"""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path

from bridge.audio.kept import ulaw_to_kept
from bridge.audio.peaks import Peaks
from bridge.audio.sides import Sides
from bridge.audio.wav import StereoWav
from bridge.store.disk import Disk
from bridge.store.folder import PEAKS

BEHIND_MS = 3_000
"""Agent audio may be told this late: a 200 ms chunk, its mark's round trip, and a phone that plays late."""
STEP_MS = 1_000
"""The file grows by this much at a time; a killed process loses BEHIND_MS + STEP_MS at most."""
MOST_OWED = 600
"""Pieces that wait for a disk that refuses: ten minutes, 10 MB. What is more is given up."""


class Recorder:
    """One call's recording. The file is made at the first sound of the caller."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._path = path
        self._disk = disk
        self._wav: StereoWav | None = None
        self._peaks = Peaks()
        self._sides = Sides()
        self._closed = False
        self._owed: deque[tuple[bytes, bytes]] = deque()  # only the disk's thread touches this
        self.started_at: float | None = None
        """When the first caller audio began, on the session's clock."""

    def caller(self, audio: bytes, at: float) -> None:
        """Caller audio (mu-law) as it came."""
        if self.started_at is None:
            self.started_at = at
        self._sides.caller(audio)
        if self._sides.caller_size >= (BEHIND_MS + STEP_MS) * 8:
            self._write(STEP_MS * 8)

    def attached(self, at: float) -> None:
        """A leg is on, the first or another: while there was none, there was silence."""
        if self.started_at is None:
            self.started_at = at
        self._sides.silence(round((at - self.started_at) * 8000) - self._sides.start - self._sides.caller_size)

    def caller_gap(self, ms: int) -> None:
        """Caller audio that never came: silence, so that both sides stay in time."""
        self._sides.silence(ms * 8)

    def heard(self, audio: bytes, at_ms: float) -> None:
        """Agent audio, laid where it was heard. What is older than the file's end was written as silence already."""
        self._sides.agent(audio, round(at_ms * 8))

    def close(self) -> None:
        """Write what is left. The file is whole when the disk has drained."""
        if self._closed:
            return
        self._closed = True
        left = self._sides.size
        if left and (self._wav is not None or self._sides.caller_size):
            self._write(left)
        self._disk.submit(self._close_file, owed_as=self._path)

    def _write(self, size: int) -> None:
        caller, agent = self._sides.take(size)
        self._disk.submit(lambda: self._append(caller, agent))

    def _append(self, left: bytes, right: bytes) -> None:
        if len(self._owed) < MOST_OWED:
            self._owed.append((left, right))
        self._write_owed()

    def _write_owed(self) -> None:
        if self._wav is None and self._owed:
            self._wav = StereoWav(self._path)
        while self._wav is not None and self._owed:
            left, right = self._owed[0]
            both = ulaw_to_kept(left), ulaw_to_kept(right)
            self._wav.append(*both)
            self._peaks.add(*both)
            self._owed.popleft()

    def _close_file(self) -> None:
        self._write_owed()
        if self._wav is not None:
            drawn = json.dumps(self._peaks.drawn(), separators=(",", ":"))
            self._path.with_name(PEAKS).write_text(drawn, encoding="utf-8")
            self._wav.close()
