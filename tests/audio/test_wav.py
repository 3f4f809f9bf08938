"""WAV files of other people are read or refused in one sentence; our own survive the death of their writer."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from bridge.audio.g711 import pcm16_to_alaw, pcm16_to_ulaw, ulaw_to_pcm16
from bridge.audio.tones import sine
from bridge.audio.wav import StereoWav, read_wav, write_wav
from bridge.errors import StoreError, UsageError

TONE = sine(440.0, 300.0, 8000)


def riff(
    coding: int, rate: int, bits: int, data: bytes, *, channels: int = 1, before: bytes = b"", more: bytes = b""
) -> bytes:
    """A WAV file as some other program might write it."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", coding, channels, rate, rate * block, block, bits) + more
    body = b"WAVE" + before + b"fmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def saved(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "sound.wav"
    path.write_bytes(content)
    return path


def test_what_is_written_is_read_by_us_and_by_the_standard_library(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    write_wav(path, TONE, 8000)
    assert read_wav(path, 8000) == TONE
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        assert file.readframes(file.getnframes()) == TONE


def test_telephone_codings_are_read(tmp_path: Path) -> None:
    ulaw = pcm16_to_ulaw(TONE)
    assert read_wav(saved(tmp_path, riff(7, 8000, 8, ulaw)), 8000) == ulaw_to_pcm16(ulaw)
    alaw = pcm16_to_alaw(TONE)
    assert pcm16_to_alaw(read_wav(saved(tmp_path, riff(6, 8000, 8, alaw)), 8000)) == alaw


def test_other_chunks_and_the_extensible_format_are_understood(tmp_path: Path) -> None:
    guid = b"\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    extension = struct.pack("<HHI", 22, 16, 4) + guid
    odd_list = b"LIST" + struct.pack("<I", 5) + b"hello" + b"\0"
    assert read_wav(saved(tmp_path, riff(0xFFFE, 8000, 16, TONE, before=odd_list, more=extension)), 8000) == TONE


@pytest.mark.parametrize(("file_rate", "wanted"), [(8000, 24000), (24000, 8000), (44100, 24000), (22050, 8000)])
def test_files_come_at_the_wanted_rate(tmp_path: Path, file_rate: int, wanted: int) -> None:
    path = tmp_path / "tone.wav"
    write_wav(path, sine(440.0, 300.0, file_rate), file_rate)
    samples = np.frombuffer(read_wav(path, wanted), "<i2").astype(float)
    assert samples.size == pytest.approx(0.3 * wanted, abs=1)
    assert abs(samples[0]) < 1000.0 < abs(samples[wanted // 1760 : wanted // 1000]).max(), "it starts at once"
    steady = samples[wanted // 20 : -wanted // 20]
    crossings = int(np.sum((steady[:-1] < 0) & (steady[1:] >= 0)))
    assert crossings == pytest.approx(440 * steady.size / wanted, abs=1)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_file_whose_writer_died_is_read_as_far_as_it_goes(tmp_path: Path, size: int) -> None:
    content = riff(1, 8000, 16, TONE).replace(b"data" + struct.pack("<I", len(TONE)), b"data" + struct.pack("<I", size))
    assert read_wav(saved(tmp_path, content + b"\x01"), 8000) == TONE


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not a WAV file"),
        (b"ID3\x03 some music", "is not a WAV file"),
        (riff(1, 8000, 16, TONE, channels=2), "has 2 channels; save it as mono"),
        (riff(1, 8000, 24, b""), "has 24 bits per sample"),
        (riff(1, 8000, 8, b""), "has 8 bits per sample"),
        (riff(3, 8000, 32, b""), "sound of kind 3 is not supported"),
        (riff(0x55, 8000, 0, b""), "sound of kind 85 is not supported"),
        (riff(1, 0, 16, TONE), "sample rates must be positive"),
        (riff(1, 44101, 16, TONE), "not a ratio of two small numbers"),
        (riff(1, 8000, 16, TONE)[:30], "no fmt chunk"),
        (riff(1, 8000, 16, TONE)[:36], "no data chunk"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = saved(tmp_path, content)
    with pytest.raises(UsageError, match=sentence) as refusal:
        read_wav(path, 8000)
    assert str(refusal.value).startswith(f"{path}: ") and "\n" not in str(refusal.value)


def test_a_missing_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read \\(No such file"):
        read_wav(tmp_path / "nowhere.wav", 8000)


def test_a_recording_has_the_caller_left_and_the_agent_right(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    recording = StereoWav(path)
    recording.append(struct.pack("<3h", 1, 2, 3), struct.pack("<2h", -1, -2))
    recording.append(b"", struct.pack("<h", 9))
    assert recording.duration_ms == 0.5
    with wave.open(str(path)) as file:  # before it is closed
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 8000, 4)
        assert struct.unpack("<8h", file.readframes(4)) == (1, -1, 2, -2, 3, 0, 0, 9)
    recording.close()
    recording.close()
    with pytest.raises(StoreError, match="closed already"):
        recording.append(b"", b"")


def test_an_empty_recording_is_a_wav_file(tmp_path: Path) -> None:
    StereoWav(tmp_path / "call.wav").close()
    with wave.open(str(tmp_path / "call.wav")) as file:
        assert file.getnframes() == 0


def test_a_folder_that_is_not_there_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        StereoWav(tmp_path / "no" / "call.wav")
    with pytest.raises(StoreError, match="cannot be written"):
        write_wav(tmp_path / "no" / "tone.wav", TONE, 8000)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk_is_a_store_error() -> None:
    with pytest.raises(StoreError, match="No space left"):
        StereoWav("/dev/full")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_killed_in_the_middle_of_a_call_the_recording_still_plays(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    program = (
        "import sys, itertools, struct\n"
        "from bridge.audio.wav import StereoWav\n"
        "recording = StereoWav(sys.argv[1])\n"
        "for number in itertools.count():\n"
        "    side = struct.pack('<h', number % 30000)\n"
        "    recording.append(side * 160, side * 160)\n"
    )
    writer = subprocess.Popen([sys.executable, "-W", "ignore", "-c", program, str(path)])
    try:
        while writer.poll() is None and (not path.exists() or path.stat().st_size < 200_000):
            time.sleep(0.005)
    finally:
        os.kill(writer.pid, signal.SIGKILL)
        assert writer.wait() == -signal.SIGKILL
    with wave.open(str(path)) as file:
        promised = file.getnframes()
        frames = file.readframes(promised)
    on_disk = (path.stat().st_size - 44) // 4
    assert len(frames) == promised * 4 and promised >= 40_000
    assert 0 <= on_disk - promised <= 160, "at most the last append is missing"
    assert [value % 30000 for value in range(promised // 160)] == [
        left for left, _ in struct.iter_unpack("<hh", frames[: promised // 160 * 640])
    ][::160]
