"""The caller takes the floor: what is silenced, what the model is told, what is remembered."""

from __future__ import annotations

import pytest
from call_story import Story, only, only_facts, voice
from phone_model import PlayingPhone

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.limits import Terms

SPEECH = ev.SpeechStarted("caller_1", 0)


def test_while_the_answer_is_generated() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 3000, text="one two three four five six seven eight nine ten")
    story.wait(1.0)
    out = story.tell(SPEECH)
    kinds = [type(c) for c in out]
    assert kinds.index(do.Flush) < kinds.index(do.Truncate) < kinds.index(do.Publish)
    (cut,) = only(out, do.Truncate)
    assert (cut.item_id, cut.content_index) == ("item_1", 0)
    assert 975 <= cut.audio_end_ms <= 1002
    assert only(out, do.Cancel) == []  # the server's turn detection cancels by itself
    (interrupted,) = only_facts(out, facts.Interrupted)
    assert (interrupted.heard_ms, interrupted.received_ms, interrupted.why) == (cut.audio_end_ms, 3000, "speech")
    (said,) = only_facts(out, facts.AgentSaid)
    assert (said.heard_text, said.cut, said.length_ms) == ("one two three", True, 3000)
    assert said.end_ms == pytest.approx(1000, abs=25)
    assert story.phone.next_mark_at() <= story.now  # flushed marks come back at once and mean nothing
    assert only(story.wait(0.5), do.Heard) == []


def test_late_deltas_of_what_was_cut_are_never_played() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 600)
    story.wait(0.3)
    story.tell(SPEECH)
    before = len(story.all(do.Play))
    story.say("resp_1", "item_1", 400)
    story.say("resp_1", "item_2", 400)  # a new item of the same, cancelled response
    story.finish("resp_1", "item_1", "item_2", status="cancelled")
    assert len(story.all(do.Play)) == before
    story.tell(ev.SpeechStopped("caller_1", 900))
    story.answer("resp_2", "item_3", 200, seed=2)
    assert b"".join(p.audio for p in story.all(do.Play)[before:]) == voice(200, 2)


def test_late_deltas_do_not_count_as_an_answer_to_the_caller() -> None:
    """The caller's last word is unanswered, so hanging up on it needs a goodbye."""
    story = Story.talking()
    story.begin("resp_1", "item_1", 600)
    story.wait(0.3)
    story.tell(SPEECH, ev.SpeechStopped("caller_1", 500))
    story.say("resp_1", "item_1", 400)
    story.finish("resp_1", "item_1", status="cancelled")
    assert only(story.tell(ev.LeaveAsked()), do.Respond) == [do.Respond("respond_1", Terms().goodbye)]


def test_long_after_generation_has_finished() -> None:
    """The model generates five to ten times faster than a phone plays; the server no longer knows what is heard."""
    story = Story.talking()
    story.answer("resp_1", "item_1", 4000)
    story.wait(2.5)
    (cut,) = only(story.tell(SPEECH), do.Truncate)
    assert 2475 <= cut.audio_end_ms <= 2502


def test_queued_answers_are_cut_at_nothing() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 1000)
    story.say("resp_1", "item_2", 1000)
    story.say("resp_1", "item_3", 7)  # not even a frame of it has been sent
    story.wait(0.5)
    cuts = only(story.tell(SPEECH), do.Truncate)
    assert [c.item_id for c in cuts] == ["item_1", "item_2", "item_3"]
    assert 475 <= cuts[0].audio_end_ms <= 502
    assert [c.audio_end_ms for c in cuts[1:]] == [0, 0]
    said = story.facts(facts.AgentSaid)
    assert [(s.item_id, s.cut, s.heard_ms) for s in said][1:] == [("item_2", True, 0)]


def test_an_answer_heard_to_its_end_is_not_cut_with_the_one_behind_it() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 400)
    story.tell(ev.ModelAudioDone("resp_1", "item_1", 0))
    story.say("resp_1", "item_2", 1000)
    story.wait(0.9)
    cuts = only(story.tell(SPEECH), do.Truncate)
    assert [c.item_id for c in cuts] == ["item_2"]
    assert 475 <= cuts[0].audio_end_ms <= 502
    assert [(s.item_id, s.cut) for s in story.facts(facts.AgentSaid)] == [("item_1", False), ("item_2", True)]


def test_before_anything_is_heard() -> None:
    story = Story.talking(phone=PlayingPhone(start_delay_s=0.1))
    story.begin("resp_1", "item_1", 800, text="Never heard.")
    story.wait(0.05)
    (cut,) = only(story.tell(SPEECH), do.Truncate)
    assert cut.audio_end_ms == 0
    assert story.all(do.Heard) == []
    (said,) = story.facts(facts.AgentSaid)
    assert (said.heard_text, said.heard_ms) == ("", 0)


def test_while_the_model_still_thinks_there_is_nothing_to_flush_or_truncate() -> None:
    story = Story.talking()
    story.tell(ev.ResponseCreated("resp_1"))
    assert [type(c) for c in story.tell(SPEECH)] == [do.Publish]
    story.say("resp_1", "item_1", 200)
    assert story.all(do.Play) == []


def test_a_model_that_does_not_interrupt_itself_is_cancelled_after_the_phone_is_silent() -> None:
    story = Story.talking(Terms(model_interrupts=False))
    story.begin("resp_1", "item_1", 800)
    story.wait(0.1)
    assert [type(c) for c in story.tell(SPEECH)][:3] == [do.Flush, do.Cancel, do.Truncate]
    assert story.all(do.Cancel) == [do.Cancel("resp_1")]


def test_a_model_that_does_not_answer_by_itself_is_asked() -> None:
    story = Story.talking(Terms(model_answers=False))
    story.tell(SPEECH)
    assert only(story.tell(ev.SpeechStopped("caller_1", 800)), do.Respond) == [do.Respond("respond_1")]


def test_a_refused_truncation_never_silences_the_call() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 800)
    story.wait(0.2)
    story.tell(SPEECH, ev.ModelFault("invalid_request_error", "Audio content is already shorter", "benign"))
    story.finish("resp_1", status="cancelled")
    story.tell(ev.SpeechStopped("caller_1", 300))
    story.answer("resp_2", "item_2", 300)
    story.wait(1.0)
    assert [(s.item_id, s.cut) for s in story.facts(facts.AgentSaid)][-1] == ("item_2", False)
    assert story.end is None


def test_what_was_wanted_is_forgotten_when_the_caller_speaks() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 400)
    story.tell(ev.ToolCalled("call_1", "look_up", "{}"), ev.ToolFinished("call_1", "42"))
    story.tell(SPEECH)
    assert only(story.finish("resp_1", status="cancelled"), do.Respond) == []


def test_two_turns_are_numbered_in_the_order_they_began_and_latency_is_told() -> None:
    story = Story.talking()
    story.wait(1.0)
    story.tell(ev.SpeechStarted("caller_1", 200))
    story.wait(1.0)
    story.tell(ev.SpeechStopped("caller_1", 1700))
    story.wait(0.4)
    story.answer("resp_1", "item_1", 200, text="Yes.")
    story.wait(1.0)
    story.tell(ev.CallerText("caller_1", "Are you "), ev.CallerText("caller_1", "Are you open?", final=True))
    assert story.facts(facts.CallerStopped) == [facts.CallerStopped(200, 1700)]
    assert story.facts(facts.CallerSaid) == [facts.CallerSaid(1, "Are you open?", 200, 1700)]
    assert [(s.turn, s.latency_ms, s.start_ms) for s in story.facts(facts.AgentSaid)] == [(2, 700, 2400)]
