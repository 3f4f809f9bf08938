"""Where speech begins and ends, by a detector's word on each frame."""

from bridge.audio.tones import noise, silence
from bridge.audio.voice import FRAME_BYTES, FRAME_MS, EnergyDetector, SpeechGate


def edges(pcm16: bytes, silence_ms: int = 500) -> list[int]:
    """When the gate opened and closed, in ms."""
    gate = SpeechGate(EnergyDetector(), silence_ms)
    frames = [pcm16[at : at + FRAME_BYTES] for at in range(0, len(pcm16) - FRAME_BYTES + 1, FRAME_BYTES)]
    return [(number + 1) * FRAME_MS for number, frame in enumerate(frames) if gate.turned(frame)]


def test_a_turn_opens_after_60_ms_and_closes_after_its_silence() -> None:
    voice = noise(1000, 8000, seed=1, band_hz=(300, 3000))
    assert edges(silence(1000, 8000) + voice + silence(1000, 8000)) == [1060, 2500]
    assert edges(silence(1000, 8000) + voice + silence(1000, 8000), silence_ms=200) == [1060, 2200]


def test_a_click_is_no_turn_and_a_pause_for_breath_ends_none() -> None:
    voice = noise(400, 8000, seed=1, band_hz=(300, 3000))
    assert edges(silence(1000, 8000) + noise(40, 8000, seed=2) + silence(1000, 8000)) == []
    assert edges(silence(500, 8000) + voice + silence(300, 8000) + voice + silence(1000, 8000)) == [560, 2100]
