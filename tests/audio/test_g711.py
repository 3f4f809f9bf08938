"""The telephone's codec: known bytes, whole tables, and how much it may hurt."""

from __future__ import annotations

import math
import struct

import pytest

from bridge.audio.g711 import ULAW_SILENCE, alaw_to_pcm16, pcm16_to_alaw, pcm16_to_ulaw, ulaw_to_pcm16
from bridge.audio.tones import sine
from bridge.audio.ulawtable import look_up_ulaw


def samples(pcm16: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(pcm16) // 2}h", pcm16)


def test_known_ulaw_bytes() -> None:
    assert samples(ulaw_to_pcm16(bytes((0xFF, 0x7F, 0x80, 0x00, 0xE7)))) == (0, 0, 32124, -32124, 260)
    assert pcm16_to_ulaw(struct.pack("<5h", 0, 32767, -32768, 1000, -1000)) == bytes((0xFF, 0x80, 0x00, 0xCE, 0x4E))


def test_known_alaw_bytes() -> None:
    assert samples(alaw_to_pcm16(bytes((0xD5, 0x55, 0xAA, 0x2A)))) == (8, -8, 32256, -32256)
    assert pcm16_to_alaw(struct.pack("<3h", 0, 32767, -32768)) == bytes((0xD5, 0xAA, 0x2A))


def test_every_ulaw_byte_survives_the_round_trip() -> None:
    # 0x7F is "minus zero": it comes back as the other zero.
    every = bytes(range(256))
    assert pcm16_to_ulaw(ulaw_to_pcm16(every)) == every.replace(b"\x7f", b"\xff")


def test_every_alaw_byte_survives_the_round_trip() -> None:
    every = bytes(range(256))
    assert pcm16_to_alaw(alaw_to_pcm16(every)) == every


def test_ulaw_silence_is_a_sample_of_zero() -> None:
    assert ulaw_to_pcm16(bytes((ULAW_SILENCE,)) * 160) == bytes(320)


@pytest.mark.parametrize("peak_dbfs", [-3.0, -20.0, -40.0])
def test_ulaw_keeps_a_sine_within_its_noise(peak_dbfs: float) -> None:
    before = sine(1013.0, 1000.0, 8000, peak_dbfs=peak_dbfs)
    after = ulaw_to_pcm16(pcm16_to_ulaw(before))
    signal = sum(value**2 for value in samples(before))
    error = sum((a - b) ** 2 for a, b in zip(samples(before), samples(after), strict=True))
    assert 10 * math.log10(signal / error) > 33.0


def test_the_table_has_every_sample() -> None:
    every = struct.pack("<65536h", *range(-32768, 32768))
    assert look_up_ulaw(every) == look_up_ulaw(memoryview(every)) == pcm16_to_ulaw(every)


@pytest.mark.parametrize("encode", [pcm16_to_ulaw, pcm16_to_alaw, look_up_ulaw])
def test_half_a_sample_is_refused(encode: object) -> None:
    assert callable(encode)
    with pytest.raises(ValueError, match=r"3 bytes are not a whole number|must be a multiple of element size"):
        encode(b"\0\0\0")


def test_nothing_in_nothing_out() -> None:
    assert (
        ulaw_to_pcm16(b"") == pcm16_to_ulaw(b"") == look_up_ulaw(b"") == alaw_to_pcm16(b"") == pcm16_to_alaw(b"") == b""
    )
