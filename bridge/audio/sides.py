"""Both sides of a call in step: what the caller said as it came, what the agent said where it was heard.

The caller's stream is the clock: its bytes count the time. The agent's audio is told late, up to a few hundred ms after
it was heard, and is laid at its place; so whoever takes from here leaves the newest part alone for a while.
Units: bytes of mu-law at 8 kHz, 8 a millisecond.
"""

from __future__ import annotations

LONGEST_JUMP_MS = 600_000
"""Agent audio placed further ahead than this is not believed."""
_SILENCE = b"\xff"


class Sides:
    """Two tracks from `start` on. What was taken is gone."""

    def __init__(self, start: int = 0) -> None:
        self.start = start
        """Bytes of either side before those that are here."""
        self._caller = bytearray()
        self._agent = bytearray()

    @property
    def caller_size(self) -> int:
        """Bytes of the caller that are here."""
        return len(self._caller)

    @property
    def size(self) -> int:
        """Bytes of the longer side."""
        return max(len(self._caller), len(self._agent))

    def caller(self, audio: bytes) -> None:
        """What the caller said goes on."""
        self._caller += audio

    def silence(self, size: int) -> None:
        """So much of the caller never came."""
        self._caller += _SILENCE * max(0, min(size, LONGEST_JUMP_MS * 8))

    def agent(self, audio: bytes, at: int) -> None:
        """What the agent said, heard from `at` on. What is older than what was taken is lost."""
        at -= self.start
        if at < 0:
            audio, at = audio[-at:], 0
        if not audio or at > LONGEST_JUMP_MS * 8:
            return
        if len(self._agent) < at:
            self._agent += _SILENCE * (at - len(self._agent))
        self._agent[at : at + len(audio)] = audio

    def take(self, size: int) -> tuple[bytes, bytes]:
        """The oldest part: caller and agent, each of this size; silence where nothing was said."""
        caller, agent = bytes(self._caller[:size]), bytes(self._agent[:size])
        del self._caller[:size], self._agent[:size]
        self.start += size
        return caller.ljust(size, _SILENCE), agent.ljust(size, _SILENCE)

    def skip_to(self, start: int) -> None:
        """Go on at another place; what is here is given up."""
        self._caller.clear()
        self._agent.clear()
        self.start = start
