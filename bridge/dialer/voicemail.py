"""Recordings that are left on answering machines: WAV files as the phone plays them, read before anybody is called."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bridge.audio.g711 import SAMPLE_RATE_HZ, pcm16_to_ulaw
from bridge.audio.wav import read_wav
from bridge.errors import UsageError

LONGEST_S = 120
"""No machine listens longer."""


class Recordings:
    """The recordings of this process, each read once."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    async def load(self, path: str) -> None:
        """Read a file, away from the loop. Raises UsageError, one sentence."""
        if path and path not in self._known:
            self._known[path] = await asyncio.to_thread(_read, Path(path))

    def get(self, path: str) -> bytes:
        """Mu-law at 8 kHz of a file that was loaded; empty when it was not."""
        return self._known.get(path, b"")


def _read(path: Path) -> bytes:
    sound = pcm16_to_ulaw(read_wav(path, SAMPLE_RATE_HZ))
    if not sound:
        raise UsageError(f"{path}: there is no sound in it")
    if len(sound) > LONGEST_S * SAMPLE_RATE_HZ:
        raise UsageError(f"{path}: is longer than {LONGEST_S} s, and no answering machine takes that")
    return sound
