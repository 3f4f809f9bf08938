"""The model fails in all its ways; the caller is never left in silence without a deadline."""

from __future__ import annotations

import pytest
from call_story import Story, only, only_facts

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.limits import Terms
from bridge.call.model_side import FAULT_LIMIT

TERMS = Terms(greeting="Greet the caller.")
BUSY = "conversation_already_has_active_response"


def failed(response: str, severity: ev.Severity = "transient") -> ev.ResponseDone:
    return ev.ResponseDone(response, "failed", "", "server_error", "The server had an error", severity)


def test_lost_in_mid_word() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 2000)
    story.wait(0.5)
    story.tell(ev.ModelLost("closed (1011)"))
    assert story.end == do.End("model_failed", "model", "closed (1011)")
    (said,) = story.facts(facts.AgentSaid)
    assert said.cut
    assert 475 <= said.heard_ms <= 502


def test_lost_when_the_goodbye_is_generated_it_is_still_heard() -> None:
    story = Story.talking()
    story.answer("resp_1", "item_1", 1500)
    story.tell(ev.LeaveAsked())
    story.wait(0.5)
    assert story.tell(ev.ModelLost("closed"), ev.ModelLost("closed again")) == []
    story.wait(1.1)
    assert story.end == do.End("agent_hung_up", "agent")
    assert story.facts(facts.AgentSaid)[0].heard_ms == 1500


def test_lost_in_the_middle_of_the_goodbye() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 1500)
    story.tell(ev.LeaveAsked(), ev.ModelLost("closed"))
    assert story.end == do.End("model_failed", "model", "closed")


def test_a_tool_that_returns_after_the_model_was_lost_has_nobody_to_return_to() -> None:
    story = Story.talking()
    story.answer("resp_1", "item_1", 500)
    story.tell(ev.ToolCalled("call_1", "a", "{}"), ev.LeaveAsked(), ev.ModelLost("closed"))
    out = story.tell(ev.ToolFinished("call_1", "1"))
    assert only(out, do.ReturnTool) == []
    assert len(only_facts(out, facts.ToolUsed)) == 1
    story.wait(0.6)
    assert story.end == do.End("agent_hung_up", "agent")


def test_a_failed_response_is_asked_for_again_with_the_same_words_then_given_up() -> None:
    story = Story.talking(TERMS)
    story.tell(ev.ResponseCreated("resp_1"))
    assert only(story.tell(failed("resp_1")), do.Respond) == [do.Respond("respond_2", TERMS.greeting)]
    story.tell(ev.ResponseCreated("resp_2"))
    assert only(story.tell(failed("resp_2")), do.Respond) == [do.Respond("respond_3", TERMS.greeting)]
    story.tell(ev.ResponseCreated("resp_3"), failed("resp_3"))
    assert story.end == do.End("model_failed", "model", "The server had an error")
    assert [t.code for t in story.facts(facts.Trouble)] == ["server_error"] * 3


def test_a_success_in_between_forgives() -> None:
    story = Story.talking(TERMS)
    for n in range(1, 9, 2):
        story.tell(ev.ResponseCreated(f"resp_{n}"), failed(f"resp_{n}"))
        story.answer(f"resp_{n + 1}", f"item_{n}", 100)
    assert story.end is None


def test_the_servers_own_failed_answer_is_not_repeated_with_the_words_of_the_greeting() -> None:
    story = Story.talking(TERMS)
    story.answer("resp_1", "item_1", 100)
    story.tell(ev.SpeechStarted("caller_1", 0), ev.SpeechStopped("caller_1", 900), ev.ResponseCreated("resp_2"))
    assert only(story.tell(failed("resp_2")), do.Respond) == [do.Respond("respond_2", "")]


def test_a_fatal_failure_ends_the_call_at_once() -> None:
    story = Story.talking(TERMS)
    story.tell(ev.ResponseCreated("resp_1"), ev.ResponseDone("resp_1", "failed", "", "insufficient_quota", "", "fatal"))
    assert story.end == do.End("model_failed", "model", "insufficient_quota")


def test_a_failure_while_another_request_is_wanted_asks_for_that() -> None:
    story = Story.talking(TERMS)
    story.tell(ev.ResponseCreated("resp_1"), ev.ToolCalled("call_1", "a", "{}"), ev.ToolFinished("call_1", "1"))
    assert only(story.tell(failed("resp_1")), do.Respond) == [do.Respond("respond_2", "")]


def test_a_response_that_never_begins_is_asked_for_once_more() -> None:
    story = Story.talking(TERMS)
    assert only(story.wait(TERMS.respond_s), do.Respond) == [do.Respond("respond_2", TERMS.greeting)]
    assert story.facts(facts.Trouble)[0].code == "no_response"
    story.wait(TERMS.respond_s)
    assert story.end == do.End("model_failed", "model", "the model did not begin a response that was asked for twice")


def test_a_response_that_falls_silent() -> None:
    story = Story.talking(TERMS)
    story.begin("resp_1", "item_1", 300)
    story.wait(15.0)
    story.tell(ev.AgentText("resp_1", "item_1", "and "))
    story.wait(19.9)
    assert story.end is None
    story.wait(0.2)
    assert story.end == do.End("model_failed", "model", "the model fell silent in the middle of a response")


def test_a_response_that_is_done_may_be_followed_by_silence() -> None:
    story = Story.talking(TERMS)
    story.answer("resp_1", "item_1", 300)
    story.wait(60.0)
    assert story.end is None


def test_errors_of_no_consequence_are_told_and_counted() -> None:
    story = Story.talking()
    for _ in range(FAULT_LIMIT + 10):
        assert story.tell(ev.ModelFault("", "odd", "transient"))[1:] == []
    assert len(story.facts(facts.Trouble)) == FAULT_LIMIT
    assert story.end is None


def test_a_fatal_error_ends_the_call() -> None:
    story = Story.talking()
    story.tell(ev.ModelFault("session_expired", "", "fatal"))
    assert story.end == do.End("model_failed", "model", "session_expired")


def test_our_request_meets_a_response_of_the_servers_own() -> None:
    """Both began at once; ours is refused, stays wanted and is asked for when the other is done."""
    story = Story.talking()
    story.tell(ev.ToolCalled("call_1", "a", "{}"), ev.ToolFinished("call_1", "1"))
    story.tell(ev.ResponseCreated("resp_vad"), ev.ModelFault(BUSY, "busy", "benign", "respond_1"))
    story.wait(TERMS.respond_s + 1.0)
    assert len(story.all(do.Respond)) == 1
    assert only(story.finish("resp_vad"), do.Respond) == [do.Respond("respond_2", "")]
    assert [t.code for t in story.facts(facts.Trouble)] == [BUSY]


def test_the_refusal_comes_before_the_other_response_is_announced() -> None:
    story = Story.talking(TERMS)
    story.tell(ev.ModelFault(BUSY, "busy", "benign"))
    story.tell(ev.ResponseCreated("resp_vad"))
    assert only(story.finish("resp_vad"), do.Respond) == [do.Respond("respond_2", TERMS.greeting)]


def test_refused_for_a_response_that_is_never_announced() -> None:
    """What is wanted has a deadline even when nothing we know of is in its way."""
    story = Story.talking(TERMS)
    story.tell(ev.ModelFault(BUSY, "busy", "benign", "respond_1"))
    assert only(story.wait(TERMS.respond_s), do.Respond) == [do.Respond("respond_2", TERMS.greeting)]


def test_a_timer_that_rings_very_late_asks_once() -> None:
    """Two deadlines have passed; the first one's request moves the second, which must not ask again at once."""
    story = Story.talking(Terms(silence_s=3.0))
    story.tell(ev.ModelFault(BUSY, "busy", "benign"))
    late = story.core.wake(story.now + 7.0)
    assert [r.instructions for r in only(late, do.Respond)] == [Terms().silence_goodbye]


def test_a_late_failure_of_an_old_response_asks_for_nothing() -> None:
    story = Story.talking(TERMS)
    story.tell(ev.ResponseCreated("resp_1"))
    assert len(only(story.tell(failed("resp_1")), do.Respond)) == 1
    assert only(story.tell(failed("resp_1")), do.Respond) == []


def test_a_refused_request_frees_its_slot() -> None:
    story = Story.talking(TERMS)
    story.tell(ev.ModelFault("invalid_value", "no", "benign", "respond_1"))
    story.wait(30.0)
    assert story.end is None
    assert only(story.tell(*map(ev.PhoneKey, "1#")), do.Respond) == [do.Respond("respond_2", "")]


def test_out_of_band_responses_hold_no_slot_and_never_reach_the_phone() -> None:
    story = Story.talking()
    story.tell(ev.ResponseCreated("resp_oob", conversational=False))
    story.say("resp_oob", "item_oob", 400)
    assert only(story.tell(*map(ev.PhoneKey, "1#")), do.Respond) == [do.Respond("respond_1", "")]
    done = ev.ResponseDone("resp_oob", "failed", usage={"input_tokens": 7}, conversational=False)
    assert story.tell(done) == [do.Publish(facts.UsageCounted({"input_tokens": 7}))]
    assert story.all(do.Play) == []


def test_the_end_of_an_old_response_frees_nothing() -> None:
    story = Story.talking(TERMS)
    story.tell(ev.ResponseCreated("resp_2"), ev.ToolCalled("call_1", "a", "{}"), ev.ToolFinished("call_1", "1"))
    assert story.finish("resp_1") == []
    assert only(story.finish("resp_2"), do.Respond) == [do.Respond("respond_2", "")]


@pytest.mark.parametrize(
    "ends_with", [ev.ModelAudioDone("resp_1", "item_1", 0), ev.ResponseDone("resp_1", "incomplete")]
)
def test_the_last_part_frame_goes_out_with_either_end(ends_with: ev.Event) -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 105)
    assert sum(len(p.audio) for p in story.all(do.Play)) == 800
    story.tell(ends_with)
    assert sum(len(p.audio) for p in story.all(do.Play)) == 960
    story.wait(0.2)
    assert story.facts(facts.AgentSaid)[0].heard_ms == 105


def test_a_request_made_of_a_model_that_is_not_there_holds_no_slot() -> None:
    """A tool result before the session was configured (a server out of order): the greeting must still be asked for."""
    story = Story(TERMS)
    story.tell(ev.ToolCalled("call_1", "a", "{}"), ev.ToolFinished("call_1", "1"))
    assert story.all(do.Respond) == []
    assert [r.instructions for r in only(story.tell(ev.ModelConfigured()), do.Respond)] == [TERMS.greeting]
