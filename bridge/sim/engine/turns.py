"""From the caller's sound to turns: the input buffer, its clock, and where speech begins and ends.

The clock counts sound, not time: `audio_start_ms` and `audio_end_ms` are positions in all that was ever appended, as
OpenAI counts them, so that a late network does not move them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bridge.audio.voice import FRAME_BYTES, FRAME_MS, ONSET_FRAMES, Detector
from bridge.sim.ears import Ears
from bridge.sim.engine.formats import PCM, EarPath, SoundFormat

EAGERNESS_SILENCE_MS = {"low": 1500, "medium": 800, "auto": 800, "high": 400}
"""`semantic_vad` listens for finished sentences; without that sense, patience stands in for it."""

KEPT_MS = 30_000
"""While turn detection is on and nobody speaks, no more than this waits for a manual commit."""

_EAR_BYTES_PER_MS = 16


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """`audio_start_ms` includes the padding before the first voiced frame."""

    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """`audio_end_ms` includes the silence that ended it."""

    audio_end_ms: int


class InputBuffer:
    """What the caller said since the last commit, and whether they are speaking now."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self.sound: SoundFormat = PCM
        self._path = EarPath(PCM)
        self._detection: dict[str, Any] | None = None
        self._detector: Detector | None = None
        self.clock_ms = 0.0
        self._kept = bytearray()  # PCM16 at 8 kHz
        self._kept_from_ms = 0.0
        self._pending = bytearray()  # less than a frame, not yet judged
        self._judged_ms = 0.0
        self._run = 0  # frames in a row that speak against the present state
        self.speaking = False

    @property
    def buffered_ms(self) -> float:
        """How much sound a commit would take."""
        return self.clock_ms - self._kept_from_ms

    def configure(self, sound: SoundFormat, detection: dict[str, Any] | None) -> None:
        """Take over format and turn detection of the session. What the detector learned of the line is kept."""
        if sound is not self.sound:
            self.sound, self._path = sound, EarPath(sound)
        if detection is None:
            self._detector, self.speaking, self._run = None, False, 0
        elif self._detector is None or detection.get("threshold") != (self._detection or {}).get("threshold"):
            self._detector = self._ears.detector(detection.get("threshold", 0.5))
            self._judged_ms = self.clock_ms
            self._pending.clear()
        self._detection = detection

    def feed(self, data: bytes) -> Iterator[SpeechStarted | SpeechStopped]:
        """The next bytes of the caller. Iterate to the end: each step judges the frames up to the next turn."""
        heard = self._path.feed(data)
        self.clock_ms += self.sound.duration_ms(len(data))
        self._kept += heard
        if self._detector is None:
            return
        self._pending += heard
        while self._detector is not None and len(self._pending) >= FRAME_BYTES:
            frame = bytes(self._pending[:FRAME_BYTES])
            del self._pending[:FRAME_BYTES]
            self._judged_ms += FRAME_MS
            if turn := self._judge(self._detector.voiced(frame)):
                yield turn
        if not self.speaking:
            self._forget_until(self.clock_ms - KEPT_MS)

    def take(self, until_ms: float | None = None) -> bytes:
        """Empty the buffer (up to a position of the clock): PCM16 at 8 kHz."""
        end_ms = self.clock_ms if until_ms is None else until_ms
        length = max(0, int((end_ms - self._kept_from_ms) * _EAR_BYTES_PER_MS)) // 2 * 2
        taken = bytes(self._kept[:length])
        self._forget_until(end_ms)
        if until_ms is None:
            self.speaking, self._run = False, 0
        return taken

    def _judge(self, voiced: bool) -> SpeechStarted | SpeechStopped | None:
        detection = self._detection or {}
        self._run = self._run + 1 if voiced != self.speaking else 0
        if not self.speaking and self._run >= ONSET_FRAMES:
            self.speaking, self._run = True, 0
            onset_ms = self._judged_ms - ONSET_FRAMES * FRAME_MS
            start_ms = max(self._kept_from_ms, onset_ms - detection.get("prefix_padding_ms", 300))
            self._forget_until(start_ms)
            return SpeechStarted(int(start_ms))
        if self.speaking and self._run * FRAME_MS >= max(self._silence_ms(), ONSET_FRAMES * FRAME_MS):
            self.speaking, self._run = False, 0
            return SpeechStopped(int(self._judged_ms))
        return None

    def _silence_ms(self) -> int:
        detection = self._detection or {}
        if "eagerness" in detection:
            return EAGERNESS_SILENCE_MS[detection["eagerness"]]
        return int(detection.get("silence_duration_ms", 500))

    def _forget_until(self, position_ms: float) -> None:
        gone_ms = position_ms - self._kept_from_ms
        if gone_ms > 0:
            del self._kept[: int(gone_ms * _EAR_BYTES_PER_MS) // 2 * 2]
            self._kept_from_ms = position_ms
