"""Caller audio on its way to the model: every frame once, gaps as silence, so that turn detection keeps time."""

from __future__ import annotations

import pytest
from call_story import FRAME, Story, only

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.phone_side import GAP_LIMIT_MS


def test_a_frame_is_fed_as_it_came() -> None:
    story = Story.talking()
    assert story.tell(FRAME) == [do.Feed(FRAME.audio)]
    assert story.tell(FRAME)[0] == do.Feed(FRAME.audio)


@pytest.mark.parametrize(("gap_ms", "filled_ms"), [(20, 20), (340, 340), (10_000, 10_000), (60_000, GAP_LIMIT_MS)])
def test_a_gap_is_filled_with_silence_up_to_ten_seconds(gap_ms: int, filled_ms: int) -> None:
    story = Story.talking()
    out = story.tell(ev.PhoneGap(gap_ms))
    (fed,) = only(out, do.Feed)
    assert fed.audio == b"\xff" * filled_ms * 8
    assert story.facts(facts.Trouble) == [facts.Trouble("phone", "gap", f"{gap_ms} ms of caller audio were missing")]


def test_what_is_fed_keeps_the_length_of_the_call() -> None:
    story = Story.talking()
    story.wait(1.0)
    story.frames = False
    story.wait(0.5)
    story.tell(ev.PhoneGap(500))
    assert sum(len(f.audio) for f in story.all(do.Feed)) == 1500 * 8


def test_a_call_that_leaves_or_is_away_feeds_nothing() -> None:
    story = Story.talking()
    story.answer("resp_1", "item_1", 500)
    story.tell(ev.LeaveAsked())
    assert story.tell(FRAME) == []
    away = Story.talking()
    away.tell(ev.DigitsAsked("1"))
    assert away.tell(FRAME) == []


def test_speech_before_time_zero_is_at_zero() -> None:
    story = Story.talking()
    story.tell(ev.SpeechStarted("caller_1", -300), ev.SpeechStopped("caller_1", -100))
    assert story.facts(facts.CallerStarted) == [facts.CallerStarted(0)]
    assert story.facts(facts.CallerStopped) == [facts.CallerStopped(0, 0)]
