"""The opening of an outbound call: nothing is said before somebody listens, and then at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from call_story import Story, only, only_facts

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.limits import AnswerTerms, Terms

GREETING = 'Greet the caller with exactly these words: "This is Jo of Acme."'
ANSWER = AnswerTerms(on_machine="message", message="Please call us back.", screening="Jo of Acme, about your order.")
TERMS = Terms(greeting=GREETING, answer=ANSWER, lead_in_ms=300, lead_out_ms=500)
PAUSE = ev.LineHeard(False, 400)


def rung(answer: AnswerTerms = ANSWER, **terms: object) -> Story:
    """It rings, and the model is ready."""
    story = Story(replace(TERMS, answer=answer, **terms))  # type: ignore[arg-type]
    story.tell(ev.ModelOpened("sess_1"), ev.ModelConfigured())
    return story


def held(answer: AnswerTerms = ANSWER, **terms: object) -> Story:
    """They picked up, the greeting is generated, the line is on."""
    story = rung(answer, **terms)
    story.tell(ev.CalleeAnswered())
    story.begin("resp_1", "hello", 2000, text="This is Jo of Acme.")
    story.finish("resp_1", "hello")
    story.tell(ev.PhoneAttached("MZ1"))
    return story


def says_hello(story: Story, *, told_by_server: bool = True) -> list[do.Command]:
    """ "Hello?", and the pause after it; returns what follows from the pause."""
    story.wait(0.5)
    story.tell(ev.LineHeard(True, 80))
    if told_by_server:
        story.tell(ev.SpeechStarted("callee_1", 120))
    story.wait(0.42)
    story.tell(ev.LineHeard(False, 100))
    story.wait(0.3)
    return story.tell(PAUSE)


def goes_silent(story: Story, at_ms: int = 1420) -> None:
    """The server is sure of the hello's end."""
    story.wait(0.1)
    story.tell(ev.SpeechStopped("callee_1", at_ms))


def kinds(story: Story) -> list[str]:
    return [fact.kind for fact in story.facts(facts.AnswerJudged)]


# ---- the first word


def test_nothing_is_generated_before_they_pick_up() -> None:
    story = rung()
    story.wait(25.0)
    assert story.all(do.Respond) == []
    story.tell(ev.CarrierReported("no-answer"))
    assert story.end is not None
    assert story.end.reason == "no_answer"
    assert story.all(do.Respond) == []


def test_the_greeting_is_generated_at_the_pick_up_and_held() -> None:
    story = rung()
    (asked,) = only(story.tell(ev.CalleeAnswered(), ev.CalleeAnswered()), do.Respond)
    assert asked.instructions == GREETING
    story.begin("resp_1", "hello", 2000)
    story.tell(ev.PhoneAttached("MZ1"))
    story.wait(1.9)
    assert story.all(do.Play) == []


def test_the_first_audio_leaves_with_the_frame_that_ends_the_pause() -> None:
    story = held()
    out = says_hello(story)
    assert isinstance(out[0], do.Play), "before all else"
    (judged,) = only_facts(out, facts.AnswerJudged)
    assert (judged.kind, judged.first_word_ms) == ("human", judged.at_ms)
    story.wait(3.0)
    (said,) = story.facts(facts.AgentSaid)
    assert (said.heard_ms, said.cut) == (2000, False)


def test_the_hello_is_heard_by_the_model_but_not_answered_and_stops_nothing() -> None:
    story = held()
    says_hello(story)
    goes_silent(story)
    story.tell(ev.CallerText("callee_1", "Hello?", final=True))
    story.wait(20.0)
    assert len(story.all(do.Respond)) == 1
    assert story.all(do.Flush) == story.all(do.Cancel) == story.all(do.Truncate) == []
    assert [fact.text for fact in story.facts(facts.CallerSaid)] == ["Hello?"]
    assert len(story.all(do.Feed)) > 50


def test_a_server_that_tells_of_the_hello_late_stops_nothing_either() -> None:
    story = held()
    says_hello(story, told_by_server=False)
    story.wait(0.1)
    story.tell(ev.SpeechStarted("callee_1", 200))
    goes_silent(story)
    story.wait(4.0)
    assert len(story.all(do.Respond)) == 1
    assert story.all(do.Flush) == []


def test_a_greeting_that_is_not_there_yet_plays_as_it_comes() -> None:
    story = rung()
    story.tell(ev.CalleeAnswered(), ev.PhoneAttached("MZ1"))
    (judged,) = only_facts(says_hello(story), facts.AnswerJudged)
    assert judged.first_word_ms == -1
    story.tell(ev.ResponseCreated("resp_1"))
    assert story.all(do.Cancel) == [], "they are not talking over each other"
    story.say("resp_1", "hello", 400)
    assert len(story.all(do.Play)) > 0


def test_when_nobody_says_anything_we_begin() -> None:
    story = held()
    story.wait(1.95)
    assert story.all(do.Play) == []
    story.wait(0.1)
    assert len(story.all(do.Play)) > 0
    assert kinds(story) == ["silence"]


def test_the_pick_up_that_nobody_told_of_is_known_by_the_stream() -> None:
    story = rung()
    (asked,) = only(story.tell(ev.PhoneAttached("MZ1")), do.Respond)
    assert asked.instructions == GREETING
    story.begin("resp_1", "hello", 500)
    assert isinstance(says_hello(story)[0], do.Play)


def test_a_phone_that_is_there_before_the_model() -> None:
    story = Story(TERMS)
    story.tell(ev.CalleeAnswered(), ev.PhoneAttached("MZ1"))
    says_hello(story)
    assert kinds(story) == ["human"]
    out = story.tell(ev.ModelOpened("sess_1"), ev.ModelConfigured())
    (asked,) = only(out, do.Respond)
    assert asked.instructions == GREETING
    assert len(only(out, do.Feed)) > 50, "it hears the hello"
    story.begin("resp_1", "hello", 500)
    assert len(story.all(do.Play)) > 0


def test_a_model_that_is_lost_while_it_rings_is_told_when_somebody_is_there() -> None:
    story = rung()
    story.tell(ev.ModelLost("gone"))
    assert story.end is None
    story.tell(ev.CalleeAnswered(), ev.PhoneAttached("MZ1"))
    assert story.end is not None
    assert story.end.reason == "model_failed"


def test_a_model_that_is_lost_while_the_greeting_is_held() -> None:
    story = held()
    story.tell(ev.ModelLost("gone"))
    assert story.end is not None
    assert story.end.reason == "model_failed"


def test_barge_in_is_as_ever_once_the_greeting_is_out() -> None:
    story = held()
    says_hello(story)
    goes_silent(story)
    story.wait(0.5)
    out = story.tell(ev.SpeechStarted("callee_2", 1700))
    assert [type(command) for command in out[:2]] == [do.Flush, do.Truncate]
    (cut,) = only(out, do.Truncate)
    assert 300 < cut.audio_end_ms < 700
    story.wait(0.5)
    out = story.tell(ev.SpeechStopped("callee_2", 2800))
    assert story.facts(facts.AgentSaid)[0].cut


def test_whoever_goes_on_talking_is_answered() -> None:
    story = held()
    says_hello(story)
    story.wait(3.0)  # and the server has not heard a pause: "Hello? ... this is Mary, who is there?"
    story.tell(ev.SpeechStopped("callee_1", 4400))
    assert len(story.all(do.Respond)) == 2


# ---- whose turns they are


def test_the_server_gets_its_turns_back_when_the_greeting_is_out() -> None:
    story = held()
    (first,) = story.all(do.Configure)
    assert not first.answers
    out = says_hello(story)
    assert only(out, do.Configure) == [], "not in the middle of a turn"
    goes_silent(story)
    second = story.all(do.Configure)[-1]
    assert second.answers
    assert not story.core.desk.terms.model_answers, "until it is confirmed"
    story.tell(ev.ModelConfigured())
    assert story.core.desk.terms.model_answers
    assert story.core.desk.terms.model_interrupts
    story.wait(3.0)
    story.tell(ev.SpeechStarted("callee_2", 4500), ev.SpeechStopped("callee_2", 5500))
    assert len(story.all(do.Respond)) == 1, "it answers by itself"


def test_an_agent_whose_turns_are_ours_anyway_is_configured_once() -> None:
    story = held(model_answers=False, model_interrupts=False)
    says_hello(story)
    goes_silent(story)
    story.wait(1.0)
    assert [command.answers for command in story.all(do.Configure)] == [True]


def test_a_response_that_the_server_begins_by_itself_while_we_wait_is_stopped() -> None:
    story = held()
    out = story.tell(ev.ResponseCreated("resp_own"))
    assert only(out, do.Cancel) == [do.Cancel("resp_own")]


# ---- machines


def machine(story: Story) -> list[do.Command]:
    return story.tell(ev.CallerText("callee_1", "Please leave a message after the tone.", final=True))


def hears_beep(story: Story) -> list[do.Command]:
    story.tell(ev.LineHeard(True, 80))
    story.tell(ev.LineHeard(False, 0, 1000, 120), ev.LineHeard(False, 20, 1000, 240, True))
    story.wait(0.2)
    return story.tell(ev.LineHeard(False, 200))


def test_a_machine_that_gets_no_message_is_left_at_once() -> None:
    story = held(AnswerTerms())
    machine(story)
    assert story.end is not None
    assert (story.end.reason, story.end.by) == ("machine", "bridge")
    assert story.all(do.Play) == []
    assert kinds(story) == ["machine"]
    assert story.facts(facts.MessageLeft) == []


def test_a_message_after_the_beep_is_heard_whole() -> None:
    story = held()
    story.tell(ev.LineHeard(True, 80), ev.SpeechStarted("callee_1", 100))
    story.wait(4.0)
    out = machine(story)
    assert only(out, do.Truncate) == [do.Truncate("hello", 0, 0)]
    assert story.all(do.Play) == story.all(do.Flush) == []
    story.wait(3.0)
    (asked,) = only(hears_beep(story), do.Respond)
    assert "Please call us back." in asked.instructions
    assert not asked.tools
    story.begin("resp_2", "message", 3000)
    story.tell(ev.SpeechStarted("callee_3", 8000))  # noise: a machine that records says nothing
    story.finish("resp_2", "message")
    story.wait(5.0)
    assert story.end is not None
    assert (story.end.reason, story.end.by) == ("machine", "bridge")
    (left,) = story.facts(facts.MessageLeft)
    assert (left.heard_ms, left.whole) == (3000, True)
    assert kinds(story) == ["machine"]


def test_a_recording_needs_no_model() -> None:
    story = Story(replace(TERMS, answer=AnswerTerms(on_machine="recording"), recording_ms=2500))
    story.tell(ev.ModelOpened("sess_1"), ev.ModelConfigured(), ev.CalleeAnswered(), ev.PhoneAttached("MZ1"))
    machine(story)
    story.tell(ev.ModelLost("gone"))
    hears_beep(story)
    story.wait(6.0)
    assert story.end is not None
    assert story.end.reason == "machine"
    (left,) = story.facts(facts.MessageLeft)
    assert (left.heard_ms, left.whole) == (2500, True)


def test_a_beep_during_the_message_begins_it_again_once() -> None:
    story = held()
    machine(story)
    hears_beep(story)
    story.begin("resp_2", "message", 3000)
    story.wait(1.0)
    out = hears_beep(story)
    assert isinstance(out[0], do.Flush)
    story.finish("resp_2", status="cancelled")
    story.begin("resp_3", "again", 3000)
    story.finish("resp_3", "again")
    story.wait(1.0)
    assert only(hears_beep(story), do.Flush) == [], "some machines beep while they record"
    story.wait(5.0)
    (left,) = story.facts(facts.MessageLeft)
    assert (left.heard_ms, left.whole) == (3000, True)
    assert len(story.all(do.Respond)) == 3


def test_a_machine_that_hangs_up_in_the_middle_of_the_message() -> None:
    story = held()
    machine(story)
    hears_beep(story)
    story.begin("resp_2", "message", 3000)
    story.wait(1.0)
    story.tell(ev.PhoneStopped())
    assert story.end is not None
    assert (story.end.reason, story.end.by) == ("machine", "caller")
    (left,) = story.facts(facts.MessageLeft)
    assert 600 <= left.heard_ms <= 1000
    assert not left.whole


def test_the_carrier_is_late_and_the_machine_was_greeted() -> None:
    story = held()
    says_hello(story)
    goes_silent(story)
    story.wait(0.5)
    out = story.tell(ev.CarrierDetected("machine_end_beep"))
    assert isinstance(out[0], do.Flush)
    (asked,) = only(out, do.Respond)
    assert "Please call us back." in asked.instructions
    assert not story.all(do.Configure)[-1].answers, "the server is not to answer a machine"
    assert kinds(story) == ["human", "machine"]


@pytest.mark.parametrize("by", ["machine_start", "machine_end_beep", "machine_end_silence", "fax"])
def test_the_carrier_is_wrong_and_there_is_a_dialogue(by: str) -> None:
    story = held()
    says_hello(story)
    goes_silent(story)
    story.wait(3.0)
    story.tell(ev.SpeechStarted("callee_2", 4300), ev.SpeechStopped("callee_2", 5300))
    story.tell(ev.CarrierDetected(by), ev.CarrierDetected(by))
    assert story.end is None
    assert kinds(story) == ["human"]
    assert not story.core.listens


def test_the_carrier_knows_before_the_stream_is_here() -> None:
    story = rung()
    story.tell(ev.CalleeAnswered(), ev.CarrierDetected("fax"), ev.PhoneAttached("MZ1"))
    assert story.end is not None
    assert kinds(story) == ["fax"]


@pytest.mark.parametrize(
    ("words", "kind"), [("The mailbox is full.", "mailbox_full"), ("Die Mailbox ist voll.", "mailbox_full")]
)
def test_a_full_mailbox_is_left_at_once(words: str, kind: str) -> None:
    story = held()
    story.tell(ev.CallerText("callee_1", words, final=True))
    assert story.end is not None
    assert story.end.reason == "machine"
    assert kinds(story) == [kind]


# ---- assistants and menus


def test_an_assistant_is_told_who_calls_and_the_person_it_brings_is_greeted() -> None:
    story = held()
    story.tell(ev.LineHeard(True, 80), ev.SpeechStarted("callee_1", 100))
    story.wait(4.0)
    story.tell(ev.LineHeard(False, 100), ev.SpeechStopped("callee_1", 4500))
    (asked,) = only(
        story.tell(ev.CallerText("callee_1", "State your name and why you are calling.", final=True)), do.Respond
    )
    assert "Jo of Acme, about your order." in asked.instructions
    story.answer("resp_2", "who", 1500)
    story.wait(8.0)
    story.tell(ev.LineHeard(True, 80), ev.SpeechStarted("callee_2", 12_000))
    story.wait(0.4)
    story.tell(ev.LineHeard(False, 100))
    story.wait(0.3)
    story.tell(PAUSE, ev.SpeechStopped("callee_2", 13_400))
    (asked,) = only(story.tell(ev.CallerText("callee_2", "Hello?", final=True)), do.Respond)
    assert asked.instructions == GREETING
    assert kinds(story) == ["screening", "human"]
    assert len(story.all(do.Respond)) == 3


def test_an_assistant_that_brings_nobody_is_left() -> None:
    story = held()
    story.tell(ev.CallerText("callee_1", "State your name and why you are calling.", final=True))
    story.answer("resp_2", "who", 1500)
    story.wait(62.0)
    assert story.end is not None
    assert story.end.reason == "machine"
    assert kinds(story) == ["screening"]


def test_the_agent_goes_on_with_a_menu_and_knows_it_for_one() -> None:
    story = held()
    out = story.tell(ev.CallerText("callee_1", "For sales, press one.", final=True))
    (note,) = only(out, do.AddText)
    assert "menu" in note.text
    assert "This is Jo of Acme." in note.text
    assert len(only(out, do.Respond)) == 1
    assert story.all(do.Play) == []
    story.tell(ev.ModelConfigured())
    assert story.core.desk.terms.model_answers


def test_a_menu_may_be_left_too() -> None:
    story = held(replace(ANSWER, on_menu="hang_up"))
    story.tell(ev.CallerText("callee_1", "For sales, press one.", final=True))
    assert story.end is not None
    assert kinds(story) == ["menu"]


# ---- the rest of a call goes on around it


def test_a_key_is_a_persons() -> None:
    story = held(menu={"9": "do_not_call"})
    story.wait(1.0)
    out = story.tell(ev.PhoneKey("9"))
    assert only(out, do.OptOut) == [do.OptOut("pressed 9")]
    assert kinds(story) == ["human"]
    story.wait(1.0)
    story.answer("resp_2", "goodbye", 1000)
    story.wait(3.0)
    assert story.end is not None
    assert story.end.reason == "agent_hung_up"


def test_a_line_that_is_lost_before_the_first_word_and_comes_back() -> None:
    story = held()
    story.tell(ev.PhoneLost("reset"))
    story.wait(0.3)
    (asked,) = only(story.tell(ev.PhoneAttached("MZ2")), do.Respond)
    assert asked.instructions == GREETING
    story.begin("resp_2", "hello_again", 1000)
    assert story.all(do.Play) == []
    assert isinstance(says_hello(story)[0], do.Play)


def test_a_call_that_must_end_while_the_greeting_is_held_does_not_say_it() -> None:
    story = held()
    story.tell(ev.LeaveAsked("shutdown", "bridge"))
    story.wait(1.0)
    assert story.end is not None
    assert story.end.reason == "shutdown"
    assert story.all(do.Play) == []


def test_nobody_ever_tells_what_became_of_the_call() -> None:
    story = rung(replace(ANSWER, ring_s=60.0))
    story.wait(61.0)
    assert story.end is not None
    assert story.end.reason == "no_answer"


def test_an_answered_call_without_a_stream() -> None:
    story = rung()
    story.tell(ev.CalleeAnswered())
    story.wait(11.0)
    assert story.end is not None
    assert story.end.reason == "phone_lost"


def test_an_inbound_call_knows_nothing_of_all_this() -> None:
    story = Story.talking(Terms(greeting="Greet the caller."))
    assert not story.core.listens
    assert story.tell(ev.CalleeAnswered(), ev.CarrierDetected("machine_end_beep"), ev.LineHeard(False, 400)) == []
    assert [command.answers for command in story.all(do.Configure)] == [True]
