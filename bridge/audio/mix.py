"""Several voices at once: the sum of mu-law sounds, as a conference bridge makes it.

Too loud a sum is cut at full scale instead of wrapping around.
"""

from __future__ import annotations

import audioop
from collections.abc import Sequence

from bridge.audio.g711 import ULAW_SILENCE, pcm16_to_ulaw, ulaw_to_pcm16

_PCM16_BYTES = 2


def mix_ulaw(sounds: Sequence[bytes]) -> bytes:
    """The sum; shorter sounds are silent at their end. One sound alone comes back byte for byte."""
    present = [sound for sound in sounds if sound]
    if len(present) < 2:
        return present[0] if present else b""
    length = max(map(len, present))
    total = bytes(length * _PCM16_BYTES)
    for sound in present:
        total = audioop.add(total, ulaw_to_pcm16(sound.ljust(length, bytes((ULAW_SILENCE,)))), _PCM16_BYTES)
    return pcm16_to_ulaw(total)
