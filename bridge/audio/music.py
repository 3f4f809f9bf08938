"""Music for a caller on hold, made from nothing: plucked chords, slow and soft, that go round without a seam."""

from __future__ import annotations

_CHORDS = ((60, 64, 67, 72), (57, 60, 64, 69), (53, 57, 60, 65), (55, 59, 62, 67))
"""C, A minor, F and G, as MIDI note numbers."""
_ORDER = (0, 2, 1, 3, 2, 1, 0, 2)
"""Which note of the chord is plucked when."""
_STEP_S = 0.4
_DECAY_S = 0.7
_RMS_DBFS = -29.0
"""Below speech on the phone (about -21 dBFS), so that a voice after it seems near."""

DURATION_MS = round(len(_CHORDS) * len(_ORDER) * _STEP_S * 1000)
"""Of one round."""


def hold_music(sample_rate: int) -> bytes:
    """One round as PCM16 mono."""
    import numpy as np

    step = round(_STEP_S * sample_rate)
    ring = 4 * step  # a string is still heard while the next ones are plucked
    seconds = np.arange(ring) / sample_rate
    envelope = np.minimum(seconds / 0.01, 1.0) * np.exp(-seconds / _DECAY_S) * np.linspace(1.0, 0.0, ring)
    notes = [chord[index] for chord in _CHORDS for index in _ORDER]
    sound = np.zeros(len(notes) * step)
    for number, note in enumerate(notes):
        hertz = 440.0 * 2.0 ** ((note - 69) / 12.0)
        tone = sum(part * np.sin(2 * np.pi * hertz * (n + 1) * seconds) for n, part in enumerate((1.0, 0.35, 0.12)))
        places = (number * step + np.arange(ring)) % len(sound)  # the end rings into the beginning: there is no seam
        sound[places] += tone * envelope
    level = 32767 * 10.0 ** (_RMS_DBFS / 20.0) / float(np.sqrt(np.mean(sound**2)))
    return bytes(np.clip(np.rint(sound * level), -32767, 32767).astype("<i2"))
