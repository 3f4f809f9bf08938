"""Scores: read from text, built in Python, and played against an agent that talks by a timetable."""

import asyncio
from pathlib import Path

import pytest

from bridge.audio.g711 import pcm16_to_ulaw
from bridge.audio.tones import sine
from bridge.audio.wav import write_wav
from bridge.errors import UsageError
from bridge.sim.line import Line
from bridge.sim.loop import run
from bridge.sim.phone import Phone
from bridge.sim.script import (
    DEMO,
    Caller,
    ExpectHangUp,
    HangUp,
    Interrupt,
    Listen,
    Noise,
    PlayFile,
    Press,
    Say,
    Score,
    Wait,
    playing,
    read_score,
    saying,
)
from bridge.sim.voice import Mouth

LOUD = pcm16_to_ulaw(sine(440, 20, 8000))


class Talker:
    """An agent: a greeting of 2 s, then 5 s of answer whenever the caller has been quiet for 500 ms after speaking."""

    def __init__(self) -> None:
        self.keys = ""
        self.left = 100
        self.quiet_frames = 0
        self.owes = False
        self.greeting_over_s = 0.0

    def listen(self, ulaw: bytes, key: str, at_s: float) -> None:
        self.keys += key
        if set(ulaw) - {0xFF, 0x7F, 0xFE, 0x7E} or key:
            self.owes, self.quiet_frames, self.left = True, 0, 0  # it stops when it is interrupted
        else:
            self.quiet_frames += 1
        if self.owes and self.quiet_frames == 25:
            self.owes, self.left = False, 250

    def speak(self, at_s: float) -> bytes:
        self.left = max(0, self.left - 1)
        return LOUD if self.left else b""


def played(score: Score, agent_hangs_up_s: float = 1000.0) -> tuple[list[tuple[str, float, str]], Talker]:
    events: list[tuple[str, float, str]] = []
    talker = Talker()

    async def story() -> None:
        mouth = Mouth()
        caller = Caller(score, mouth)
        await caller.prepare()
        phone = Phone(caller, on_event=lambda what, at_s, detail: events.append((what, at_s, detail)))
        line = Line(phone)
        line.leg = talker
        running = asyncio.create_task(line.run())
        await asyncio.wait({running}, timeout=agent_hangs_up_s)
        running.cancel()
        await asyncio.wait({running})
        phone.put_down()
        await phone.settled()
        mouth.close()

    run(story())
    zero_s = events[0][1]
    return [(what, round(at_s - zero_s, 2), detail) for what, at_s, detail in events], talker


def test_the_demo_score_is_played() -> None:
    events, talker = played(DEMO)
    what = [name for name, _, _ in events]
    said = [detail for name, _, detail in events if name == "said"]
    assert said == [step.text for step in DEMO if isinstance(step, Say | Interrupt)]
    assert talker.keys == "4271#"
    assert what[-3:] == ["left_on_line", "hung_up", "ended"]
    assert "no_answer" not in what
    assert "too_late" not in what


def test_an_interruption_comes_after_its_time() -> None:
    events, _ = played((Listen(), Say("Hello."), Interrupt(2.5, "Stop, please."), HangUp()))
    answer_s = next(at_s for name, at_s, _ in events if name == "heard_start" and at_s > 2)
    saying_s = next(at_s for name, at_s, detail in events if name == "saying" and detail == "Stop, please.")
    assert saying_s - answer_s == pytest.approx(2.5, abs=0.05)


def test_an_interruption_of_an_answer_that_is_too_short_comes_late() -> None:
    events, _ = played((Interrupt(2.5, "Stop, please."),))
    assert ("too_late", "Stop, please.") in [(name, detail) for name, _, detail in events]


def test_listen_waits_for_the_silence() -> None:
    events, _ = played((Listen(1500), HangUp()))
    hung_up_s = next(at_s for name, at_s, _ in events if name == "hung_up")
    assert hung_up_s == pytest.approx(2.0 + 1.5, abs=0.05)


def test_a_silent_agent_is_given_up() -> None:
    events, _ = played((Listen(), Listen(patience_s=3), HangUp()))
    assert "no_answer" in [name for name, _, _ in events]


def test_a_caller_left_on_the_line_hangs_up() -> None:
    events, _ = played((ExpectHangUp(4.0),))
    assert [name for name, _, _ in events][-3:] == ["left_on_line", "hung_up", "ended"]


def test_an_agent_that_hangs_up_is_expected() -> None:
    events, _ = played((Listen(), ExpectHangUp(15.0)), agent_hangs_up_s=6.0)
    assert "left_on_line" not in [name for name, _, _ in events]
    assert events[-1][0] == "ended"


def test_files_and_noise_are_played(tmp_path: Path) -> None:
    path = tmp_path / "question.wav"
    write_wav(path, sine(300, 1500, 24000), 24000)
    events, _ = played((PlayFile(path), Noise(2.0, -40.0), Wait(1.0)))
    times = {name + detail: at_s for name, at_s, detail in events}
    assert times["saidquestion.wav"] - times["sayingquestion.wav"] == pytest.approx(1.5, abs=0.05)
    assert times["saidnoise, 2 s"] - times["sayingnoise, 2 s"] == pytest.approx(2.0, abs=0.05)


def test_a_missing_file_is_said_before_the_call() -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        asyncio.run(Caller(playing("missing.wav"), Mouth()).prepare())


def test_reading_a_score() -> None:
    text = """
    # a whole call
    listen
    say "Hello. What's up?"
    interrupt 2.5 'Sorry?'
    play question.wav
    noise 3 -40
    press 4271#
    wait 2
    listen 1500
    expect hang-up 10
    hang up
    """
    assert read_score(text) == (
        Listen(),
        Say("Hello. What's up?"),
        Interrupt(2.5, "Sorry?"),
        PlayFile(Path("question.wav")),
        Noise(3.0, -40.0),
        Press("4271#"),
        Wait(2.0),
        Listen(1500.0),
        ExpectHangUp(10.0),
        HangUp(),
    )


@pytest.mark.parametrize(
    "line",
    ["sing", 'say "Hello', "say", "wait long", "wait", "press 5x", "hang", "hang out", "expect call", "wait 1 2"],
)
def test_a_line_that_is_no_step_is_named(line: str) -> None:
    with pytest.raises(UsageError, match=r"greeting\.score, line 2"):
        read_score(f"listen\n{line}\n", "greeting.score")


def test_an_empty_score_is_none() -> None:
    with pytest.raises(UsageError, match="no step"):
        read_score("# nothing\n")


def test_saying_waits_for_each_answer() -> None:
    assert saying(["One.", "Two."]) == (Listen(), Say("One."), Listen(), Say("Two."), Listen(), HangUp())
