"""mu-law in a recording, kept to the bit.

mu-law has two zeros, +0 (0xFF) and -0 (0x7F), and PCM16 has one; a line's hiss is full of both. So that the recording
of a caller can be played again as exactly the bytes they were, -0 is written as -1, which no other code decodes to and
nobody hears.
"""

from __future__ import annotations

import audioop

from bridge.audio.g711 import pcm16_to_ulaw, ulaw_to_pcm16

_NEGATIVE_ZERO = 0x7F
_HERE = bytes(0xFF if code == _NEGATIVE_ZERO else 0 for code in range(256))
"""-1 (8 bit) where a code is -0, else 0."""


def ulaw_to_kept(ulaw: bytes) -> bytes:
    """mu-law to PCM16 that still tells -0 from +0."""
    pcm16 = ulaw_to_pcm16(ulaw)
    if _NEGATIVE_ZERO not in ulaw:
        return pcm16
    low = audioop.mul(audioop.lin2lin(ulaw.translate(_HERE), 1, 2), 2, 1 / 256)
    return audioop.add(pcm16, low, 2)


def kept_to_ulaw(pcm16: bytes) -> bytes:
    """Back again. For what was kept, each byte is the one it was."""
    import numpy as np  # who plays a recording again can wait for it

    codes = np.frombuffer(pcm16_to_ulaw(pcm16), np.uint8).copy()
    codes[np.frombuffer(pcm16, "<i2") == -1] = _NEGATIVE_ZERO
    return codes.tobytes()
