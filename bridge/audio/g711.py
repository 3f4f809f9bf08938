"""G.711, the sound of the telephone: mu-law and A-law bytes to PCM16 and back.

One byte is one sample at 8 kHz, so 20 ms are 160 bytes; as PCM16 (signed, little-endian) they are 320. The work is
done by `audioop`, in the standard library up to Python 3.12 and as the `audioop-lts` distribution from 3.13 on.
Source: ITU-T G.711.
"""

from __future__ import annotations

import audioop

ULAW_SILENCE = 0xFF
"""The mu-law byte of a sample of zero. (0x00, a tempting guess, is the loudest negative sample there is.)"""

SAMPLE_RATE_HZ = 8000
"""Every G.711 stream on a telephone."""

_PCM16_BYTES = 2


def ulaw_to_pcm16(ulaw: bytes) -> bytes:
    """mu-law to PCM16: n bytes in, 2 n bytes out."""
    return audioop.ulaw2lin(ulaw, _PCM16_BYTES)


def pcm16_to_ulaw(pcm16: bytes | memoryview) -> bytes:
    """PCM16 to mu-law: 2 n bytes in, n bytes out. Raises ValueError when a sample is cut in half."""
    return audioop.lin2ulaw(_whole(pcm16), _PCM16_BYTES)


def alaw_to_pcm16(alaw: bytes) -> bytes:
    """A-law to PCM16: n bytes in, 2 n bytes out."""
    return audioop.alaw2lin(alaw, _PCM16_BYTES)


def pcm16_to_alaw(pcm16: bytes) -> bytes:
    """PCM16 to A-law: 2 n bytes in, n bytes out. Raises ValueError when a sample is cut in half."""
    return audioop.lin2alaw(_whole(pcm16), _PCM16_BYTES)


def _whole(pcm16: bytes | memoryview) -> bytes | memoryview:
    # audioop would raise its own error type, which nobody outside this room can name.
    if len(pcm16) % _PCM16_BYTES:
        raise ValueError(f"{len(pcm16)} bytes are not a whole number of PCM16 samples of two bytes each")
    return pcm16
