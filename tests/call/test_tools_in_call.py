"""Tools: run once, answered once, spoken about once, when the last has returned."""

from __future__ import annotations

from call_story import Story, only, only_facts

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.limits import Terms

LATE = '{"error": "The tool did not answer in time."}'


def test_a_result_is_returned_at_once_and_spoken_about_after_the_response() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 300)
    out = story.tell(ev.ToolCalled("call_1", "opening_hours", '{"day":"Monday"}', "resp_1"))
    assert only(out, do.RunTool) == [do.RunTool("call_1", "opening_hours", '{"day":"Monday"}')]
    story.wait(0.1)
    out = story.tell(ev.ToolFinished("call_1", '"9 to 5"'))
    assert [c for c in out if not isinstance(c, do.Publish)] == [do.ReturnTool("call_1", '"9 to 5"')]
    assert only_facts(out, facts.ToolUsed) == [
        facts.ToolUsed(2, "call_1", "opening_hours", '{"day":"Monday"}', '"9 to 5"', True, 0, 100)
    ]
    assert only(story.finish("resp_1", "item_1"), do.Respond) == [do.Respond("respond_1")]


def test_two_tools_at_once_lead_to_one_response() -> None:
    story = Story.talking()
    story.tell(ev.ResponseCreated("resp_1"))
    story.tell(ev.ToolCalled("call_1", "a", "{}"), ev.ToolCalled("call_2", "b", "{}"))
    story.finish("resp_1")
    assert only(story.tell(ev.ToolFinished("call_2", "2")), do.Respond) == []
    out = story.tell(ev.ToolFinished("call_1", "1", speak=False))
    assert [c for c in out if not isinstance(c, do.Publish)] == [do.ReturnTool("call_1", "1"), do.Respond("respond_1")]


def test_a_call_announced_twice_runs_once_and_a_result_that_comes_twice_counts_once() -> None:
    story = Story.talking()
    story.tell(ev.ToolCalled("call_1", "a", "{}"))
    assert story.tell(ev.ToolCalled("call_1", "a", "{}")) == []
    story.tell(ev.ToolFinished("call_1", "1"))
    assert story.tell(ev.ToolFinished("call_1", "1"), ev.ToolFinished("call_9", "?")) == []
    assert len(story.all(do.ReturnTool)) == 1


def test_a_tool_that_never_reports_is_answered_for_in_its_own_time() -> None:
    story = Story.talking(Terms(tool_s=10.0))
    story.tell(ev.ToolCalled("call_1", "a", "{}"))
    story.wait(4.0)
    story.tell(ev.ToolCalled("call_2", "b", "{}"))
    story.wait(6.0)
    assert story.all(do.ReturnTool) == [do.ReturnTool("call_1", LATE)]
    assert story.all(do.Respond) == []
    story.wait(4.0)
    assert story.all(do.ReturnTool) == [do.ReturnTool("call_1", LATE), do.ReturnTool("call_2", LATE)]
    assert story.all(do.Respond) == [do.Respond("respond_1")]
    assert [u.ok for u in story.facts(facts.ToolUsed)] == [False, False]
    assert story.tell(ev.ToolFinished("call_1", "late")) == []


def test_a_deadline_holds_at_the_exact_instant_of_any_clock() -> None:
    """Seconds of a clock are no round numbers: 0.1 + 60 - 60 is more than 0.1, and must not cost another minute."""
    for at in (0.1, 1234.5678, 98765.4321, 3.3333333):
        story = Story(at=at)
        story.tell(ev.ModelOpened("s"), ev.ModelConfigured(), ev.PhoneAttached("MZ1"))
        story.tell(ev.ToolCalled("call_1", "a", "{}"))
        story.wait(60.0001)
        assert len(story.all(do.ReturnTool)) == 1


def test_a_silent_tool_is_returned_and_not_spoken_about() -> None:
    story = Story.talking()
    story.tell(ev.ToolCalled("call_1", "note", "{}"))
    out = story.tell(ev.ToolFinished("call_1", "ok", speak=False))
    assert [c for c in out if not isinstance(c, do.Publish)] == [do.ReturnTool("call_1", "ok")]


def test_while_leaving_results_are_returned_and_not_spoken_about() -> None:
    story = Story.talking()
    story.tell(ev.ToolCalled("call_1", "hang_up", "{}"), ev.LeaveAsked())
    out = story.tell(ev.ToolFinished("call_1", "ok"))
    assert only(out, do.ReturnTool) == [do.ReturnTool("call_1", "ok")]
    assert only(out, do.Respond) == []
    assert story.end == do.End("agent_hung_up", "agent")


def test_a_barge_in_does_not_lose_a_result() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 500)
    story.tell(ev.ToolCalled("call_1", "a", "{}"), ev.SpeechStarted("caller_1", 0))
    assert only(story.tell(ev.ToolFinished("call_1", "1")), do.ReturnTool) == [do.ReturnTool("call_1", "1")]


def test_a_long_row_of_tool_calls_is_progress() -> None:
    story = Story.talking(Terms(progress_s=5.0))
    story.tell(ev.ResponseCreated("resp_1"))
    for n in range(5):
        story.wait(3.0)
        story.tell(ev.ToolCalled(f"call_{n}", "a", "{}"))
    assert story.end is None
    story.wait(5.0)
    assert story.end is not None


def test_what_the_models_own_service_ran_is_asked_to_be_spoken_about() -> None:
    story = Story.talking()
    story.tell(ev.ResponseCreated("resp_1"))
    assert only(story.tell(ev.HostedToolRan("item_9")), do.Respond) == [], "the response that called it still goes on"
    assert only(story.finish("resp_1"), do.Respond) == [do.Respond("respond_1")]
    story.tell(ev.ResponseCreated("resp_2"))
    story.finish("resp_2")
    assert only(story.tell(ev.HostedToolRan("item_10", ok=False)), do.Respond) == [do.Respond("respond_2")]


def test_one_of_ours_and_one_of_the_models_service_are_spoken_about_together() -> None:
    story = Story.talking()
    story.tell(ev.ResponseCreated("resp_1"))
    story.tell(ev.ToolCalled("call_1", "a", "{}"))
    story.finish("resp_1")
    assert only(story.tell(ev.HostedToolRan("item_9")), do.Respond) == []
    assert only(story.tell(ev.ToolFinished("call_1", "1", speak=False)), do.Respond) == [do.Respond("respond_1")]
