"""What the house asks of a call: it prepares, changes agents and tools, guards, warns, asks into the silence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from call_story import Story

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.limits import Terms, ToolTerms
from bridge.call.words import exactly


def instructions(story: Story) -> list[str]:
    return [r.instructions for r in story.all(do.Respond)]


# ---- before the first word


def test_the_session_waits_for_what_is_looked_up() -> None:
    story = Story(Terms(greeting="Greet.", prepare_s=2.0))
    assert story.tell(ev.ModelOpened("s")) == []
    assert story.tell(ev.Prepared("Greet Ms Doe.")) == [do.Configure()]
    story.tell(ev.ModelConfigured())
    assert instructions(story) == ["Greet Ms Doe."]


def test_what_was_looked_up_before_the_model_was_there_waits_for_it() -> None:
    story = Story(Terms(greeting="Greet.", prepare_s=2.0))
    assert story.tell(ev.Prepared()) == []
    assert story.tell(ev.ModelOpened("s")) == [do.Configure()]
    story.tell(ev.ModelConfigured(), ev.Prepared("Too late."))
    assert instructions(story) == ["Greet."]


def test_nobody_waits_for_ever() -> None:
    story = Story(Terms(greeting="Greet.", prepare_s=2.0))
    story.tell(ev.ModelOpened("s"))
    assert do.Configure() in story.wait(3.1)


# ---- the greeting


def test_a_protected_greeting_is_heard_to_its_end_and_the_caller_is_answered_after_it() -> None:
    terms = Terms(greeting="Greet.", protect_greeting=True, model_interrupts=False)
    story = Story(terms)
    story.tell(ev.ModelOpened("s"), ev.ModelConfigured(), ev.PhoneAttached("MZ1"))
    story.answer("resp_1", "item_1", 3000)
    story.wait(1.0)
    assert not [c for c in story.tell(ev.SpeechStarted("item_c", 1000)) if isinstance(c, do.Flush | do.Truncate)]
    story.tell(ev.SpeechStopped("item_c", 1500))
    story.answer("resp_2", "item_2", 1000)  # the server answers what it heard
    story.wait(4.5)
    assert [(s.item_id, s.heard_ms, s.cut) for s in story.facts(facts.AgentSaid)] == [
        ("item_1", 3000, False),
        ("item_2", 1000, False),
    ]


def test_after_the_greeting_the_caller_may_interrupt() -> None:
    story = Story(Terms(greeting="Greet.", protect_greeting=True, model_interrupts=False))
    story.tell(ev.ModelOpened("s"), ev.ModelConfigured(), ev.PhoneAttached("MZ1"))
    story.answer("resp_1", "item_1", 1000)
    story.wait(1.5)
    story.answer("resp_2", "item_2", 3000)
    story.wait(0.5)
    assert story.tell(ev.SpeechStarted("item_c", 2000))[0] == do.Flush()


# ---- in the middle of a call


def test_another_agent_gets_the_whole_configuration_before_it_speaks() -> None:
    story = Story.talking()
    story.tell(ev.ToolCalled("call_1", "transfer_to_sales", "{}"))
    sales = replace(Terms(), silence_s=50.0, tools={"offer": ToolTerms(say="One moment.")})
    out = story.tell(ev.AgentChanged("sales", sales, "wants to buy"), ev.ToolFinished("call_1", "You are sales."))
    sent = [c for c in out if not isinstance(c, do.Publish)]
    assert [type(c) for c in sent] == [do.Configure, do.ReturnTool, do.Respond]
    assert sent[0] == do.Configure("sales")
    assert story.facts(facts.AgentTookOver)[0].agent == "sales"
    story.tell(ev.ToolsChanged({"extra": ToolTerms()}))
    assert story.all(do.Configure)[-1] == do.Configure("sales"), "tools come to the agent that speaks"


@pytest.mark.parametrize("generated", [False, True])
def test_a_guardrail_cuts_the_agent_off_and_says_something_else(generated: bool) -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 4000, text="You should sell your house.")
    if generated:
        story.finish("resp_1", "item_1")
    story.wait(0.6)
    out = story.tell(ev.GuardrailTripped("no advice", "agent", "it gave advice", "I cannot advise on that."))
    assert out[0] == do.Flush()
    assert (do.Cancel("resp_1") in out) is not generated
    assert abs(next(c for c in out if isinstance(c, do.Truncate)).audio_end_ms - 600) <= 25
    assert story.facts(facts.Interrupted)[0].why == "guardrail"
    assert story.facts(facts.Guarded)[0].rationale == "it gave advice"
    if not generated:
        story.say("resp_1", "item_1", 400)  # what was on its way
        story.finish("resp_1", "item_1", status="cancelled")
    assert instructions(story) == [exactly("I cannot advise on that.")]
    assert story.all(do.Respond)[0].tools is False


def test_what_the_caller_may_not_ask_for_is_not_answered_by_the_server_either() -> None:
    story = Story.talking()
    story.tell(ev.SpeechStarted("item_c", 0), ev.SpeechStopped("item_c", 500))
    story.tell(ev.GuardrailTripped("abuse", "caller", "it was rude", "Let us stay polite."))
    assert instructions(story) == [exactly("Let us stay polite.")]


def test_somebody_puts_words_into_the_agents_mouth() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 400)
    story.tell(ev.WordsAsked("Your taxi is there."), ev.NoteAsked("It rains."))
    assert story.all(do.Respond) == []
    assert story.all(do.AddText) == [do.AddText("It rains.", "system")]
    story.finish("resp_1", "item_1")
    assert instructions(story) == [exactly("Your taxi is there.")]


def test_words_in_line_are_said_before_what_else_is_wanted() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 400)
    story.tell(ev.NoteAsked("Nobody is free.", respond=True), ev.WordsAsked("One."), ev.WordsAsked("Two."))
    for n, response in enumerate(["resp_1", "resp_2", "resp_3"]):
        story.finish(response, f"item_{n + 1}")
        story.tell(ev.ResponseCreated(f"resp_{n + 2}"))
    assert instructions(story) == [exactly("One."), exactly("Two."), ""]


def test_who_reads_along_gets_every_word() -> None:
    story = Story.talking(Terms(words=True))
    story.tell(ev.ResponseCreated("resp_1"))
    story.tell(ev.AgentText("resp_1", "item_1", "Good "), ev.AgentText("resp_1", "item_1", "day."))
    story.tell(ev.AgentText("resp_1", "item_1", "Good day.", final=True), ev.CallerText("item_c", "Hi.", final=True))
    told = [(w.who, w.text, w.final) for w in story.facts(facts.WordsSaid)]
    assert told == [
        ("agent", "Good ", False),
        ("agent", "Good day.", False),
        ("agent", "Good day.", True),
        ("caller", "Hi.", True),
    ]


# ---- time


def test_silence_is_asked_into_and_at_last_left() -> None:
    ladder = ("Are you still there?", "Hello?")
    story = Story.talking(Terms(silence_after_s=10.0, silence_say=ladder, silence_s=15.0))
    story.wait(10.1)
    assert instructions(story) == [exactly(ladder[0])]
    story.answer("resp_1", "item_1", 1000)
    story.wait(11.2)
    assert instructions(story)[-1] == exactly(ladder[1])
    story.answer("resp_2", "item_2", 1000)
    story.wait(15.0)
    assert story.end is None
    story.wait(1.5)
    assert len(instructions(story)) == 3
    story.answer("resp_3", "item_3", 1000)
    story.wait(2.0)
    assert story.end == do.End("silence", "bridge")


def test_a_word_of_the_caller_begins_the_ladder_anew() -> None:
    story = Story.talking(Terms(silence_after_s=10.0, silence_say=("Hello?",), silence_s=15.0))
    story.wait(10.1)
    story.answer("resp_1", "item_1", 500)
    story.wait(1.0)
    story.tell(ev.SpeechStarted("item_c", 11_000), ev.SpeechStopped("item_c", 11_500))
    story.answer("resp_2", "item_2", 500)
    story.wait(11.0)
    assert instructions(story) == [exactly("Hello?")] * 2


def test_the_end_of_the_longest_call_is_announced() -> None:
    story = Story.talking(Terms(longest_s=100.0, warn_s=20.0, silence_s=500.0))
    story.wait(79.9)
    assert instructions(story) == []
    story.wait(0.2)
    assert instructions(story) == [Terms().warning]
    story.answer("resp_1", "item_1", 1000)
    story.wait(20.0)
    assert instructions(story)[-1] == Terms().longest_goodbye


# ---- keys


def test_a_menu_key_is_understood_at_once() -> None:
    story = Story.talking(Terms(menu={"1": "the opening hours", "0": "transfer:+14155550123", "9": "hang_up"}))
    out = story.tell(ev.PhoneKey("1"))
    assert do.AddText("The caller pressed 1 on the keypad: the opening hours") in out
    assert [k.digits for k in story.facts(facts.KeysPressed)] == ["1"]
    story.answer("resp_1", "item_1", 500)
    story.tell(ev.PhoneKey("4"), ev.PhoneKey("1"), ev.PhoneKey("#"))
    assert story.all(do.AddText)[-1].text == "The caller pressed 41 on the keypad.", "within an entry it is a digit"


@pytest.mark.parametrize(("key", "to", "reason"), [("0", "+14155550123", "transferred"), ("9", "", "agent_hung_up")])
def test_menu_keys_that_end_the_call(key: str, to: str, reason: str) -> None:
    story = Story.talking(Terms(menu={"0": "transfer:+14155550123", "9": "hang_up"}))
    story.tell(ev.PhoneKey(key), ev.HandedOver())
    assert story.end is not None
    assert (story.end.transfer_to, story.end.reason) == (to, reason)
