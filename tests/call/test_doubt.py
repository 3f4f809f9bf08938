"""A sound stops the agent at once; only words make it an interruption. Until then nothing is lost, nobody is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from call_story import Story, voice

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.limits import Terms

TERMS = Terms(doubt_s=0.7, model_interrupts=False, model_answers=False, recorded=True)


def speaking(ms: int = 4000, heard_s: float = 1.0) -> Story:
    story = Story.talking(TERMS)
    story.answer("resp_1", "item_1", ms, text="A long sentence.")
    story.wait(heard_s)
    return story


def cough(story: Story, length_s: float = 0.2) -> None:
    story.tell(ev.SpeechStarted("item_c", 1000))
    story.wait(length_s)
    story.tell(ev.SpeechStopped("item_c", 1200))


def heard(story: Story) -> bytes:
    return b"".join(h.audio for h in story.all(do.Heard))


def test_the_phone_is_silent_at_once_and_the_model_knows_nothing() -> None:
    story = speaking()
    out = story.tell(ev.SpeechStarted("item_c", 1000))
    assert out[0] == do.Flush()
    assert not [c for c in out if isinstance(c, do.Truncate | do.Cancel)]


def test_without_words_the_agent_goes_on_at_the_very_sample() -> None:
    story = speaking()
    cough(story)
    story.wait(0.69)
    assert not story.facts(facts.Resumed)
    story.wait(0.02)
    resumed = story.facts(facts.Resumed)[0]
    assert abs(resumed.heard_ms - 1000) <= 20
    story.wait(5.0)
    assert heard(story) == voice(4000), "every sample once, in order"
    assert story.all(do.Truncate) == story.all(do.Cancel) == []
    said = story.facts(facts.AgentSaid)[-1]
    assert (said.cut, said.heard_ms, said.heard_text) == (False, 4000, "A long sentence.")
    assert story.all(do.Respond) == [], "nobody answers a cough"


@pytest.mark.parametrize("late", [False, True])
def test_words_make_it_an_interruption(late: bool) -> None:
    story = speaking()
    story.tell(ev.SpeechStarted("item_c", 1000))
    if late:  # servers write down what was said only after it has been said
        story.wait(0.2)
        story.tell(ev.SpeechStopped("item_c", 1200))
        story.wait(0.5)
    story.tell(ev.CallerText("item_c", "Stop", final=late))
    cut = story.all(do.Truncate)
    assert [c.item_id for c in cut] == ["item_1"]
    assert abs(cut[0].audio_end_ms - 1000) <= 20
    if not late:
        assert story.all(do.Respond) == []
        story.tell(ev.SpeechStopped("item_c", 1500))
    assert len(story.all(do.Respond)) == 1
    story.wait(3.0)
    assert not story.facts(facts.Resumed)


def test_a_sound_that_goes_on_is_speech() -> None:
    story = speaking()
    story.tell(ev.SpeechStarted("item_c", 1000))
    story.wait(0.72)
    assert len(story.all(do.Truncate)) == 1


def test_an_empty_transcript_ends_the_doubt_at_once() -> None:
    story = speaking()
    cough(story)
    story.tell(ev.CallerText("item_c", " ", final=True))
    assert story.facts(facts.Resumed)


def test_what_comes_while_in_doubt_is_played_behind_what_was_kept() -> None:
    story = Story.talking(TERMS)
    story.begin("resp_1", "item_1", 1000)
    story.wait(0.5)
    story.tell(ev.SpeechStarted("item_c", 500))
    rest = voice(3000)[8000:]
    for at in range(0, len(rest), 1600):
        assert not story.tell(ev.ModelAudio("resp_1", "item_1", 0, rest[at : at + 1600], 200.0))
    story.finish("resp_1", "item_1")
    story.tell(ev.SpeechStopped("item_c", 600))
    story.wait(5.0)
    assert heard(story) == voice(3000)


def test_two_coughs_and_then_a_word() -> None:
    story = speaking(6000)
    cough(story)
    story.wait(1.5)
    cough(story)
    story.wait(0.3)
    story.tell(ev.CallerText("item_c2", "Hello?"))
    cut = story.all(do.Truncate)[0]
    # 1.0 s before the first cough; resumed 0.7 s after its end, heard for 0.8 s until the second.
    assert abs(cut.audio_end_ms - 1800) <= 45
    assert len(heard(story)) // 8 == pytest.approx(cut.audio_end_ms, abs=1)


def test_a_lost_line_or_a_key_ends_the_doubt() -> None:
    for event in (ev.PhoneLost("reset"), ev.PhoneKey("1")):
        story = speaking()
        story.tell(ev.SpeechStarted("item_c", 1000))
        assert [c.item_id for c in story.tell(event) if isinstance(c, do.Truncate)] == ["item_1"]
        story.wait(0.8)
        assert not story.facts(facts.Resumed)


def test_nothing_was_playing_so_nothing_is_doubted() -> None:
    story = Story.talking(TERMS)
    cough(story)
    assert len(story.all(do.Respond)) == 1


def test_an_agent_who_takes_over_doubts_nothing_that_the_one_before_is_still_saying() -> None:
    story = Story.talking(Terms(recorded=False))
    story.answer("resp_1", "item_1", 4000, text="I connect you with my colleague.")
    story.tell(ev.AgentChanged("colleague", replace(TERMS, recorded=False), "asked for"))
    story.wait(1.0)
    cough(story)
    assert [t.item_id for t in story.all(do.Truncate)] == ["item_1"], "it was not kept, so it is cut"
    story.answer("resp_2", "item_2", 4000, text="Sorry?")
    story.wait(1.0)
    cough(story)
    story.wait(6.0)
    assert story.phone.heard_ms("item_2", story.now) > 3990, "what comes afterwards is in doubt as ever"
