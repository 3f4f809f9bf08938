"""The recording: caller left, agent right at the time it was heard.

The caller's stream is the clock: its bytes count the time since the phone was attached, gaps included. The agent's
audio arrives here when its mark has come back, up to a few hundred ms after it was heard, and is laid at its place; so
the last `BEHIND_MS` stay in memory and everything older goes to the file, in the disk's thread. There the recording's
outline is drawn, too (`peaks.json` beside it), so that a page can show an hour of call without reading its sound.
What a full disk refuses is written when there is room, at its place; what had to be given up is silence.
"""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path

from bridge.audio.kept import ulaw_to_kept
from bridge.audio.peaks import Peaks
from bridge.audio.sides import Sides
from bridge.audio.wav import StereoWav
from bridge.errors import StoreError
from bridge.store.disk import Disk
from bridge.store.folder import PEAKS
from bridge.store.owed import Sound

BEHIND_MS = 3_000
"""Agent audio may be told this late: a 200 ms chunk, its mark's round trip, and a phone that plays late."""
STEP_MS = 1_000
"""The file grows by this much at a time; a killed process loses BEHIND_MS + STEP_MS at most."""
TOGETHER = 10
"""Pieces in one go, when a disk takes again what it refused: 320 kB."""


class Recorder:
    """One call's recording. The file is made at the first sound of the caller."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._path = path
        self._disk = disk
        self._wav: StereoWav | None = None
        self._peaks = Peaks()
        self._sides = Sides()
        self._closed = False
        self._pieces: deque[Sound] = deque()  # added to by the call, taken from by the disk's thread
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
        if left and (self._wav is not None or self._pieces or self._sides.caller_size):
            self._write(left)
        self._disk.submit(self._close_file, self._path, self._give_up)

    def _write(self, size: int) -> None:
        self._pieces.append(Sound(*self._sides.take(size)))
        self._disk.submit(self._write_pieces, self._path, self._give_up)

    def _write_pieces(self) -> bool:
        """Some of what waits, as a rule the one that has just come; is there more?"""
        try:
            if self._wav is None and self._pieces:
                self._wav = StereoWav(self._path)
            for _ in range(TOGETHER):
                if self._wav is None or not self._pieces:
                    break
                self._write_piece(self._wav, self._pieces[0])
                self._disk.owed.release(self._pieces.popleft())
        except StoreError:
            for piece in self._unknown():
                self._disk.owed.keep(piece)
            raise
        return bool(self._pieces)

    def _write_piece(self, wav: StereoWav, piece: Sound) -> None:
        if piece.sides is None:
            both = (bytes(2 * piece.size),) * 2
        else:
            both = ulaw_to_kept(piece.sides[0]), ulaw_to_kept(piece.sides[1])
        wav.append(*both)
        self._peaks.add(*both)

    def _unknown(self) -> list[Sound]:
        """Pieces that came since the disk refused last. By their places: the call's thread adds more meanwhile."""
        first = size = len(self._pieces)
        while first and not self._disk.owed.knows(self._pieces[first - 1]):
            first -= 1
        return [self._pieces[at] for at in range(first, size)]

    def _give_up(self) -> None:
        """No room would mend it: what waits becomes silence, for the case that what follows can be written."""
        at = len(self._pieces)
        while at and self._pieces[at - 1].sides is not None:
            at -= 1
            self._disk.owed.release(self._pieces[at])
            self._pieces[at].sides = None
        if self._closed:
            self._pieces.clear()
            if self._wav is not None:
                self._wav.close()

    def _close_file(self) -> bool:
        if self._write_pieces():
            return True
        if self._wav is not None:
            drawn = json.dumps(self._peaks.drawn(), separators=(",", ":"))
            self._path.with_name(PEAKS).write_text(drawn, encoding="utf-8")
            self._wav.close()
        return False
