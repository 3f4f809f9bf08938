"""The sum of mu-law sounds."""

from bridge.audio.g711 import pcm16_to_ulaw, ulaw_to_pcm16
from bridge.audio.level import peak_dbfs, rms_dbfs
from bridge.audio.mix import mix_ulaw
from bridge.audio.tones import silence, sine

TONE = pcm16_to_ulaw(sine(400, 100, 8000))


def test_nothing_and_one_sound() -> None:
    assert mix_ulaw([]) == mix_ulaw([b"", b""]) == b""
    assert mix_ulaw([b"", TONE]) == TONE


def test_silence_adds_nothing() -> None:
    assert mix_ulaw([TONE, pcm16_to_ulaw(silence(50, 8000))]) == TONE


def test_the_same_sound_twice_is_twice_as_loud() -> None:
    twice = ulaw_to_pcm16(mix_ulaw([TONE, TONE]))
    assert 5.5 < rms_dbfs(twice) - rms_dbfs(ulaw_to_pcm16(TONE)) < 6.5


def test_too_loud_a_sum_is_cut_and_does_not_wrap() -> None:
    loud = pcm16_to_ulaw(bytes((0xFF, 0x7F)) * 80)
    total = ulaw_to_pcm16(mix_ulaw([loud, loud, loud]))
    assert peak_dbfs(total) > -0.2
    assert int.from_bytes(total[:2], "little", signed=True) > 30000
