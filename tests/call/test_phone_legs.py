"""A call outlives its streams: lost and back, sent away for keys and back, gone for good."""

from __future__ import annotations

import pytest
from call_story import FRAME, Story, only

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.limits import Terms

TERMS = Terms()


def test_lost_and_back_in_time() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 2000, text="half of this was heard")
    story.wait(1.0)
    out = story.tell(ev.PhoneLost("connection reset"))
    (cut,) = only(out, do.Truncate)  # the model shall know what the caller did not hear
    assert 975 <= cut.audio_end_ms <= 1002
    assert story.facts(facts.Trouble) == [facts.Trouble("phone", "lost", "connection reset")]
    story.finish("resp_1", "item_1")
    story.tell(ev.PhoneExpected())
    story.wait(3.0)
    story.answer("resp_2", "item_2", 400)
    assert only(story.tell(ev.PhoneAttached("MZ2")), do.Play)
    story.wait(0.5)
    assert [(s.item_id, s.cut) for s in story.facts(facts.AgentSaid)] == [("item_1", True), ("item_2", False)]
    assert story.phases == ["TALKING", "AWAY", "TALKING"]
    assert [f.stream_id for f in story.facts(facts.CallAnswered)] == ["MZ1", "MZ2"]
    assert story.end is None


def test_lost_and_not_back() -> None:
    story = Story.talking()
    story.tell(ev.PhoneLost("reset"))
    story.wait(TERMS.away_s)
    assert story.end == do.End("phone_lost", "carrier", "the phone's stream was lost and did not come back")


def test_expected_and_not_back() -> None:
    story = Story.talking()
    story.tell(ev.PhoneExpected())  # means nothing while the leg is on
    story.tell(ev.PhoneLost("reset"), ev.PhoneExpected())
    story.wait(TERMS.ring_s - 0.01)
    assert story.end is None
    story.wait(0.01)
    assert story.end is not None


def test_lost_while_leaving_is_the_end() -> None:
    story = Story.talking()
    story.answer("resp_1", "item_1", 1000)
    story.tell(ev.LeaveAsked(), ev.PhoneLost("reset"))
    assert story.end == do.End("phone_lost", "carrier", "reset")


def test_a_detour_for_keys_and_the_way_back() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 500)
    story.tell(ev.ToolCalled("call_1", "send_digits", "{}"), ev.DigitsAsked("1w2"))
    story.tell(ev.ToolFinished("call_1", "sent", speak=False))
    assert story.finish("resp_1", "item_1") == []
    out = story.wait(0.6)
    assert only(out, do.Detour) == [do.Detour("1w2")]
    assert story.core.phase.value == "AWAY"
    assert story.tell(ev.PhoneStopped()) == []  # the stream we left
    assert only(story.tell(FRAME), do.Feed) == []
    story.wait(20.0)
    story.tell(ev.PhoneAttached("MZ2"))
    assert story.core.phase.value == "TALKING"
    assert only(story.wait(0.1), do.Feed)
    story.tell(ev.SpeechStarted("caller_1", 700))  # 0.5 s were fed before, then 20 s were not
    assert story.facts(facts.CallerStarted)[0].at_ms == pytest.approx(20_700, abs=120)


def test_a_detour_waits_for_the_tools_and_a_second_wish_is_added() -> None:
    story = Story.talking()
    story.tell(ev.ToolCalled("call_1", "send_digits", '"12"'), ev.ToolCalled("call_2", "send_digits", '"#"'))
    story.tell(ev.DigitsAsked("12"), ev.DigitsAsked("#"))
    story.tell(ev.ToolFinished("call_1", "sent", speak=False))
    assert story.all(do.Detour) == []
    assert story.tell(ev.ToolFinished("call_2", "sent", speak=False))[-1] == do.Detour("12#")


def test_a_detour_that_does_not_come_back_is_a_lost_call() -> None:
    story = Story.talking()
    assert story.tell(ev.DigitsAsked("5"))[-1] == do.Detour("5")
    story.wait(TERMS.detour_s)
    assert story.end is not None
    assert story.end.reason == "phone_lost"


def test_keys_wait_for_a_leg_that_was_lost_before_they_could_be_sent() -> None:
    story = Story.talking()
    story.answer("resp_1", "item_1", 600)
    story.tell(ev.DigitsAsked("9"))
    story.wait(0.2)
    story.tell(ev.PhoneLost("reset"), ev.PhoneExpected())
    story.wait(4.0)
    assert story.all(do.Detour) == []
    assert story.tell(ev.PhoneAttached("MZ2"))[-1] == do.Detour("9")


def test_no_keys_are_sent_by_a_call_that_leaves() -> None:
    story = Story.talking()
    story.answer("resp_1", "item_1", 300)
    story.tell(ev.LeaveAsked(), ev.DigitsAsked("9"))
    story.wait(1.0)
    assert (story.all(do.Detour), story.end) == ([], do.End("agent_hung_up", "agent"))


def test_leaving_asked_on_a_detour_is_done_on_the_way_back() -> None:
    story = Story.talking()
    story.tell(ev.DigitsAsked("5"), ev.LeaveAsked())
    story.wait(5.0)
    story.tell(ev.PhoneAttached("MZ2"))
    assert story.end == do.End("agent_hung_up", "agent")


def test_the_call_is_reported_over_while_the_leg_is_away() -> None:
    story = Story.talking()
    story.tell(ev.PhoneLost("reset"), ev.CarrierReported("completed"))
    assert story.end == do.End("caller_hung_up", "caller")


@pytest.mark.parametrize("event", [ev.PhoneStopped(), ev.PhoneLost("reset"), ev.PhoneExpected()])
def test_news_of_a_leg_that_never_was_mean_nothing(event: ev.Event) -> None:
    story = Story()
    assert story.tell(event) == []
    assert story.core.phase.value == "RINGING"


def test_a_second_attachment_is_ignored_and_counted() -> None:
    story = Story.talking()
    assert story.tell(ev.PhoneAttached("MZ2")) == []
    assert story.core.desk.unexpected == 1


def test_nobody_is_asked_anything_while_keys_are_sent() -> None:
    story = Story.talking(Terms(silence_after_s=5.0, silence_say=("Are you there?",), silence_s=8.0))
    story.tell(ev.DigitsAsked("1w2"))
    story.wait(20.0)
    assert (story.end, story.all(do.Respond)) == (None, [])
    story.tell(ev.PhoneAttached("MZ2"))
    story.wait(5.1)
    assert len(story.all(do.Respond)) == 1
