"""A call is left after the last word has been heard, and never without a deadline."""

from __future__ import annotations

import pytest
from call_story import Story, only
from phone_model import PlayingPhone

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.limits import Terms

TERMS = Terms()


def test_goodbye_is_heard_before_the_line_drops() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 2000, text="Goodbye.")
    story.tell(ev.ToolCalled("call_1", "hang_up", "{}"), ev.LeaveAsked())
    story.finish("resp_1", "item_1")
    story.tell(ev.ToolFinished("call_1", "{}", speak=False))
    story.wait(1.9)
    assert (story.end, story.phases) == (None, ["TALKING", "LEAVING"])
    out = story.wait(0.15)
    assert out[-1] == do.End("agent_hung_up", "agent")
    assert story.facts(facts.AgentSaid)[0].heard_ms == 2000
    assert story.facts(facts.CallEnded) == [facts.CallEnded("agent_hung_up", "agent", "", 2000)]


def test_a_lost_last_mark_delays_the_end_and_does_not_prevent_it() -> None:
    story = Story.talking(phone=PlayingPhone(lost={5}))
    story.answer("resp_1", "item_1", 1000)
    story.tell(ev.LeaveAsked())
    story.wait(1.0 + TERMS.settle_s - 0.05)
    assert story.end is None
    story.wait(0.1)
    assert story.end == do.End("agent_hung_up", "agent")
    (said,) = story.facts(facts.AgentSaid)
    assert (said.heard_ms, said.cut) == (1000, False)


def test_an_agent_that_hangs_up_on_the_callers_last_word_says_goodbye_first() -> None:
    story = Story.talking()
    story.tell(ev.SpeechStarted("caller_1", 0), ev.SpeechStopped("caller_1", 800))
    story.tell(ev.ResponseCreated("resp_1"), ev.ToolCalled("call_1", "hang_up", "{}"), ev.LeaveAsked())
    story.tell(ev.ToolFinished("call_1", "{}", speak=False))
    assert story.finish("resp_1") == [do.Respond("respond_1", TERMS.goodbye)]
    story.answer("resp_2", "item_2", 700)
    assert story.end is None
    story.wait(0.75)
    assert story.end == do.End("agent_hung_up", "agent")


def test_a_goodbye_that_is_refused_does_not_hold_the_call() -> None:
    story = Story.talking()
    story.tell(ev.SpeechStarted("caller_1", 0), ev.SpeechStopped("caller_1", 800), ev.LeaveAsked())
    story.tell(ev.ModelFault("invalid_value", "no", "benign", "respond_1"))
    assert story.end == do.End("agent_hung_up", "agent")


def test_the_caller_hangs_up_in_mid_word() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 4000, text="alpha beta gamma delta")
    story.wait(2.1)
    story.tell(ev.SpeechStarted("caller_1", 1900), ev.SpeechStopped("caller_1", 2050))
    story.tell(ev.PhoneStopped())
    (said,) = story.facts(facts.AgentSaid)
    assert said.cut
    assert 2050 <= said.heard_ms <= 2102
    assert story.end == do.End("caller_hung_up", "caller")
    # The words of the caller's last turn never came, and nothing is claimed.
    assert story.facts(facts.CallerSaid) == [facts.CallerSaid(2, "", 1900, 2050)]
    assert story.phases[-1] == "ENDED"


def test_the_caller_hangs_up_while_the_agent_is_heard() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 4000, text="alpha beta gamma delta")
    story.wait(2.1)
    story.tell(ev.PhoneStopped())
    (said,) = story.facts(facts.AgentSaid)
    assert (said.cut, said.heard_text) == (True, "alpha beta")
    assert 2075 <= said.heard_ms <= 2102


def test_after_the_end_nothing_follows_from_anything() -> None:
    story = Story.talking()
    story.tell(ev.PhoneStopped())
    assert story.tell(ev.PhoneStopped(), ev.LeaveAsked(), ev.ModelLost("gone")) == []
    assert (story.core.deadline(), story.core.wake(story.now + 9999.0)) == (None, [])


def test_a_transfer_is_told_with_its_number_and_waits_for_the_last_word() -> None:
    story = Story.talking()
    story.answer("resp_1", "item_1", 900, text="I put you through.")
    story.tell(ev.TransferAsked("+14155550123"), ev.LeaveAsked())  # the first wish wins
    story.wait(0.8)
    assert (story.end, story.all(do.HandOver)) == (None, [])
    story.wait(0.2)
    assert story.all(do.HandOver) == [do.HandOver("+14155550123")]
    assert story.end is None, "nobody has picked up yet"
    story.wait(20.0)
    story.tell(ev.HandedOver())
    assert story.end == do.End("transferred", "agent", "", "+14155550123")
    assert [f.to for f in story.facts(facts.HandingOver)] == ["+14155550123"]


def handing_over(terms: Terms = TERMS) -> Story:
    """A call whose caller is being connected to somebody else."""
    story = Story.talking(terms)
    story.answer("resp_1", "item_1", 900, text="I put you through.")
    story.tell(ev.TransferAsked("+14155550123"))
    story.wait(1.0)
    assert story.phases[-1] == "AWAY"
    return story


def test_a_caller_whom_nobody_took_comes_back_and_is_told() -> None:
    story = handing_over()
    story.wait(25.0)
    story.tell(ev.HandOverFailed("no answer"))
    assert story.end is None
    story.wait(0.5)
    out = story.tell(ev.PhoneAttached("MZ2"))
    assert out[-1] == do.Respond("respond_1", TERMS.taken_back.format(why="no answer"))
    assert [f.why for f in story.facts(facts.TakenBack)] == ["no answer"]
    assert story.phases[-3:] == ["LEAVING", "AWAY", "TALKING"]
    story.answer("resp_2", "item_2", 1000, text="Nobody is there.")
    story.wait(2.0)
    story.tell(ev.SpeechStarted("caller_1", 3000), ev.SpeechStopped("caller_1", 4000))
    assert story.end is None, "the call goes on like any other"


def test_one_who_hung_up_before_the_caller_left_costs_nothing() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 900, text="I connect you.")
    story.tell(ev.TransferAsked("room:1"), ev.HandOverFailed("they hung up again"))
    story.finish("resp_1", "item_1")
    story.wait(2.0)
    assert story.all(do.Respond)[-1].instructions == TERMS.taken_back.format(why="they hung up again")
    assert (story.end, story.phases) == (None, ["TALKING", "LEAVING", "TALKING"])


def test_a_caller_who_was_taken_back_has_no_more_time_than_others() -> None:
    story = handing_over(Terms(longest_s=60.0, warn_s=10.0))
    story.wait(25.0)
    story.tell(ev.HandOverFailed("busy"), ev.PhoneAttached("MZ2"))
    story.answer("resp_2", "item_2", 500)
    story.wait(24.5)
    assert story.all(do.Respond)[-1].instructions == TERMS.warning
    story.answer("resp_3", "item_3", 500)
    story.wait(10.0)
    assert story.all(do.Respond)[-1].instructions == TERMS.longest_goodbye


def test_a_hand_over_nobody_tells_of_has_its_time() -> None:
    story = handing_over()
    story.wait(TERMS.hand_over_s + 0.1)
    assert story.end == do.End("transferred", "agent", "", "+14155550123")


def test_a_caller_may_hang_up_while_it_rings() -> None:
    story = handing_over()
    story.wait(5.0)
    story.tell(ev.CarrierReported("completed"))
    assert story.end == do.End("caller_hung_up", "caller")


def test_losing_the_model_while_it_rings_harms_nobody_who_is_taken() -> None:
    story = handing_over()
    story.tell(ev.ModelLost("gone"))
    assert story.end is None
    story.tell(ev.HandedOver())
    assert story.end == do.End("transferred", "agent", "", "+14155550123")


def test_and_one_who_is_not_gets_the_apology() -> None:
    story = handing_over()
    story.tell(ev.ModelLost("gone"), ev.HandOverFailed("busy"), ev.PhoneAttached("MZ2"))
    assert story.end == do.End("model_failed", "model", "gone")


def test_nobody_is_handed_over_who_is_not_being_handed_over() -> None:
    story = Story.talking()
    assert story.tell(ev.HandedOver(), ev.HandOverFailed("busy")) == []


def test_an_agent_that_transfers_on_the_callers_last_word_says_so_first() -> None:
    story = Story.talking()
    story.tell(ev.SpeechStarted("caller_1", 0), ev.SpeechStopped("caller_1", 800))
    story.tell(ev.ResponseCreated("resp_1"), ev.ToolCalled("call_1", "transfer_to_person", "{}"))
    story.tell(ev.TransferAsked("+14155550123"), ev.ToolFinished("call_1", "{}", speak=False))
    assert story.finish("resp_1") == [do.Respond("respond_1", TERMS.handing_over)]


def test_a_goodbye_that_never_comes_has_its_time() -> None:
    story = Story.talking()
    story.tell(ev.ResponseCreated("resp_1"), ev.LeaveAsked())
    for _ in range(4):
        story.wait(4.9)
        story.tell(ev.AgentText("resp_1", "item_1", "hm "))
    assert story.end is None
    story.wait(0.5)
    assert story.end == do.End("agent_hung_up", "agent")


def test_a_long_goodbye_is_heard_although_the_time_to_generate_it_is_over() -> None:
    story = Story.talking()
    story.tell(ev.SpeechStarted("caller_1", 0), ev.SpeechStopped("caller_1", 800), ev.LeaveAsked())
    story.wait(3.0)
    story.answer("resp_1", "item_1", 25_000)
    story.wait(24.9)
    assert story.end is None
    story.wait(0.2)
    assert story.end == do.End("agent_hung_up", "agent")
    assert story.facts(facts.AgentSaid)[0].heard_ms == 25_000


def test_silence_is_ended_with_words() -> None:
    story = Story.talking(Terms(silence_s=30.0))
    story.wait(20.0)
    story.tell(ev.SpeechStarted("caller_1", 20_000))
    story.wait(15.0)  # still speaking
    story.tell(ev.SpeechStopped("caller_1", 35_000))
    story.answer("resp_1", "item_1", 5000)
    story.wait(34.9)
    assert story.all(do.Respond) == []
    assert only(story.wait(0.2), do.Respond) == [do.Respond("respond_1", TERMS.silence_goodbye)]
    story.answer("resp_2", "item_2", 1000)
    story.wait(1.05)
    assert story.end == do.End("silence", "bridge")


def test_the_longest_call_is_ended_with_words() -> None:
    story = Story.talking(Terms(longest_s=60.0))
    story.wait(60.0)
    assert story.all(do.Respond) == [do.Respond("respond_1", TERMS.longest_goodbye)]
    story.answer("resp_1", "item_1", 500)
    story.wait(0.6)
    assert story.end == do.End("max_duration", "bridge")


def test_a_goodbye_of_ours_follows_what_the_agent_is_saying() -> None:
    story = Story.talking(Terms(longest_s=60.0))
    story.wait(59.0)
    story.begin("resp_1", "item_1", 3000)
    story.wait(1.1)
    assert (story.all(do.Respond), story.core.phase.value) == ([], "LEAVING")
    assert only(story.finish("resp_1", "item_1"), do.Respond) == [do.Respond("respond_1", TERMS.longest_goodbye)]
    story.answer("resp_2", "item_2", 1000)
    story.wait(3.0)
    assert story.end == do.End("max_duration", "bridge")
    assert [(s.item_id, s.heard_ms) for s in story.facts(facts.AgentSaid)] == [("item_1", 3000), ("item_2", 1000)]


def test_a_call_that_leaves_is_not_asked_for_a_second_goodbye() -> None:
    story = Story(Terms(silence_s=5.0))
    story.tell(ev.ModelOpened("s"), ev.ModelConfigured(), ev.ResponseCreated("resp_1"), ev.LeaveAsked())
    story.tell(ev.PhoneAttached("MZ1"))
    assert only(story.wait(8.0), do.Respond) == []


def test_leaving_asked_before_the_phone_is_there_waits_for_it() -> None:
    story = Story()
    story.tell(ev.ModelOpened("s"), ev.ModelConfigured(), ev.LeaveAsked("machine", "bridge"))
    assert story.end is None
    story.tell(ev.PhoneAttached("MZ1"))
    assert story.end == do.End("machine", "bridge")


def test_no_frames_at_all_is_a_dead_leg() -> None:
    story = Story.talking()
    story.wait(3.0)
    story.frames = False
    story.wait(9.9)
    assert story.end is None
    story.wait(0.2)
    assert story.end == do.End("phone_lost", "carrier", "no caller audio for 10 s")


@pytest.mark.parametrize("late_s", [0.0, 0.3])
def test_a_late_mark_shifts_the_settling(late_s: float) -> None:
    story = Story.talking(phone=PlayingPhone(mark_delay_s=late_s))
    story.answer("resp_1", "item_1", 600)
    story.wait(0.5)
    story.tell(ev.LeaveAsked())
    story.wait(0.2 + late_s)
    assert story.end == do.End("agent_hung_up", "agent")


def test_a_settling_call_does_not_hang_up_on_an_open_tool() -> None:
    story = Story.talking(phone=PlayingPhone(lost={0, 1, 2, 3}))
    story.answer("resp_1", "item_1", 500)
    story.tell(ev.LeaveAsked())
    story.tell(ev.ResponseCreated("resp_2"), ev.ToolCalled("call_1", "save", "{}"))
    story.finish("resp_2")
    story.wait(4.0)
    assert story.end is None
    out = story.tell(ev.ToolFinished("call_1", "saved", speak=False))
    assert out[0] == do.ReturnTool("call_1", "saved")
    story.wait(0.01)
    assert story.end == do.End("agent_hung_up", "agent")


def test_settling_starts_anew_when_more_is_said() -> None:
    story = Story.talking(phone=PlayingPhone(lost={3, 4, 5}))
    story.answer("resp_1", "item_1", 600)
    story.tell(ev.LeaveAsked())
    story.begin("resp_2", "item_2", 4000)
    story.wait(3.0)  # the first settling would have ended here
    story.finish("resp_2", "item_2")
    assert story.end is None
    story.wait(1.65)
    assert story.end == do.End("agent_hung_up", "agent")
    assert [s.heard_ms for s in story.facts(facts.AgentSaid)] == [600, 4000]
