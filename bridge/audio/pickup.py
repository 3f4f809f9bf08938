"""What a line sounds like in its first seconds: does somebody speak, and is a steady tone on it?

For the opening of an outbound call only. Each 20 ms cost two detectors: the level (audioop) and, when the frame is loud
enough for either, one spectrum of the last 60 ms (numpy, some 30 us). What is found is told when it changes, and at
steps while it lasts, so that whoever judges it need not count frames.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bridge.audio.g711 import ulaw_to_pcm16
from bridge.audio.level import rms_dbfs
from bridge.audio.voice import FRAME_MS, RATE_HZ, Detector, EnergyDetector

ULAW_FRAME = 8 * FRAME_MS
STEP_FRAMES = 5
"""100 ms: a state that lasts is told this often ..."""
STEPS = 30
"""... for 3 s; nothing is decided later than that."""
VOICE_STEP_FRAMES = 25
"""500 ms: the same of speech."""
ONSET_FRAMES = 4
"""80 ms of voice in a row are speech. One more than a turn's onset: 60 ms is what a tone is known by."""
END_FRAMES = STEP_FRAMES
"""Speech has ended when 100 ms were without; shorter gaps are between syllables."""

WINDOW = 480
"""60 ms: neighbours in a spectrum are 17 Hz apart, which tells a tone from a voice, and is short for a beep of 120."""
LOWEST_HZ, HIGHEST_HZ = 330, 2150
"""Where beeps (350 to 2100 Hz), fax and network tones are. Below are the fundamentals of voices."""
QUIETEST_TONE_DBFS = -42.0
PURE = 0.94
"""This share of the power lies in one peak (or two): measured on synthetic voices, no vowel stays above it for long."""
LOBE = 3
"""Bins to either side of a peak that are the window's doing."""
SECOND = 0.12
"""A second peak counts from here on, as a share of all power."""
DRIFT = 0.012
"""A tone stays within this share of its frequency from window to window; a held vowel wanders."""
SURE_WINDOWS = 4
"""So many windows in a row (120 ms of sound) are a tone. A vowel of 100 was found in 21 synthetic prompts."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What the line sounds like now; fields as of the event `LineHeard`."""

    voice: bool
    ms: int
    tone_hz: int = 0
    tone_ms: int = 0
    tone_ended: bool = False
    second_hz: int = 0


class LineEar:
    """One line's. Give it every 20 ms of mu-law, and look at what it says."""

    def __init__(self, detector: Detector | None = None) -> None:
        self._detector = detector or EnergyDetector()
        self._tone = ToneEar()
        self._voice = False
        self._run = 0  # voiced frames in a row
        self._frames = 0  # how long somebody has spoken, or nobody has
        self._quiet = 0  # frames without voice while somebody speaks
        self._rest = b""

    def hear(self, ulaw: bytes) -> list[Sound]:
        """The line's next sound, 20 ms as a rule: what there is to be told about it."""
        if len(ulaw) == ULAW_FRAME and not self._rest:
            return self._frame(ulaw)
        sound = self._rest + ulaw
        whole = len(sound) // ULAW_FRAME * ULAW_FRAME
        self._rest = sound[whole:]
        return [told for at in range(0, whole, ULAW_FRAME) for told in self._frame(sound[at : at + ULAW_FRAME])]

    def _frame(self, ulaw: bytes) -> list[Sound]:
        pcm = ulaw_to_pcm16(ulaw)
        tone = self._tone.hear(pcm)
        voiced = self._detector.voiced(pcm) and not self._tone.pure
        changed = self._speaking(voiced) if self._voice else self._silent(voiced)
        told = []
        if tone is not None:
            told.append(Sound(self._voice, self._ms, tone.hz, tone.ms, tone.ended, tone.second_hz))
        elif changed:
            told.append(Sound(self._voice, self._ms))
        return told

    @property
    def _ms(self) -> int:
        return self._frames * FRAME_MS

    def _speaking(self, voiced: bool) -> bool:
        self._frames += 1
        self._quiet = 0 if voiced else self._quiet + 1
        if self._quiet >= END_FRAMES:
            self._voice, self._frames, self._run = False, self._quiet, 0
            return True
        return self._frames % VOICE_STEP_FRAMES == 0

    def _silent(self, voiced: bool) -> bool:
        self._run = self._run + 1 if voiced else 0
        self._frames = 0 if self._tone.pure else self._frames + 1  # what follows a tone is counted from its end
        if self._run >= ONSET_FRAMES:
            self._voice, self._frames, self._quiet = True, self._run, 0
            return True
        return 0 < self._frames <= STEPS * STEP_FRAMES and self._frames % STEP_FRAMES == 0


@dataclass(frozen=True, slots=True)
class Tone:
    """A steady tone, of one frequency or two (the lower one first)."""

    hz: int
    ms: int
    ended: bool
    second_hz: int


class ToneEar:
    """Finds steady tones: 120 ms after one began, then at steps, then once more when it has ended."""

    def __init__(self) -> None:
        self._window: deque[bytes] = deque(maxlen=WINDOW * 2 // (2 * ULAW_FRAME))
        self._hz = self._second_hz = 0.0
        self._windows = 0
        self.pure = False
        """The last 60 ms were one tone (or two) and nothing else."""

    def hear(self, pcm: bytes) -> Tone | None:
        """The next 20 ms of PCM16."""
        self._window.append(pcm)
        found = None
        if len(self._window) == self._window.maxlen and rms_dbfs(pcm) >= QUIETEST_TONE_DBFS:
            found = peaks(b"".join(self._window))
        self.pure = found is not None
        if found is not None and self._windows and self._goes_on(found):
            self._windows += 1
            due = self._windows == SURE_WINDOWS or (self._windows > SURE_WINDOWS and self._windows % STEP_FRAMES == 0)
            return self._told(ended=False) if due else None
        ended = self._told(ended=True) if self._windows >= SURE_WINDOWS else None
        self._hz, self._second_hz = found or (0.0, 0.0)
        self._windows = 1 if found is not None else 0
        return ended

    def _goes_on(self, found: tuple[float, float]) -> bool:
        hz, second_hz = found
        same = abs(hz - self._hz) <= DRIFT * self._hz
        return same and bool(second_hz) == bool(self._second_hz)

    def _told(self, *, ended: bool) -> Tone:
        ms = WINDOW * 1000 // RATE_HZ + (self._windows - 1) * FRAME_MS
        return Tone(round(self._hz), ms, ended, round(self._second_hz))


_HANN = np.hanning(WINDOW)
_BIN_HZ = RATE_HZ / WINDOW
_FROM, _TO = round(250 / _BIN_HZ), round(3450 / _BIN_HZ)  # what a telephone carries


def peaks(pcm: bytes) -> tuple[float, float] | None:
    """The frequencies in Hz of 60 ms of PCM16 that are one tone, (f, 0), or two, (lower, higher); None: neither."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    power = np.abs(np.fft.rfft(samples * _HANN)) ** 2
    power[:_FROM] = power[_TO:] = 0.0
    total = float(power.sum())
    if total <= 0.0:
        return None
    first_hz, first = _take_peak(power)
    if first >= PURE * total:
        return (first_hz, 0.0) if LOWEST_HZ <= first_hz <= HIGHEST_HZ else None
    second_hz, second = _take_peak(power)
    low, high = sorted((first_hz, second_hz))
    if second < SECOND * total or first + second < PURE * total or not LOWEST_HZ <= low <= high <= HIGHEST_HZ:
        return None
    return low, high


def _take_peak(power: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The highest peak's frequency and power; it is taken out."""
    at = int(np.argmax(power))
    low, high = max(0, at - LOBE), at + LOBE + 1
    around = power[low:high]
    share = float(around.sum())
    # The lobe's centre of gravity: within 1 Hz of a steady tone's frequency.
    hz = float((around * np.arange(low, low + len(around))).sum()) / share * _BIN_HZ if share else 0.0
    power[low:high] = 0.0
    return hz, share
