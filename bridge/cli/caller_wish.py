"""What the pretend caller shall do: say words, play a WAV file, or follow the bundled score. Checked before it runs."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.errors import UsageError

SAMPLE_RATE_HZ = 8000
SHORTEST_S = 0.1
"""Nothing shorter is a word to any ear."""


@dataclass(frozen=True, slots=True)
class CallerWish:
    """Words to say one after the other, or a WAV file; neither is the bundled score. `wav_s`: how long it lasts."""

    say: tuple[str, ...] = ()
    wav: Path | None = None
    wav_s: float = 0.0

    @property
    def default(self) -> bool:
        """The bundled score."""
        return not self.say and self.wav is None

    def as_request(self) -> dict[str, Any]:
        """The body of `POST /sim/calls`."""
        if self.wav is not None:
            return {"wav": str(self.wav)}
        return {"say": list(self.say)} if self.say else {}


def caller_wish(say: Sequence[str], wav: Path | None) -> CallerWish:
    """The wish of --say and --wav. Raises UsageError when it cannot be fulfilled here."""
    if say and wav is not None:
        raise UsageError("--say and --wav exclude each other: a caller says words or plays a file")
    if wav is not None:
        return CallerWish(wav=wav.resolve(), wav_s=_seconds(wav))
    for text in say:
        _check_sayable(text)
    return CallerWish(say=tuple(say))


def _seconds(wav: Path) -> float:
    from bridge.audio.wav import read_wav

    seconds = len(read_wav(wav, SAMPLE_RATE_HZ)) / 2 / SAMPLE_RATE_HZ
    if seconds < SHORTEST_S:
        raise UsageError(f"{wav}: holds {seconds * 1000:.0f} ms of sound; a caller needs at least 100")
    return seconds


def _check_sayable(text: str) -> None:
    from bridge.sim.voice import Mouth, normalised

    if not normalised(text):
        raise UsageError(f"--say {text!r} holds no word that could be said")
    if importlib.util.find_spec("espeakng_loader") is not None:
        return
    mouth = Mouth()
    try:
        if not mouth.known(text, "caller"):
            raise UsageError(
                f"nothing here can say {text!r}: install the extra (pip install 'callbridge[local]'), "
                "or use --wav or one of the bundled script's sentences"
            )
    finally:
        mouth.close()
