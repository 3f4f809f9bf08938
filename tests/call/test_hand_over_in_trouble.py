"""Something else goes wrong while a caller is handed over: they still come to somebody, or hear an apology."""

from __future__ import annotations

import pytest
from call_story import Story

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call.limits import Terms

TERMS = Terms()
PERSON = "+14155550123"
HANDED = do.End("transferred", "agent", "", PERSON)


def about_to(*, heard: bool = False) -> Story:
    """A call that hands its caller over while the agent is still speaking."""
    story = Story.talking()
    story.begin("resp_1", "item_1", 900, text="I connect you.")
    story.tell(ev.TransferAsked(PERSON))
    if heard:
        story.finish("resp_1", "item_1")
    return story


def test_a_model_lost_in_mid_word_does_not_keep_the_caller_from_the_person() -> None:
    story = about_to()
    story.tell(ev.ModelLost("gone"))
    story.wait(1.0)
    assert (story.end, story.all(do.HandOver)) == (None, [do.HandOver(PERSON)])
    story.tell(ev.HandedOver())
    assert story.end == HANDED


@pytest.mark.parametrize("does", ["falls silent", "fails", "does not begin"])
def test_nor_does_one_that_is_stuck(does: str) -> None:
    story = about_to(heard=does == "does not begin")
    if does == "falls silent":
        story.wait(TERMS.progress_s + 3.0)
    elif does == "fails":
        story.tell(ev.ResponseDone("resp_1", "failed", error_code="quota", severity="fatal"))
        story.wait(1.0)
    else:
        story.tell(ev.HostedToolRan("item_2"))
        story.wait(2 * TERMS.respond_s + 3.0)
    assert (story.end, story.all(do.HandOver)) == (None, [do.HandOver(PERSON)])
    story.tell(ev.HandOverFailed("busy"), ev.PhoneAttached("MZ2"))
    story.wait(TERMS.progress_s + 1.0)
    assert story.end is None or story.end.reason == "model_failed", "an apology, and not silence"


def test_a_person_who_is_gone_again_and_a_model_that_is_too_leave_an_apology() -> None:
    story = about_to(heard=True)
    story.tell(ev.ModelLost("gone"), ev.HandOverFailed("they hung up again"))
    story.wait(2.0)
    assert story.end == do.End("model_failed", "model", "gone")


def test_words_that_take_too_long_do_not_take_the_way_back() -> None:
    story = Story.talking()
    story.tell(ev.ToolCalled("call_1", "slow", "{}"), ev.TransferAsked(PERSON))
    story.wait(TERMS.leave_s + 1.0)
    assert (story.end, story.all(do.HandOver)) == (None, [do.HandOver(PERSON)])
    story.tell(ev.HandOverFailed("busy"))
    story.tell(ev.PhoneAttached("MZ2"))
    assert story.all(do.Respond)[-1].instructions == TERMS.taken_back.format(why="busy")


def test_a_house_that_closes_does_not_call_back_whom_it_handed_over() -> None:
    story = about_to(heard=True)
    story.wait(2.0)
    story.tell(ev.LeaveAsked("shutdown", "bridge"), ev.EndAsked("shutdown"))
    assert story.end == HANDED


def test_a_model_that_is_not_ready_in_time_is_not_needed_by_who_was_handed_over() -> None:
    story = Story(Terms(menu={"0": f"transfer:{PERSON}"}))
    story.tell(ev.PhoneAttached("MZ1"), ev.PhoneKey("0"))
    assert story.all(do.HandOver) == [do.HandOver(PERSON)]
    story.wait(TERMS.connect_s + 1.0)
    assert story.end is None
    story.tell(ev.HandOverFailed("busy"), ev.PhoneAttached("MZ2"))
    assert story.end is not None and story.end.reason == "model_failed"
