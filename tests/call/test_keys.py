"""Keys take the floor, and are one entry that ends with # or a pause; typed words are the caller's own."""

from __future__ import annotations

import pytest
from call_story import Story, only, only_facts

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts

ENTERED = do.AddText("The caller pressed 123 on the keypad.")


def test_a_pause_ends_the_entry() -> None:
    story = Story.talking()
    for digit in "123":
        story.tell(ev.PhoneKey(digit))
        story.wait(1.0)
    assert story.all(do.AddText) == []
    out = story.wait(0.6)
    assert [c for c in out if isinstance(c, do.AddText | do.Respond)] == [ENTERED, do.Respond("respond_1")]
    assert only_facts(out, facts.KeysPressed) == [facts.KeysPressed(1, "123", 3500)]


def test_the_hash_key_ends_the_entry_at_once_and_is_no_part_of_it() -> None:
    story = Story.talking()
    out = story.tell(*map(ev.PhoneKey, "123#"))
    assert only(out, do.AddText) == [ENTERED]
    assert only(story.wait(5.0), do.AddText) == []


def test_a_lonely_hash_key_is_an_entry() -> None:
    story = Story.talking()
    story.tell(ev.PhoneKey("#"))
    story.wait(1.5)
    assert story.all(do.AddText) == [do.AddText("The caller pressed # on the keypad.")]


def test_a_key_interrupts_and_cancels_because_the_server_heard_no_speech() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 3000)
    story.wait(1.0)
    out = story.tell(ev.PhoneKey("1"))
    assert [type(c) for c in out][:3] == [do.Flush, do.Cancel, do.Truncate]
    assert only_facts(out, facts.Interrupted)[0].why == "key"
    assert [type(c) for c in story.tell(ev.PhoneKey("#")) if not isinstance(c, do.Publish)] == [do.AddText]
    # The cancelled response holds its slot until its end; only then the entry is answered.
    assert only(story.finish("resp_1", status="cancelled"), do.Respond) == [do.Respond("respond_1")]


def test_a_key_in_silence_cancels_nothing() -> None:
    story = Story.talking()
    story.tell(ev.ResponseCreated("resp_1"))
    assert story.tell(ev.PhoneKey("1")) == []


def test_the_wait_for_an_answer_to_keys_is_told() -> None:
    story = Story.talking()
    story.tell(*map(ev.PhoneKey, "7#"))
    story.wait(0.35)
    story.answer("resp_1", "item_1", 100)
    story.wait(0.5)
    assert [s.latency_ms for s in story.facts(facts.AgentStarted)] == [350]


@pytest.mark.parametrize("event", [ev.PhoneKey("1"), ev.SpeechStarted("caller_1", 0)])
def test_while_leaving_nobody_takes_the_floor(event: ev.Event) -> None:
    story = Story.talking()
    story.answer("resp_1", "item_1", 1000)
    story.tell(ev.LeaveAsked())
    story.wait(0.3)
    assert story.tell(event) == []
    story.wait(1.0)
    assert story.facts(facts.AgentSaid)[0].heard_ms == 1000


def test_typed_words_are_the_callers_and_take_the_floor() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 3000)
    story.wait(1.0)
    out = story.tell(ev.CallerTyped("  When do you open? "))
    assert [type(c) for c in out][:3] == [do.Flush, do.Cancel, do.Truncate]
    assert only_facts(out, facts.Interrupted)[0].why == "typed"
    assert only_facts(out, facts.CallerSaid) == [facts.CallerSaid(2, "When do you open?", 1000, 1000)]
    assert only(out, do.AddText) == [do.AddText("When do you open?")]
    assert only(story.finish("resp_1", status="cancelled"), do.Respond) == [do.Respond("respond_1")]


def test_the_wait_for_an_answer_to_typed_words_is_told() -> None:
    story = Story.talking()
    story.tell(ev.CallerTyped("Hello"))
    story.wait(0.4)
    story.begin("resp_1", "item_1", 500)
    assert [fact.latency_ms for fact in story.facts(facts.AgentStarted)] == [400]


def test_what_is_typed_before_the_model_is_there_waits_for_it() -> None:
    story = Story()
    story.tell(ev.PhoneAttached("MZ1"), ev.ModelOpened("sess_1"), ev.CallerTyped("Hello"), ev.CallerTyped(" "))
    assert story.all(do.AddText) == []
    story.tell(ev.ModelConfigured())
    story.wait(2.0)
    assert story.all(do.AddText) == [do.AddText("Hello")]


def test_nothing_typed_is_heard_while_the_call_is_being_left() -> None:
    story = Story.talking()
    story.tell(ev.LeaveAsked())
    assert story.tell(ev.CallerTyped("Wait")) == []
