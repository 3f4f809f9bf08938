"""What the demo cannot do is said in one sentence before anything starts, and whatever it started ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import wave
from pathlib import Path

import pytest
from command_line import command, environment, refused


def test_a_wav_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound", "utf-8")
    assert refused(tmp_path, "demo", "--wav", "text.wav") == "text.wav: is not a WAV file"
    assert "cannot be read (No such file" in refused(tmp_path, "demo", "--wav", "none.wav")


def test_a_wav_with_hardly_any_sound(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "short.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(160))
    assert "holds 10 ms of sound" in refused(tmp_path, "demo", "--wav", "short.wav")


def test_words_and_a_wav_at_once(tmp_path: Path) -> None:
    assert "exclude each other" in refused(tmp_path, "demo", "--wav", "x.wav", "--say", "Yes please.")


def test_words_that_are_none(tmp_path: Path) -> None:
    assert "holds no word" in refused(tmp_path, "demo", "--say", "...")


def test_values_that_are_not_there(tmp_path: Path) -> None:
    assert refused(tmp_path, "demo", "--audio", "mp3") == "--audio is 'mp3': it can be pcmu or pcm"
    assert refused(tmp_path, "demo", "--dialect", "new") == "--dialect is 'new': it can be ga or beta"


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    assert refused(tmp_path, "demo", "--data", "file").startswith("--data file: cannot be written to")


def test_unknown_words_without_speech_synthesis(tmp_path: Path) -> None:
    """A package that Python finds blocked is one that is not installed."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['espeakng_loader'] = None\n", "utf-8")
    path = os.pathsep.join((str(tmp_path), environment()["PYTHONPATH"]))
    sentence = refused(tmp_path, "demo", "--say", "The weather is nice.", env={"PYTHONPATH": path})
    assert "nothing here can say 'The weather is nice.'" in sentence
    assert "callbridge[local]" in sentence


@pytest.mark.sockets
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_stopping_it_in_the_middle_leaves_nothing_running(tmp_path: Path, sign: signal.Signals) -> None:
    demo = subprocess.Popen(
        command("demo", "--data", "kept"), cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None
    parts = []
    for line in demo.stdout:
        if "talking" in line:  # the call is on: all three parts are running
            parts = children(demo.pid)
            demo.send_signal(sign)
            break
    demo.stdout.read()
    demo.stdout.close()
    assert demo.wait(30) == 128 + sign
    assert len(parts) == 3
    assert [pid for pid in parts if alive(pid)] == []
    [record] = (tmp_path / "kept").glob("calls/*/call.json")
    assert '"end_reason": "caller_hung_up"' in record.read_text("utf-8")


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in found.stdout.splitlines()]
    direct = [int(child) for child, parent in rows if int(parent) == pid]
    return [child for child in direct if alive(child)]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
