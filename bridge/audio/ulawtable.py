"""mu-law of many samples at once: every PCM16 sample's byte, looked up.

`audioop` searches the segment of each sample by asking "smaller than this?" again and again, and of a voice no
processor guesses the answers: 200 ms (1600 samples) at a time in a process that slept before were measured at 19 us, by
the table at 7. For 20 ms the two are alike, and this one needs numpy.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bridge.audio.g711 import pcm16_to_ulaw

_BYTES: npt.NDArray[np.uint8] = np.frombuffer(pcm16_to_ulaw(np.arange(65536).astype("<u2").tobytes()), np.uint8)


def look_up_ulaw(pcm16: bytes | memoryview) -> bytes:
    """PCM16 to mu-law, as `pcm16_to_ulaw` has it: 2 n bytes in, n out; ValueError when a sample is cut in half."""
    return _BYTES.take(np.frombuffer(pcm16, "<u2")).tobytes()
