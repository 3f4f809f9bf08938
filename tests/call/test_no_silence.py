"""Nobody is left in silence: three ways in which a call used to wait for a silence limit."""

from __future__ import annotations

from call_story import Story

from bridge.call import commands as do
from bridge.call import events as ev


def test_a_line_that_was_lost_in_mid_word_is_spoken_to_when_it_is_back() -> None:
    story = Story.talking()
    story.answer("resp_1", "item_1", 3000, text="A long sentence.")
    story.wait(1.0)
    story.tell(ev.PhoneLost("reset"))
    story.wait(0.3)
    commands = story.tell(ev.PhoneAttached("MZ2"))
    (asked,) = [c for c in commands if isinstance(c, do.Respond)]
    assert "go on where you were cut off" in asked.instructions


def test_a_line_that_was_lost_in_silence_is_just_back() -> None:
    story = Story.talking()
    story.tell(ev.PhoneLost("reset"))
    story.wait(0.3)
    assert not [c for c in story.tell(ev.PhoneAttached("MZ2")) if isinstance(c, do.Respond)]


def test_a_turn_that_the_server_does_not_answer_is_asked_about() -> None:
    story = Story.talking()
    story.tell(ev.SpeechStarted("caller_1", 200))
    story.wait(1.0)
    story.tell(ev.SpeechStopped("caller_1", 1700))
    story.wait(11.5)
    assert story.all(do.Respond) == []
    story.wait(1.0)
    assert len(story.all(do.Respond)) == 1


def test_a_finished_answer_is_heard_although_the_model_is_gone() -> None:
    story = Story.talking()
    story.answer("resp_1", "item_1", 2000, text="All of this is heard.")
    story.wait(0.5)
    story.tell(ev.ModelLost("the server closed the connection (1011)"))
    assert story.end is None
    story.wait(3.0)
    assert story.end == do.End("model_failed", "model", "the server closed the connection (1011)")
