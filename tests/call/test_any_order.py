"""Everything that can happen to a call, in any order and at any time, sensible or not.

`call_judge.py` says what must hold. Each item's audio is made of one byte value of its own, so that what was heard of
it can be counted.
"""

from __future__ import annotations

from collections import Counter

from call_judge import Judge
from call_story import FRAME
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call.core import CallCore
from bridge.call.limits import AnswerTerms, Terms, ToolTerms

few = st.integers(0, 3)
responses = few.map(lambda n: f"resp_{n}")
items = few.map(lambda n: f"item_{n}")
tools = few.map(lambda n: f"call_{n}")
severities: st.SearchStrategy[ev.Severity] = st.sampled_from(["benign", "benign", "transient", "fatal"])
terms = st.builds(
    Terms,
    greeting=st.sampled_from(["", "Greet the caller."]),
    model_interrupts=st.booleans(),
    model_answers=st.booleans(),
    silence_s=st.sampled_from([3.0, 120.0]),
    longest_s=st.sampled_from([8.0, 1800.0]),
    tool_s=st.sampled_from([1.0, 60.0]),
    doubt_s=st.sampled_from([0.0, 0.0, 0.7]),
    protect_greeting=st.booleans(),
    words=st.booleans(),
    warn_s=st.sampled_from([0.0, 3.0]),
    silence_after_s=st.sampled_from([2.0, 30.0]),
    silence_say=st.sampled_from([(), ("Are you still there?", "Hello?")]),
    menu=st.sampled_from([{}, {"1": "hours", "2": "hang_up", "*": "transfer:+14155550123"}]),
    music_ms=st.sampled_from([0, 500]),
    tone_ms=st.sampled_from([0, 200]),
    prepare_s=st.sampled_from([0.0, 2.0]),
    recording_ms=st.sampled_from([0, 700]),
    answer=st.none()
    | st.builds(
        AnswerTerms,
        on_machine=st.sampled_from(["hang_up", "message", "recording"]),
        message=st.sampled_from(["", "Please call us back."]),
        screening=st.sampled_from(["", "Jo of Acme, about the order."]),
        on_menu=st.sampled_from(["go_on", "hang_up"]),
        longest_greeting_s=st.sampled_from([3.0, 45.0]),
        person_s=st.just(20.0),
        ring_s=st.just(30.0),
    ),
    tools=st.dictionaries(
        st.sampled_from(["look_up", "book"]),
        st.builds(
            ToolTerms,
            say=st.sampled_from(["", "One moment."]),
            speak_after=st.sampled_from(["always", "never", "if_silent"]),
            interruptible=st.booleans(),
            idempotent=st.booleans(),
            wait=st.sampled_from(["tone", "music", "silence"]),
        ),
    ),
)


class AnyOrder(RuleBasedStateMachine):
    """One call that everything happens to."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.sent: Counter[int] = Counter()
        self.heard: Counter[int] = Counter()

    @initialize(terms=terms, talking=st.booleans())
    def begin(self, terms: Terms, talking: bool) -> None:
        self.core = CallCore(terms, self.now)
        self.judge = Judge(self.core)
        if talking:
            for event in (ev.ModelOpened("s"), ev.Prepared(), ev.ModelConfigured(), ev.PhoneAttached("MZ1")):
                self.tell(event)

    def tell(self, event: ev.Event) -> None:
        if not self.core.over:
            self.judge.happens(event)
        self.carry_out(self.core.receive(event, self.now))

    def carry_out(self, commands: list[do.Command]) -> None:
        self.judge.decided(commands, self.now)
        for command in commands:
            if isinstance(command, do.Play):
                self.sent.update(command.audio)
            elif isinstance(command, do.Heard):
                self.heard.update(command.audio)

    @invariant()
    def no_item_was_heard_longer_than_it_was_sent(self) -> None:
        assert all(size <= self.sent[value] for value, size in self.heard.items())

    # ---- time

    @rule(seconds=st.sampled_from([0.001, 0.02, 0.2, 1.0, 2.5]))
    def time_passes_and_deadlines_ring(self, seconds: float) -> None:
        until = self.now + seconds
        while (deadline := self.core.deadline()) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            self.carry_out(self.core.wake(self.now))
        self.now = until

    @rule(seconds=st.floats(0.0, 30.0))
    def the_timer_rings_late(self, seconds: float) -> None:
        self.now += seconds
        self.carry_out(self.core.wake(self.now))

    # ---- the phone

    @rule(which=st.integers(0, 200))
    def a_mark_comes_back(self, which: int) -> None:
        if self.judge.marks:
            self.tell(ev.PhoneMark(self.judge.marks[which % len(self.judge.marks)]))

    @rule(back=st.integers(1, 3))
    def a_late_mark_comes_back(self, back: int) -> None:
        self.tell(ev.PhoneMark(self.judge.marks[-back] if len(self.judge.marks) >= back else "no such mark"))

    @rule(event=st.sampled_from([FRAME, ev.PhoneGap(60), ev.PhoneGap(20_000)]))
    def the_caller_is_heard(self, event: ev.Event) -> None:
        self.tell(event)

    @rule(digit=st.sampled_from("12#*"))
    def a_key(self, digit: str) -> None:
        self.tell(ev.PhoneKey(digit))

    @rule(text=st.sampled_from(["", "Hello"]))
    def a_line(self, text: str) -> None:
        self.tell(ev.CallerTyped(text))

    @rule(event=st.sampled_from([ev.PhoneAttached("MZ2"), ev.PhoneLost("reset"), ev.PhoneExpected()]))
    def legs_come_and_go(self, event: ev.Event) -> None:
        self.tell(event)

    # ---- an outbound call opens

    @rule(
        event=st.builds(
            ev.LineHeard,
            voice=st.booleans(),
            ms=st.sampled_from([80, 200, 400, 1200, 2500, 7000]),
            tone_hz=st.sampled_from([0, 0, 1000, 2100]),
            tone_ms=st.sampled_from([140, 700]),
            tone_ended=st.booleans(),
        )
    )
    def the_line_sounds(self, event: ev.Event) -> None:
        self.tell(event)

    @rule(by=st.sampled_from(["human", "machine_start", "machine_end_beep", "machine_end_other", "fax", "unknown"]))
    def the_carrier_detects(self, by: str) -> None:
        self.tell(ev.CarrierDetected(by))

    @rule()
    def they_pick_up(self) -> None:
        self.tell(ev.CalleeAnswered())

    @rule(
        item=items,
        text=st.sampled_from(
            ["Hello?", "Leave a message after the tone.", "The mailbox is full.", "Press one.", "State your name."]
        ),
    )
    def telling_words(self, item: str, text: str) -> None:
        self.tell(ev.CallerText("caller_" + item, text, final=True))

    # ---- the model

    @rule(item=few, response=responses, index=st.integers(0, 1), size=st.integers(0, 6000), extra=st.integers(-16, 0))
    def audio(self, item: int, response: str, index: int, size: int, extra: int) -> None:
        ms = max(0, size + extra) / 8  # a converter may add a little that the model never counted
        self.tell(ev.ModelAudio(response, f"item_{item}", index, bytes([item + 1]) * size, ms))

    @rule(item=items, response=responses, index=st.integers(0, 1))
    def audio_done(self, item: str, response: str, index: int) -> None:
        self.tell(ev.ModelAudioDone(response, item, index))

    @rule(response=responses, conversational=st.sampled_from([True, True, True, False]))
    def response_created(self, response: str, conversational: bool) -> None:
        self.tell(ev.ResponseCreated(response, conversational))

    @rule(
        response=st.one_of(responses, st.none()),
        status=st.sampled_from(["completed", "cancelled", "incomplete", "failed"]),
        severity=severities,
        conversational=st.sampled_from([True, True, False]),
    )
    def response_done(self, response: str | None, status: str, severity: ev.Severity, conversational: bool) -> None:
        which = self.judge.active if response is None else response
        usage = {"input_tokens": 1}
        self.tell(ev.ResponseDone(which, status, "", "", "", severity, usage, conversational))

    @rule(item=items, text=st.text(max_size=12), final=st.booleans())
    def words(self, item: str, text: str, final: bool) -> None:
        self.tell(ev.AgentText("resp_0", item, text, final))
        self.tell(ev.CallerText("caller_" + item, text, final))

    @rule(item=items, at_ms=st.integers(-100, 5000), speaks=st.booleans())
    def turn_detection(self, item: str, at_ms: int, speaks: bool) -> None:
        kind = ev.SpeechStarted if speaks else ev.SpeechStopped
        self.tell(kind("caller_" + item, at_ms))

    @rule(
        code=st.sampled_from(["conversation_already_has_active_response", "invalid_value", ""]),
        ours=st.booleans(),
        severity=severities,
    )
    def error(self, code: str, ours: bool, severity: ev.Severity) -> None:
        self.tell(ev.ModelFault(code, "", severity, self.judge.asked if ours else ""))

    @rule(event=st.sampled_from([ev.ModelOpened("s"), ev.ModelConfigured(), ev.ModelOpened("s", 9)]))
    def session(self, event: ev.Event) -> None:
        self.tell(event)

    # ---- tools and the house

    @rule(call=tools, name=st.sampled_from(["look_up", "book"]), arguments=st.sampled_from(["{}", '{"n": 1}']))
    def tool_called(self, call: str, name: str, arguments: str) -> None:
        self.tell(ev.ToolCalled(call, name, arguments))

    @rule(terms=terms)
    def another_agent_takes_over(self, terms: Terms) -> None:
        self.tell(ev.AgentChanged("other", terms, "asked for"))

    @rule(
        event=st.sampled_from(
            [
                ev.Prepared("Greet Ms Doe."),
                ev.ToolsChanged({"extra": ToolTerms()}),
                ev.GuardrailTripped("no advice", "agent", "it gave advice", "I cannot advise on that."),
                ev.GuardrailTripped("abuse", "caller", "it was rude", "Let us stay polite."),
                ev.WordsAsked("Your taxi is there."),
                ev.Attended(reads=True, listens=False),
                ev.Attended(reads=False, listens=True),
                ev.NoteAsked("Nobody is free.", respond=True),
                ev.NoteAsked("It rains."),
            ]
        )
    )
    def the_house_wants_something(self, event: ev.Event) -> None:
        self.tell(event)

    @rule(call=tools, ok=st.booleans(), speak=st.booleans())
    def tool_finished(self, call: str, ok: bool, speak: bool) -> None:
        self.tell(ev.ToolFinished(call, "{}", ok, speak))

    @rule(event=st.sampled_from([ev.LeaveAsked(), ev.TransferAsked("+14155550123"), ev.DigitsAsked("12")]))
    def the_agent_wants_something(self, event: ev.Event) -> None:
        self.tell(event)

    @rule(event=st.sampled_from([ev.HandedOver(), ev.HandOverFailed("busy")]))
    def somebody_else_takes_the_caller_or_not(self, event: ev.Event) -> None:
        self.tell(event)

    @precondition(lambda self: self.core.over or len(self.judge.marks) > 3)
    @rule(
        event=st.sampled_from(
            [ev.PhoneStopped(), ev.ModelLost("gone"), ev.CarrierReported("completed"), ev.ModelConfigured(("wrong",))]
        )
    )
    def it_breaks(self, event: ev.Event) -> None:
        self.tell(event)

    def teardown(self) -> None:
        """When nothing more happens, time alone brings every call to its end, and every tool to its answer."""
        if not hasattr(self, "core"):
            return
        limit = self.now + 60.0 + self.core.desk.terms.hand_over_s
        while (deadline := self.core.deadline()) is not None:
            assert deadline < limit, "a call that nothing happens to must end"
            self.now = max(self.now, deadline)
            self.carry_out(self.core.wake(self.now))
        assert self.judge.ends == 1
        assert len(self.judge.run - self.judge.used) == self.core.desk.tools.open


AnyOrder.TestCase.settings = settings(settings.get_profile("call"), max_examples=200, stateful_step_count=60)
TestAnyOrder = AnyOrder.TestCase
