"""The outline of a recording: true, small, and the same whether drawn as it comes or afterwards."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.audio.peaks import MOST_POINTS, Peaks, outline
from bridge.audio.wav import StereoWav


def level(value: int, ms: int) -> bytes:
    return struct.pack("<h", value) * (ms * 8)


def test_a_point_is_the_loudest_of_its_stretch() -> None:
    peaks = Peaks()
    peaks.add(level(0, 20) + level(-16384, 20), level(3277, 40))
    assert peaks.drawn() == {"version": 1, "duration_ms": 40, "point_ms": 20, "caller": [0, 50], "agent": [10, 10]}


def test_an_hour_stays_small_and_loses_no_peak() -> None:
    peaks = Peaks()
    quiet, loud = level(0, 1000), level(0, 500) + level(32767, 1) + level(0, 499)
    for second in range(3600):
        peaks.add(loud if second % 600 == 0 else quiet, quiet)
    drawn = peaks.drawn()
    assert len(drawn["caller"]) == len(drawn["agent"]) <= MOST_POINTS
    assert drawn["caller"].count(100) == 6
    assert drawn["duration_ms"] == 3_600_000
    assert len(drawn["caller"]) * drawn["point_ms"] >= drawn["duration_ms"]
    assert len(json.dumps(drawn)) < 60_000


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 4000), min_size=1, max_size=20))
def test_it_does_not_matter_in_what_pieces_the_sound_comes(sizes: list[int]) -> None:
    sound = b"".join(level((n * 997) % 30000, 1) for n in range(sum(sizes) // 8 + 1))
    whole, pieces = Peaks(), Peaks()
    whole.add(sound, sound[::-1])
    at = 0
    for size in [*sizes, len(sound)]:
        pieces.add(sound[at : at + size * 2], sound[::-1][at : at + size * 2])
        at += size * 2
    assert pieces.drawn() == whole.drawn()


def test_drawn_from_the_file_it_is_the_same(tmp_path: Path) -> None:
    peaks, wav = Peaks(), StereoWav(tmp_path / "r.wav")
    for n in range(100):
        sides = level(n * 300, 333), level(-n * 200, 333)
        wav.append(*sides)
        peaks.add(*sides)
    wav.close()
    assert outline(tmp_path / "r.wav") == peaks.drawn()
