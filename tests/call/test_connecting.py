"""A call begins: the model is there before the caller, the greeting waits for the phone, caller audio for the model."""

from __future__ import annotations

import pytest
from call_story import FRAME, Story, only, voice

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.limits import Terms
from bridge.call.phases import Phase

GREET = Terms(greeting="Greet the caller.")


def test_the_greeting_is_asked_for_at_once_and_kept_until_the_phone_is_there() -> None:
    story = Story(GREET)
    assert story.tell(ev.ModelOpened("sess_1")) == [do.Configure()]
    assert story.tell(ev.ModelConfigured()) == [do.Respond("respond_1", "Greet the caller.")]
    story.wait(0.3)
    story.answer("resp_1", "item_1", 900, text="Hello, this is the office.")
    assert story.all(do.Play) == []
    story.wait(2.0)
    assert story.core.phase is Phase.RINGING
    out = story.tell(ev.PhoneAttached("MZ1"))
    assert b"".join(p.audio for p in only(out, do.Play)) == voice(900)
    assert story.facts(facts.CallAnswered) == [facts.CallAnswered("MZ1")]
    story.wait(1.0)
    (said,) = story.facts(facts.AgentSaid)
    assert (said.text, said.heard_text, said.cut) == ("Hello, this is the office.", "Hello, this is the office.", False)
    assert (said.start_ms, said.end_ms, said.heard_ms, said.latency_ms) == (0, 900, 900, -1)
    assert story.phases == ["TALKING"]


def test_without_a_greeting_the_caller_speaks_first() -> None:
    assert Story.talking().all(do.Respond) == []


def test_caller_audio_waits_two_seconds_for_the_model_and_the_oldest_is_dropped() -> None:
    story = Story()
    story.frames = False
    story.tell(ev.PhoneAttached("MZ1"), ev.ModelOpened("sess_1"))
    assert story.phases == ["CONNECTING"]
    frames = [ev.PhoneAudio(bytes([n % 256]) * 160) for n in range(130)]
    for frame in frames:
        story.wait(0.02)
        assert story.tell(frame) == []
    fed = only(story.tell(ev.ModelConfigured()), do.Feed)
    assert [f.audio for f in fed] == [f.audio for f in frames[30:]]
    assert only(story.tell(FRAME), do.Feed) == [do.Feed(FRAME.audio)]
    # The model heard 600 ms less than there were: what it calls 100 ms was 700 ms into the call.
    story.tell(ev.SpeechStarted("caller_1", 100))
    assert story.facts(facts.CallerStarted) == [facts.CallerStarted(700)]


def test_a_model_that_was_lost_before_the_phone_came_is_told_when_the_caller_is_there() -> None:
    story = Story(GREET)
    story.tell(ev.ModelLost("the server refused the key", fatal=True))
    assert story.end is None
    assert story.facts(facts.Trouble) == [facts.Trouble("model", "lost", "the server refused the key")]
    story.wait(3.0)
    story.tell(ev.PhoneAttached("MZ1"))
    assert story.end == do.End("model_failed", "model", "the server refused the key")
    assert story.phases == ["LEAVING", "ENDED"]


def test_a_configuration_that_was_not_taken_is_a_lost_model() -> None:
    story = Story()
    story.tell(ev.ModelOpened("s"), ev.PhoneAttached("MZ1"), ev.ModelConfigured(("output format is pcm16",)))
    assert story.end is not None
    assert (story.end.reason, story.end.error) == (
        "model_failed",
        "the model did not take our configuration: output format is pcm16",
    )


def test_a_model_that_is_not_ready_in_time_does_not_leave_the_caller_in_silence() -> None:
    story = Story()
    story.tell(ev.PhoneAttached("MZ1"))
    story.wait(7.99)
    assert story.end is None
    story.wait(0.02)
    assert story.end == do.End("model_failed", "model", "the model's session was not ready in time")


def test_a_phone_that_never_comes_frees_the_warm_model() -> None:
    story = Story(GREET)
    story.tell(ev.ModelOpened("s"), ev.ModelConfigured())
    story.wait(10.0)
    assert story.end == do.End("phone_lost", "carrier", "no media stream came")


@pytest.mark.parametrize(
    ("status", "reason", "by"),
    [
        ("completed", "caller_hung_up", "caller"),
        ("canceled", "caller_hung_up", "carrier"),
        ("busy", "busy", "carrier"),
        ("no-answer", "no_answer", "carrier"),
        ("failed", "phone_lost", "carrier"),
    ],
)
@pytest.mark.parametrize("attached", [False, True])
def test_the_carriers_last_word_ends_the_call(status: str, reason: str, by: str, attached: bool) -> None:
    story = Story.talking() if attached else Story()
    story.tell(ev.CarrierReported(status))
    assert story.end == do.End(reason, by)
    assert story.phases[-1] == "ENDED"


def test_an_error_while_the_session_is_set_up_is_fatal() -> None:
    story = Story()
    story.tell(ev.PhoneAttached("MZ1"), ev.ModelFault("invalid_value", "no such voice", "benign"))
    assert story.end == do.End("model_failed", "model", "no such voice")


def test_the_session_is_configured_once_and_greeted_once() -> None:
    story = Story(GREET)
    story.tell(ev.ModelOpened("s"), ev.ModelConfigured())
    assert story.tell(ev.ModelConfigured(), ev.ModelOpened("s")) == []


def test_keys_pressed_before_the_model_is_ready_wait_for_it() -> None:
    story = Story()
    story.tell(ev.PhoneAttached("MZ1"), ev.PhoneKey("4"), ev.PhoneKey("2"))
    story.wait(4.0)
    assert story.all(do.AddText) == []
    story.tell(ev.ModelOpened("s"), ev.ModelConfigured())
    story.wait(1.5)
    assert story.all(do.AddText) == [do.AddText("The caller pressed 42 on the keypad.")]
