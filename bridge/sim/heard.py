"""Sound with the times at which it was heard, as a tape that starts when the call is answered.

Stretches that follow each other without a gap become one segment; between segments there was silence.
"""

from __future__ import annotations

from bridge.audio.g711 import SAMPLE_RATE_HZ, ULAW_SILENCE

_GAPLESS_S = 0.001


class Heard:
    """mu-law at 8 kHz on a time line; `segments` are (start in s of the loop's clock, bytes)."""

    def __init__(self) -> None:
        self.began_s: float | None = None
        self._segments: list[tuple[float, bytearray]] = []
        self._end_s = 0.0

    @property
    def segments(self) -> list[tuple[float, bytes]]:
        """Every stretch of sound with its start time."""
        return [(at_s, bytes(sound)) for at_s, sound in self._segments]

    @property
    def sound(self) -> bytes:
        """The sound alone, without the silences between segments: mu-law, as it was sent."""
        return b"".join(bytes(sound) for _, sound in self._segments)

    def begin(self, at_s: float) -> None:
        """The tape starts here."""
        self.began_s = self._end_s = at_s

    def add(self, ulaw: bytes, at_s: float) -> None:
        """Sound that began to be heard at `at_s`; empty sound is silence and leaves no trace."""
        if not ulaw:
            return
        if self._segments and abs(at_s - self._end_s) < _GAPLESS_S:
            self._segments[-1][1].extend(ulaw)
        else:
            self._segments.append((at_s, bytearray(ulaw)))
        self._end_s = at_s + len(ulaw) / SAMPLE_RATE_HZ

    def tape(self, until_s: float | None = None) -> bytes:
        """Everything as one piece of mu-law, gaps as silence, from the beginning to `until_s` or the last sound."""
        if self.began_s is None:
            return b""
        tape = bytearray()
        for at_s, sound in self._segments:
            start = max(round((at_s - self.began_s) * SAMPLE_RATE_HZ), len(tape))
            tape += bytes((ULAW_SILENCE,)) * (start - len(tape)) + sound
        if until_s is not None:
            tape += bytes((ULAW_SILENCE,)) * (round((until_s - self.began_s) * SAMPLE_RATE_HZ) - len(tape))
        return bytes(tape)

    def between(self, from_s: float, to_s: float) -> bytes:
        """The tape from one time to another, in seconds after its beginning."""
        tape = self.tape((self.began_s or 0.0) + to_s)
        return tape[round(from_s * SAMPLE_RATE_HZ) : round(to_s * SAMPLE_RATE_HZ)]
