"""The ledger's heard position against a phone that knows: never above the truth, and close below it."""

from __future__ import annotations

from call_story import Story
from hypothesis import given, settings
from hypothesis import strategies as st
from phone_model import PlayingPhone

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.playback import CREDIT_S

CREDIT_MS = CREDIT_S * 1000
"""What a mark's way back is taken to be at most; the ledger may be above the truth by this and no more."""

milliseconds = st.integers(0, 80).map(lambda ms: ms / 1000)


@st.composite
def talk(draw: st.DrawFn) -> list[tuple[float, int]]:
    """What a model says: (seconds until the delta, its length in ms)."""
    return draw(st.lists(st.tuples(st.floats(0.0, 0.6), st.integers(1, 450)), min_size=1, max_size=12))


def barge_in(story: Story) -> tuple[float, int, dict[str, float]]:
    """The caller speaks: (really heard of the audible item, told as heard, really heard of each item)."""
    truth = {c.mark.partition(":")[0]: 0.0 for c in story.all(do.Play)}
    for item in truth:
        truth[item] = story.phone.heard_ms(item + ":", story.now)
    out = story.tell(ev.SpeechStarted("caller_1", 0))
    cuts = [c for c in out if isinstance(c, do.Truncate)]
    for cut in cuts:
        assert cut.audio_end_ms <= truth.get(cut.item_id, 0.0) + CREDIT_MS
    if not cuts:
        return 0.0, 0, truth
    return truth.get(cuts[0].item_id, 0.0), cuts[0].audio_end_ms, truth


@settings(settings.get_profile("call"), max_examples=300)
@given(
    deltas=talk(),
    start_delay=milliseconds,
    mark_delay=milliseconds,
    tick=st.sampled_from([0.0, 0.02]),
    lost=st.frozensets(st.integers(0, 40), max_size=10),
    then=st.floats(0.0, 3.0),
)
def test_never_above_what_the_phone_really_played(
    deltas: list[tuple[float, int]],
    start_delay: float,
    mark_delay: float,
    tick: float,
    lost: frozenset[int],
    then: float,
) -> None:
    """Whatever the pace of the model, the delays of the phone and the marks that are lost."""
    phone = PlayingPhone(start_delay_s=start_delay, mark_delay_s=mark_delay, mark_tick_s=tick, lost=lost)
    story = Story.talking(phone=phone)
    story.tell(ev.ResponseCreated("resp_1"))
    for number, (pause, ms) in enumerate(deltas):
        story.wait(pause)
        story.say("resp_1", f"item_{number // 4}", ms)
    story.wait(then)
    _, _, truth = barge_in(story)
    for said in story.facts(facts.AgentSaid):
        assert said.heard_ms <= truth[said.item_id] + CREDIT_MS
    recorded_ms = sum(len(c.audio) for c in story.all(do.Heard)) / 8
    assert recorded_ms <= sum(truth.values()) + CREDIT_MS


@settings(settings.get_profile("call"))
@given(
    first_ms=st.integers(20, 900),
    length_ms=st.integers(300, 4000),
    delta_ms=st.integers(5, 400),
    start_delay=milliseconds,
    mark_delay=st.integers(0, 5).map(lambda ms: ms / 1000),
    tick=st.sampled_from([0.0, 0.02]),
    cut_after=st.floats(0.0, 5.0),
)
def test_close_below_what_the_phone_really_played(
    first_ms: int, length_ms: int, delta_ms: int, start_delay: float, mark_delay: float, tick: float, cut_after: float
) -> None:
    """A model that is faster than the phone: 25 ms below at most; 20 more until the first frame's mark is back."""
    story = Story.talking(phone=PlayingPhone(start_delay_s=start_delay, mark_delay_s=mark_delay, mark_tick_s=tick))
    story.begin("resp_1", "item_1", first_ms, delta_ms=delta_ms)
    story.finish("resp_1", "item_1")
    story.wait(first_ms / 1000 + 1.0)
    story.begin("resp_2", "item_2", length_ms, delta_ms=delta_ms)
    story.wait(cut_after)
    marks_back = [f.item_id for f in story.facts(facts.AgentSaid)]
    really, told, _ = barge_in(story)
    assert marks_back[:1] == ["item_1"]
    opening = 20 if told == 0 else 0
    assert really - 25 - opening <= told <= really + CREDIT_MS


def test_the_recording_gets_exactly_what_sounded() -> None:
    phone = PlayingPhone(start_delay_s=0.08, mark_delay_s=0.001)
    story = Story.talking(phone=phone)
    story.answer("resp_1", "item_1", 700)
    story.wait(1.0)
    story.begin("resp_2", "item_2", 3000, seed=2)
    story.wait(1.234)
    really = phone.heard(story.now)
    story.tell(ev.SpeechStarted("caller_1", 0))
    heard = b"".join(c.audio for c in story.all(do.Heard))
    assert abs(len(really) - len(heard)) <= CREDIT_MS * 8
    both = min(len(really), len(heard))
    assert really[:both] == heard[:both]
    began = [c.at_ms for c in story.all(do.Heard)]
    assert began == sorted(began)
    assert abs(began[0] - 80) < 2
