"""While a tool runs: the caller is told, hears that the line is alive, and a model in a loop is stopped kindly."""

from __future__ import annotations

from dataclasses import replace

import pytest
from call_story import Story

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.limits import Terms, ToolTerms
from bridge.call.words import exactly

MOMENT = "One moment, let me look."
SLOW = Terms(tools={"look_up": ToolTerms(say=MOMENT)}, tone_ms=200)


def called(story: Story, call: str = "call_1", name: str = "look_up", arguments: str = "{}") -> list[do.Command]:
    return story.tell(ev.ToolCalled(call, name, arguments))


def test_a_quick_tool_is_not_spoken_about() -> None:
    story = Story.talking(SLOW)
    called(story)
    story.wait(0.7)
    story.tell(ev.ToolFinished("call_1", "42"))
    assert [r.instructions for r in story.all(do.Respond)] == [""]
    story.wait(1.0)
    assert len(story.all(do.Respond)) == 1


def test_a_slow_tool_is_announced_after_800_ms_and_then_hummed_about() -> None:
    story = Story.talking(SLOW)
    called(story)
    story.wait(0.79)
    assert story.all(do.Respond) == []
    story.wait(0.02)
    said = story.all(do.Respond)[-1]
    assert (said.instructions, said.tools) == (exactly(MOMENT), False)
    story.answer("resp_1", "item_1", 900)
    story.wait(6.0)
    assert [r.instructions for r in story.all(do.Respond)] == [exactly(MOMENT)], "words are said once"
    hums = [p.mark for p in story.all(do.Play) if p.mark.startswith("local-")]
    assert 2 <= len({mark.partition(":")[0] for mark in hums}) <= 5
    assert story.facts(facts.AgentStarted)[-1].item_id == "item_1", "a hum is nobody's turn"
    story.tell(ev.ToolFinished("call_1", "42"))
    assert story.all(do.Respond)[-1].instructions == ""


def test_no_silence_is_longer_than_a_second_and_a_half() -> None:
    story = Story.talking(Terms(tone_ms=200))  # the tool has nothing to say
    called(story)
    silent_since, longest = story.now, 0.0
    for _ in range(800):
        for command in story.wait(0.01):
            if isinstance(command, do.Play):
                longest = max(longest, story.now - silent_since)
                silent_since = story.now + len(command.audio) / 8000
    assert 0.5 < longest <= 1.5


def test_a_hum_gives_way_to_the_caller_and_the_model_is_not_told_of_it() -> None:
    story = Story.talking(Terms(tone_ms=1000))
    called(story)
    story.wait(1.0)
    out = story.tell(ev.SpeechStarted("item_c", 1000))
    assert isinstance(out[0], do.Flush)
    assert story.all(do.Truncate) == []
    assert story.facts(facts.Interrupted) == []
    plays = len(story.all(do.Play))
    story.wait(3.0)
    assert len(story.all(do.Play)) == plays, "nobody hums while the caller speaks"


def test_a_filler_waits_for_who_is_speaking() -> None:
    story = Story.talking(SLOW)
    story.begin("resp_1", "item_1", 3000)
    called(story)
    story.finish("resp_1", "item_1")
    story.wait(2.9)
    assert story.all(do.Respond) == []
    story.wait(1.1)
    assert story.all(do.Respond)[0].instructions == exactly(MOMENT)


@pytest.mark.parametrize(
    ("speak_after", "speaking", "asked"),
    [("always", False, 1), ("always", True, 1), ("never", False, 0), ("if_silent", False, 1), ("if_silent", True, 0)],
)
def test_when_a_result_is_spoken_about(speak_after: str, speaking: bool, asked: int) -> None:
    story = Story.talking(Terms(tools={"look_up": ToolTerms(speak_after=speak_after)}))
    called(story)
    if speaking:
        story.answer("resp_1", "item_1", 4000)
    story.tell(ev.ToolFinished("call_1", "42"))
    assert len(story.all(do.Respond)) == asked
    assert story.all(do.ReturnTool) == [do.ReturnTool("call_1", "42")]


def test_a_failure_is_spoken_about_even_of_a_silent_tool() -> None:
    story = Story.talking(Terms(tools={"look_up": ToolTerms(speak_after="never")}))
    called(story)
    story.tell(ev.ToolFinished("call_1", "no", ok=False))
    assert len(story.all(do.Respond)) == 1


def test_the_same_call_again_has_the_same_answer_and_no_second_effect() -> None:
    story = Story.talking()
    called(story, "call_1", "book", '{"day": 1}')
    called(story, "call_2", "book", '{"day": 1}')  # before the first has returned
    assert "running already" in story.all(do.ReturnTool)[0].output
    story.tell(ev.ToolFinished("call_1", "booked"))
    called(story, "call_3", "book", '{"day": 1}')
    assert [c.call_id for c in story.all(do.RunTool)] == ["call_1"]
    assert "booked" in story.all(do.ReturnTool)[-1].output
    called(story, "call_4", "book", '{"day": 2}')
    assert [c.call_id for c in story.all(do.RunTool)] == ["call_1", "call_4"]


def test_the_caller_may_ask_for_the_same_again() -> None:
    story = Story.talking()
    called(story)
    story.tell(ev.ToolFinished("call_1", "42"))
    story.tell(ev.SpeechStarted("item_c", 0), ev.SpeechStopped("item_c", 500))
    called(story, "call_2")
    assert [c.call_id for c in story.all(do.RunTool)] == ["call_1", "call_2"]


def test_an_idempotent_tool_is_run_again() -> None:
    story = Story.talking(Terms(tools={"look_up": ToolTerms(idempotent=True)}))
    for n in range(4):
        called(story, f"call_{n}")
        story.tell(ev.ToolFinished(f"call_{n}", "42"))
    assert len(story.all(do.RunTool)) == 4


def test_the_fifth_identical_call_ends_the_call_with_a_goodbye() -> None:
    story = Story.talking(Terms(tools={"look_up": ToolTerms(idempotent=True)}))
    for n in range(5):
        called(story, f"call_{n}")
        story.tell(ev.ToolFinished(f"call_{n}", "42", speak=False))
    assert len(story.all(do.RunTool)) == 4
    goodbye = story.all(do.Respond)[-1]
    assert goodbye.tools is False
    story.answer("resp_1", "item_1", 2000)
    story.wait(1.9)
    assert story.end is None
    story.wait(0.5)
    assert story.end is not None
    assert (story.end.reason, story.end.by) == ("model_failed", "bridge")
    assert "5 times in a row" in story.end.error


def test_a_tool_that_may_not_be_talked_into_is_waited_for() -> None:
    story = Story.talking(Terms(tools={"pay": ToolTerms(interruptible=False)}))
    called(story, "call_1", "pay")
    story.tell(ev.SpeechStarted("item_c", 0), ev.SpeechStopped("item_c", 500))
    assert do.Cancel("resp_vad") in story.tell(ev.ResponseCreated("resp_vad"))
    story.say("resp_vad", "item_1", 400)
    assert story.all(do.Play) == []
    story.finish("resp_vad", "item_1", status="cancelled")
    story.tell(ev.ToolFinished("call_1", "paid"))
    assert story.all(do.Respond)[-1].instructions == ""


# ---- music

MUSIC = Terms(tools={"look_up": ToolTerms(wait="music")}, tone_ms=200, music_ms=5000)


def gaps(story: Story, seconds: float) -> list[float]:
    """Silences, in seconds, while time passes."""
    found, plays_until = [], story.now
    for _ in range(round(seconds / 0.01)):
        for command in story.wait(0.01):
            if isinstance(command, do.Play):
                if story.now > plays_until:
                    found.append(round(story.now - plays_until, 2))
                    plays_until = story.now
                plays_until += len(command.audio) / 8000
    return found


def test_music_begins_soon_has_no_gaps_and_stops_when_the_result_is_there() -> None:
    story = Story.talking(MUSIC)
    called(story)
    assert gaps(story, 12.0) == [0.8]
    out = story.tell(ev.ToolFinished("call_1", "42"))
    assert do.Flush() in out[: out.index(do.Respond("respond_1"))]
    assert story.all(do.Truncate) == [], "the model knows of no music"
    story.wait(5.0)
    assert story.all(do.Play)[-1] in story.told[: story.told.index(do.Flush())]


def test_music_gives_way_to_the_caller_and_begins_again_when_all_is_said() -> None:
    story = Story.talking(MUSIC)
    called(story)
    story.wait(3.0)
    assert story.tell(ev.SpeechStarted("caller_1", 3000))[0] == do.Flush()
    played = len(story.all(do.Play))
    story.wait(1.0)
    assert len(story.all(do.Play)) == played
    story.tell(ev.SpeechStopped("caller_1", 4000))
    story.answer("resp_1", "item_1", 1000)
    story.wait(0.9)
    assert {p.mark.partition(":")[0] for p in story.all(do.Play)[played:]} == {"item_1"}
    story.wait(2.0)
    assert story.all(do.Play)[-1].mark.startswith("local-")


def test_words_come_before_music_and_a_second_tools_words_stop_it() -> None:
    both = {"look_up": ToolTerms(say=MOMENT, wait="music"), "book": ToolTerms(say="I book it now.", wait="silence")}
    story = Story.talking(Terms(tools=both, music_ms=5000))
    called(story)
    story.wait(0.9)
    assert story.all(do.Respond)[-1].instructions == exactly(MOMENT)
    story.answer("resp_1", "item_1", 900)
    story.wait(3.0)
    assert story.all(do.Play)[-1].mark.startswith("local-")
    called(story, "call_2", "book")
    story.wait(3.0)
    assert story.all(do.Respond)[-1].instructions == exactly("I book it now.")
    assert story.told.index(do.Flush()) < story.told.index(story.all(do.Respond)[-1])


def test_a_tool_that_wants_silence_has_it() -> None:
    story = Story.talking(Terms(tools={"look_up": ToolTerms(wait="silence")}, tone_ms=200, music_ms=500))
    called(story)
    story.wait(8.0)
    assert story.all(do.Play) == []


def test_a_wait_goes_on_when_the_line_is_back() -> None:
    story = Story.talking(replace(MUSIC, away_s=5.0))
    called(story)
    story.wait(1.0)
    story.tell(ev.PhoneLost("gone"))
    story.wait(3.0)
    story.tell(ev.PhoneAttached("MZ2"))
    story.answer("resp_1", "item_1", 500, text="Sorry, here I am again.")
    played = len(story.all(do.Play))
    story.wait(2.5)
    assert len(story.all(do.Play)) > played, "nobody listens to silence"


def test_a_doubt_outlives_the_music_it_stopped() -> None:
    story = Story.talking(replace(MUSIC, doubt_s=2.0, model_answers=False, model_interrupts=False))
    called(story)
    story.wait(2.0)
    story.tell(ev.SpeechStarted("caller_1", 2000), ev.SpeechStopped("caller_1", 2300))
    story.tell(ev.ToolFinished("call_1", "42"))
    story.begin("resp_1", "item_1", 3000, text="It is 42.")
    story.wait(0.3)
    story.tell(ev.CallerText("caller_1", "Wait.", final=True))
    story.wait(2.0)
    assert story.phone.heard_ms("item_1", story.now) == 0, "it was an interruption"


def test_and_goes_on_with_the_answer_when_it_was_nothing() -> None:
    story = Story.talking(replace(MUSIC, doubt_s=2.0, model_answers=False, model_interrupts=False))
    called(story)
    story.wait(2.0)
    story.tell(ev.SpeechStarted("caller_1", 2000), ev.SpeechStopped("caller_1", 2300))
    story.tell(ev.ToolFinished("call_1", "42"))
    story.answer("resp_1", "item_1", 1000, text="It is 42.")
    story.wait(4.0)
    assert story.phone.heard_ms("item_1", story.now) == 1000


def test_a_goodbye_that_waits_for_a_tool_is_not_silent() -> None:
    story = Story.talking(Terms(tone_ms=200))
    called(story)
    story.tell(ev.LeaveAsked())
    assert 0.5 < max(gaps(story, 9.0)) <= 1.5
    story.tell(ev.ToolFinished("call_1", "{}", speak=False))
    story.wait(1.0)
    assert story.end == do.End("agent_hung_up", "agent")
