"""The recording: both sides in time, whatever came late, was missing, or was cut short."""

import asyncio
import errno
import gc
import io
import struct
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.audio.g711 import pcm16_to_ulaw
from bridge.records.recorder import BEHIND_MS, STEP_MS, Recorder
from bridge.store import owed as owed_module
from bridge.store.disk import Disk

CALLER = pcm16_to_ulaw(struct.pack("<h", 8000) * 160)  # 20 ms of one level, told apart from the agent's
AGENT = pcm16_to_ulaw(struct.pack("<h", -8000) * 1600)  # 200 ms


def sides(path: Path) -> tuple[list[int], list[int]]:
    """Left and right, one value a millisecond: +1 the caller's level, -1 the agent's, 0 silence."""
    with wave.open(str(path)) as wav:
        assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (2, 2, 8000)
        data = wav.readframes(wav.getnframes())
    samples = struct.unpack(f"<{len(data) // 2}h", data)
    level = [(s > 4000) - (s < -4000) for s in samples]
    return level[0::16], level[1::16]


def record(path: Path, story: Callable[[Recorder], None], *, close: bool = True) -> Disk:
    async def run() -> Disk:
        disk = Disk()
        recorder = Recorder(path, disk)
        story(recorder)
        if close:
            recorder.close()
            recorder.close()
        await disk.drained()
        disk.close()
        return disk

    return asyncio.run(run())


def talk(recorder: Recorder, ms: int) -> None:
    for _ in range(ms // 20):
        recorder.caller(CALLER, 5.0)


def test_two_sides_in_time(tmp_path: Path) -> None:
    def story(recorder: Recorder) -> None:
        talk(recorder, 1000)
        recorder.heard(AGENT, 500.0)
        recorder.heard(AGENT, 700.0)
        talk(recorder, 1000)
        assert recorder.started_at == 5.0

    assert record(tmp_path / "r.wav", story).failures == 0
    left, right = sides(tmp_path / "r.wav")
    assert left == [1] * 2000
    assert right == [0] * 500 + [-1] * 400 + [0] * 1100


@pytest.mark.parametrize("late_ms", [0, 1000, BEHIND_MS - 200])
def test_agent_audio_that_is_told_late_is_laid_at_its_place(tmp_path: Path, late_ms: int) -> None:
    def story(recorder: Recorder) -> None:
        for second in range(8):
            talk(recorder, 1000)
            at = second * 1000.0 + 800 - late_ms
            if at >= 0:
                recorder.heard(AGENT, at)

    record(tmp_path / "r.wav", story)
    left, right = sides(tmp_path / "r.wav")
    expected = [0] * 8000
    for second in range(8):
        at = second * 1000 + 800 - late_ms
        if at >= 0:
            expected[at : at + 200] = [-1] * 200
    assert left == [1] * 8000
    assert right == expected


def test_what_is_told_far_too_late_was_silence_already(tmp_path: Path) -> None:
    def story(recorder: Recorder) -> None:
        talk(recorder, 10_000)
        recorder.heard(AGENT, 0.0)  # long written
        recorder.heard(AGENT, 6_900.0)  # half of it

    record(tmp_path / "r.wav", story)
    left, right = sides(tmp_path / "r.wav")
    written = 10_000 - BEHIND_MS
    assert left == [1] * 10_000
    assert right == [0] * written + [-1] * (7_100 - written) + [0] * (10_000 - 7_100)


def test_a_gap_of_the_caller_is_silence_of_its_length(tmp_path: Path) -> None:
    def story(recorder: Recorder) -> None:
        talk(recorder, 500)
        recorder.caller_gap(1240)
        talk(recorder, 500)
        recorder.heard(AGENT, 1800.0)

    record(tmp_path / "r.wav", story)
    left, right = sides(tmp_path / "r.wav")
    assert left == [1] * 500 + [0] * 1240 + [1] * 500
    assert right == [0] * 1800 + [-1] * 200 + [0] * 240


def test_the_last_word_may_be_the_agents(tmp_path: Path) -> None:
    def story(recorder: Recorder) -> None:
        talk(recorder, 100)
        recorder.heard(AGENT, 300.0)

    record(tmp_path / "r.wav", story)
    assert sides(tmp_path / "r.wav") == ([1] * 100 + [0] * 400, [0] * 300 + [-1] * 200)


def test_places_nobody_could_have_meant_are_not_believed(tmp_path: Path) -> None:
    def story(recorder: Recorder) -> None:
        talk(recorder, 100)
        recorder.heard(AGENT, 1e9)
        recorder.heard(b"", 20.0)
        recorder.heard(AGENT, -100.0)
        recorder.heard(AGENT, -1e9)

    record(tmp_path / "r.wav", story)
    assert sides(tmp_path / "r.wav") == ([1] * 100, [-1] * 100)


def test_a_call_nobody_was_heard_in_leaves_no_file(tmp_path: Path) -> None:
    record(tmp_path / "r.wav", lambda recorder: recorder.heard(b"", 0.0))
    assert not (tmp_path / "r.wav").exists()


def test_a_killed_process_loses_the_last_seconds_and_nothing_else(tmp_path: Path) -> None:
    """Never closed, as after a kill: the file plays, and holds all but what was kept back."""

    def story(recorder: Recorder) -> None:
        talk(recorder, 10_000)
        recorder.heard(AGENT, 9_000.0)

    with pytest.warns(ResourceWarning):  # the file that nobody closed
        record(tmp_path / "r.wav", story, close=False)
        gc.collect()
    left, right = sides(tmp_path / "r.wav")
    assert len(left) >= 10_000 - BEHIND_MS - STEP_MS
    assert left == [1] * len(left)
    assert right == [0] * len(right)


def test_a_disk_that_refuses_does_not_touch_the_call(tmp_path: Path) -> None:
    disk = record(tmp_path / "missing" / "r.wav", lambda recorder: talk(recorder, 10_000))
    assert disk.failures > 0


def test_a_long_call_stays_small_in_memory(tmp_path: Path) -> None:
    def story(recorder: Recorder) -> None:
        for minute in range(3):
            talk(recorder, 60_000)
            recorder.heard(AGENT, minute * 60_000 + 59_000.0)
            held = recorder._sides.caller_size + recorder._sides.size
            assert held <= 2 * 8 * (BEHIND_MS + STEP_MS)

    record(tmp_path / "r.wav", story)
    left, right = sides(tmp_path / "r.wav")
    assert (len(left), right.count(-1)) == (180_000, 600)


def small_disk(monkeypatch: pytest.MonkeyPatch, refuses: Callable[[int], bool]) -> None:
    """A disk that may refuse to write at this offset of a recording."""

    class Refusing(io.FileIO):
        def write(self, data: bytes) -> int:  # type: ignore[override]
            if refuses(self.tell()):
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    monkeypatch.setattr(io, "FileIO", Refusing)


def test_what_a_full_disk_refuses_is_written_at_its_place_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, full = tmp_path / "recording.wav", [True]
    small_disk(monkeypatch, lambda at: full[0])

    async def story() -> None:
        disk = Disk()
        recorder = Recorder(path, disk)
        for _ in range(30):
            talk(recorder, STEP_MS)
            recorder.caller_gap(STEP_MS)
            await disk.submit(lambda: None)
        full[0] = False
        talk(recorder, STEP_MS)
        recorder.close()
        await disk.drained()
        assert (disk.owes, disk.owed.held) == (False, 0)
        disk.close()

    asyncio.run(story())
    left, _ = sides(path)
    assert left == ([1] * STEP_MS + [0] * STEP_MS) * 30 + [1] * STEP_MS


def test_a_header_that_a_full_disk_refuses_does_not_double_the_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that copies on write may take new sound and have no room to overwrite 44 bytes."""
    path, full = tmp_path / "recording.wav", [False]
    small_disk(monkeypatch, lambda at: full[0] and at == 0)

    async def story() -> None:
        disk = Disk()
        recorder = Recorder(path, disk)
        for second in range(20):
            full[0] = 6 <= second < 11
            talk(recorder, STEP_MS // 2)
            recorder.caller_gap(STEP_MS // 2)
            await disk.drained()
        recorder.close()
        await disk.drained()
        disk.close()

    asyncio.run(story())
    left, _ = sides(path)
    assert left == ([1] * (STEP_MS // 2) + [0] * (STEP_MS // 2)) * 20


def test_beyond_the_budget_the_oldest_sound_of_all_calls_is_silence_and_the_rest_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    full, piece = [False], 16 * STEP_MS
    small_disk(monkeypatch, lambda at: full[0])
    monkeypatch.setattr(owed_module, "MOST_BYTES", 6 * piece + 4 * owed_module.JOB_BYTES)
    held = []

    async def story() -> None:
        disk = Disk()
        calls = [Recorder(tmp_path / name, disk) for name in ("one.wav", "two.wav")]
        for second in range(10):
            full[0] = second >= 5  # by then 2 s are written, and 8 s come
            for call in calls:
                talk(call, STEP_MS)
            await disk.submit(lambda: held.append(disk.owed.held))
        full[0] = False
        for call in calls:
            call.close()
        await disk.drained()
        held.append(disk.owed.held)
        disk.close()

    asyncio.run(story())
    assert (max(held) <= owed_module.MOST_BYTES, held[-1]) == (True, 0)
    for name in ("one.wav", "two.wav"):
        left, _ = sides(tmp_path / name)
        assert left == [1] * 2 * STEP_MS + [0] * 2 * STEP_MS + [1] * 6 * STEP_MS
    assert [(r.message, r.__dict__["pieces"]) for r in caplog.records if "silence" in r.message] == [
        ("recordings have silence where a full disk took too long", 4)
    ]


def test_a_call_whose_folder_is_gone_holds_no_sound(tmp_path: Path) -> None:
    async def story() -> tuple[bool, int]:
        disk = Disk()
        recorder = Recorder(tmp_path / "gone" / "recording.wav", disk)
        talk(recorder, 60_000)
        await disk.drained()
        found = disk.owes, sum(piece.held for piece in recorder._pieces)
        recorder.close()
        disk.close()
        return found

    assert asyncio.run(story()) == (False, 0)
