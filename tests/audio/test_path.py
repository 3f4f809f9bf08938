"""One call's two directions, in both of the model's formats."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st

from bridge.audio import base64text
from bridge.audio.g711 import pcm16_to_ulaw, ulaw_to_pcm16
from bridge.audio.path import make_path
from bridge.audio.resample import Resampler
from bridge.audio.tones import noise

VOICE = noise(2000.0, 24000, seed=11, band_hz=(350.0, 3300.0))
CALLER = pcm16_to_ulaw(noise(2000.0, 8000, seed=12, band_hz=(350.0, 3300.0)))


def frames(sound: bytes, size: int) -> list[bytes]:
    return [sound[start : start + size] for start in range(0, len(sound), size)]


def test_pcm_to_model_is_the_decoded_call_through_the_filter() -> None:
    path = make_path("pcm", "pcm")
    heard = b"".join(base64text.decode(path.to_model(frame)) for frame in frames(CALLER, 160))
    assert heard == Resampler(8000, 24000).feed(ulaw_to_pcm16(CALLER))
    assert len(heard) == 2000 * 24 * 2


@given(size=st.integers(16, 20_000))
def test_pcm_to_phone_is_the_same_however_the_deltas_are_cut(size: int) -> None:
    path, whole = make_path("pcm", "pcm"), Resampler(24000, 8000)
    voice = VOICE[:30_001]  # half a sample too much
    heard = b"".join(path.to_phone(delta) for delta in frames(voice, size))
    assert heard + path.flush_for_phone() == pcm16_to_ulaw(whole.feed(voice) + whole.flush())[16:]


def test_each_item_starts_clean() -> None:
    path = make_path("pcm", "pcm")
    items = [path.to_phone(VOICE[:9600]) + path.flush_for_phone() for _ in range(2)]
    assert items[0] == items[1]
    assert len(items[0]) == 200 * 8, "an item's mu-law is exactly as long as the item"
    assert path.flush_for_phone() == b""


def test_pcmu_passes_untouched() -> None:
    path = make_path("pcmu", "pcmu")
    assert path.to_model(CALLER[:160]) == b64encode(CALLER[:160])
    assert path.to_phone(CALLER[:160]) == CALLER[:160]
    assert path.flush_for_phone() == b""


def test_directions_are_chosen_apart() -> None:
    path = make_path("pcmu", "pcm")
    assert path.to_model(CALLER[:160]) == b64encode(CALLER[:160])
    assert len(path.to_phone(VOICE[:960])) == 160 - 16, "2 ms are still in the filter"
    assert len(path.flush_for_phone()) == 16
    assert len(base64text.decode(make_path("pcm", "pcmu").to_model(CALLER[:160]))) == 960


def test_silence_goes_through_the_filter_like_all_else() -> None:
    path = make_path("pcm", "pcm")
    spoken = base64text.decode(path.to_model(CALLER[:160]))
    gap = base64text.decode(path.to_model(b"\xff" * 80_000))
    assert len(gap) == 10_000 * 48
    assert gap[:192] != bytes(192), "what was said just before the gap still comes out of the filter"
    assert gap[192 * 2 :] == bytes(len(gap) - 192 * 2)
    assert spoken + gap == Resampler(8000, 24000).feed(ulaw_to_pcm16(CALLER[:160] + b"\xff" * 80_000))


def test_it_says_what_it_does() -> None:
    assert make_path("pcm", "pcm").describe() == (
        "to model: mu-law 8 kHz -> FIR 97 -> pcm16 24 kHz; to phone: pcm16 24 kHz -> FIR 97 -> mu-law 8 kHz"
    )
    assert make_path("pcmu", "pcmu").describe() == "to model: mu-law 8 kHz untouched; to phone: mu-law 8 kHz untouched"


def test_a_pcmu_call_never_loads_numpy() -> None:
    program = (
        "import sys; from bridge.audio import path, wav, level; path.make_path('pcmu', 'pcmu').to_model(bytes(160)); "
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=False).returncode == 0
