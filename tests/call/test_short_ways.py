"""What is done in other steps decides the same: frames that are only heard, sound before what is told of it, calls
that nobody records."""

from __future__ import annotations

from random import Random

from call_story import FRAME, Story, only, voice
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.core import CallCore
from bridge.call.limits import AnswerTerms, Terms

OTHERS: list[ev.Event] = [
    ev.ModelOpened("s"),
    ev.ModelConfigured(),
    ev.PhoneAttached("MZ1"),
    ev.PhoneAttached("MZ2"),
    ev.PhoneGap(60),
    ev.PhoneKey("1"),
    ev.PhoneLost("reset"),
    ev.PhoneExpected(),
    ev.PhoneStopped(),
    ev.SpeechStarted("caller_1", 40),
    ev.SpeechStopped("caller_1", 80),
    ev.ResponseCreated("r"),
    ev.ModelAudio("r", "i", 0, voice(400), 400.0),
    ev.ModelAudioDone("r", "i", 0),
    ev.ResponseDone("r", "completed"),
    ev.ModelLost("gone"),
    ev.ToolCalled("c", "look_up", "{}"),
    ev.ToolFinished("c", "{}"),
    ev.LeaveAsked(),
    ev.DigitsAsked("12"),
    ev.EndAsked("shutdown"),
]
PICKED_UP: list[ev.Event] = [
    ev.CalleeAnswered(),
    ev.CarrierDetected("human"),
    ev.CarrierDetected("machine_end_beep"),
    ev.LineHeard(True, 600),
    ev.LineHeard(False, 700),
]
"""Of calls that we place; in others they mean nothing."""
BEGIN: list[ev.Event] = [ev.ModelOpened("s"), ev.PhoneAttached("MZ1"), ev.ModelConfigured()]
# Frames, most of all; then time that passes; then everything else, the ends more seldom than what lies before them.
STEPS = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=3).map(lambda some: some * 80),
        st.integers(0, 255).map(lambda value: bytes([value]) * 160),
        st.sampled_from([0.02, 0.02, 0.02, 0.5, 3.0]),
        st.sampled_from(OTHERS),
        st.sampled_from(OTHERS[:-8]),
        st.sampled_from(PICKED_UP),
    ),
    max_size=80,
)


def quickly_received(core: CallCore, event: ev.Event, now: float) -> list[do.Command]:
    """The agent's sound in two steps, all else in one."""
    if not isinstance(event, ev.ModelAudio):
        return core.receive(event, now)
    plays = core.speak(event, now)
    return [*plays, *core.began()] if core.begins else [*plays]


@settings(settings.get_profile("call"), max_examples=200)
@given(
    STEPS,
    st.integers(0, 3),
    st.sampled_from(["", "Greet the caller."]),
    st.sampled_from([None, None, AnswerTerms()]),
    st.randoms(use_true_random=False),
)
def test_to_hear_a_frame_and_to_speak_is_to_receive_them(
    steps: list[bytes | float | ev.Event], ready: int, greeting: str, answer: AnswerTerms | None, any_of: Random
) -> None:
    terms = Terms(greeting=greeting, silence_s=10.0, answer=answer)
    quick, slow, now = CallCore(terms, 100.0), CallCore(terms, 100.0), 100.0
    played: list[str] = []

    def same(quickly: list[do.Command], slowly: list[do.Command]) -> None:
        assert quickly == slowly
        assert quick.deadline() == slow.deadline()
        played.extend(c.mark for c in slowly if isinstance(c, do.Play))

    for step in [*BEGIN[:ready], *steps]:
        if isinstance(step, bytes):
            heard = quick.hear(step, now)
            same([do.Feed(step)] if heard else [], slow.receive(ev.PhoneAudio(step), now))
            if played and any_of.random() < 0.2:
                mark = ev.PhoneMark(any_of.choice(played))
                same(quick.receive(mark, now), slow.receive(mark, now))
        elif isinstance(step, float):
            until = now + step
            while (due := slow.deadline()) is not None and due <= until:
                now = max(now, due)
                same(quick.wake(now), slow.wake(now))
            now = until
        else:
            same(quickly_received(quick, step, now), slow.receive(step, now))
    assert (quick.phase, quick.over) == (slow.phase, slow.over)


def test_a_frame_is_heard_while_the_model_may_have_it() -> None:
    core = CallCore(Terms(), 0.0)
    assert core.hear(b"\x01" * 160, 0.1) is False
    for event in BEGIN:
        out = core.receive(event, 0.2)
    assert only(out, do.Feed) == [do.Feed(b"\x01" * 160)], "it was kept until the model was there"
    assert core.hear(b"\x02" * 160, 0.3) is True
    core.receive(ev.DigitsAsked("1"), 0.4)
    assert core.hear(b"\x03" * 160, 0.5) is False
    core.receive(ev.EndAsked("shutdown"), 0.6)
    assert core.hear(b"\x04" * 160, 0.7) is False


def test_a_call_that_nobody_records_decides_all_else_alike() -> None:
    def told(*, recorded: bool) -> list[do.Command]:
        story = Story.talking(Terms(recorded=recorded))
        story.answer("resp_1", "item_1", 900, text="Hello.")
        story.wait(2.0)
        story.begin("resp_2", "item_2", 3000, text="We are open.")
        story.wait(1.0)
        story.tell(ev.SpeechStarted("caller_1", 3000))
        story.wait(1.0)
        return story.told

    recorded, not_recorded = told(recorded=True), told(recorded=False)
    heard = only(recorded, do.Heard)
    assert 1850 <= sum(len(h.audio) for h in heard) / 8 <= 1900
    assert not_recorded == [c for c in recorded if not isinstance(c, do.Heard)]


def test_the_first_sound_leaves_before_anybody_is_told_of_it() -> None:
    story = Story.talking()
    story.tell(ev.ResponseCreated("resp_1"))
    out = story.tell(ev.ModelAudio("resp_1", "item_1", 0, voice(400), 400.0))
    assert [type(c) for c in out] == [do.Play, do.Play, do.Play, do.Publish]
    assert out[-1] == do.Publish(facts.AgentStarted("item_1", 0, -1))


def test_a_turn_begins_once_and_not_in_a_call_that_is_over() -> None:
    core = CallCore(Terms(), 0.0)
    for event in [*BEGIN, ev.ResponseCreated("resp_1")]:
        core.receive(event, 0.1)
    sound = ev.ModelAudio("resp_1", "item_1", 0, voice(200), 200.0)
    assert [len(play.audio) for play in core.speak(sound, 0.2)] == [160, 1440]
    assert core.begins
    assert core.began() == [do.Publish(facts.AgentStarted("item_1", 100, -1))]
    assert len(core.speak(sound, 0.3)) == 1
    assert not core.begins
    core.receive(ev.EndAsked("shutdown"), 0.4)
    assert core.speak(sound, 0.5) == []
    assert not core.begins


def test_a_mark_that_confirms_two_items_tells_the_one_that_is_complete() -> None:
    story = Story.talking()
    story.begin("resp_1", "item_1", 20)
    story.finish("resp_1", "item_1")
    story.begin("resp_2", "item_2", 400)
    marks = [play.mark for play in story.all(do.Play)]
    story.tell(FRAME, ev.PhoneMark(marks[1]))  # the first item's own mark was lost
    assert [said.item_id for said in story.facts(facts.AgentSaid)] == ["item_1"]
