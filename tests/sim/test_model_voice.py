"""The mouth: prompts, eSpeak where it is installed, and the murmur that stands in for it."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import wave

import pytest

from bridge.audio.level import rms_dbfs
from bridge.sim.child import Child, ChildError
from bridge.sim.render_prompts import SENTENCES
from bridge.sim.voice import PROMPTS, Mouth, murmur, normalised

needs_espeak = pytest.mark.skipif(importlib.util.find_spec("espeakng_loader") is None, reason="extra `local`")


def say(text: str, **how: str) -> bytes:
    async def once() -> bytes:
        mouth = Mouth()
        try:
            return await mouth.say(text, **how)  # type: ignore[arg-type]
        finally:
            mouth.close()

    return asyncio.run(once())


def test_every_sentence_has_a_prompt_of_phone_quality_and_all_are_small() -> None:
    sentences = json.loads(SENTENCES.read_text("utf-8"))
    mouth = Mouth()
    for voice, texts in sentences.items():
        assert all(mouth.known(text, voice) for text in texts)
    files = list(PROMPTS.glob("*.wav"))
    assert len(files) == sum(len(texts) for texts in sentences.values())
    assert sum(file.stat().st_size for file in files) < 1_500_000
    for file in files:
        with wave.open(str(file), "rb") as prompt:
            assert (prompt.getnchannels(), prompt.getsampwidth(), prompt.getframerate()) == (1, 2, 8000)


def test_a_prompt_is_speech_at_24_khz() -> None:
    spoken = say("Thank you. Goodbye.", voice="caller")
    assert 1.0 < len(spoken) / 48_000 < 3.0
    assert -30 < rms_dbfs(spoken) < -10


def test_small_differences_in_writing_are_the_same_sentence() -> None:
    mouth = Mouth()
    assert mouth.known("thank you  for calling -- goodbye")
    assert not mouth.known("Thank you for calling back.")
    assert not mouth.known("Thank you. Goodbye.", "agent"), "that one belongs to the caller"
    assert normalised("It's 4271, OK?") == "it's 4271 ok"


@needs_espeak
def test_any_other_sentence_is_spoken_by_espeak_in_two_voices() -> None:
    text = "Nobody has rendered this sentence ahead."
    agent, caller = say(text), say(text, voice="caller")
    assert 1.5 < len(agent) / 48_000 < 5.0
    assert -35 < rms_dbfs(agent) < -8
    assert agent != caller


@needs_espeak
def test_a_helper_that_was_killed_is_started_again() -> None:
    async def twice() -> tuple[bytes, bytes]:
        mouth = Mouth()
        try:
            first = await mouth.say("First sentence here.")
            assert mouth._espeak is not None
            assert mouth._espeak._process is not None
            os.kill(mouth._espeak._process.pid, signal.SIGKILL)
            mouth._espeak._process.wait()
            return first, await mouth.say("Second sentence here.")
        finally:
            mouth.close()

    first, second = asyncio.run(twice())
    assert len(first) > 24_000
    assert len(second) > 24_000


def test_a_helper_that_cannot_start_says_why(tmp_path_factory: pytest.TempPathFactory) -> None:
    script = tmp_path_factory.mktemp("helper") / "broken_child.py"
    script.write_text('print(\'{"error": "no voice today"}\', flush=True)\n')
    child = Child(script)
    with pytest.raises(ChildError, match="no voice today"):
        asyncio.run(child.ask({}))
    script.write_text("")
    with pytest.raises(ChildError, match="ended unexpectedly"):
        asyncio.run(child.ask({}))
    child.close()


def test_the_murmur_is_soft_and_as_long_as_asked() -> None:
    hum = murmur(1300)
    assert len(hum) == 1300 * 48
    assert -30 < rms_dbfs(hum) < -15
    assert say("") == b""
