"""What must hold of every call, whatever happens in whatever order.

A judge sees each event before the core does and each decision after it, keeps books of its own, and objects.
"""

from __future__ import annotations

from collections import Counter

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.core import CallCore
from bridge.call.phases import ModelLeg, Phase, PhoneLeg


class Judge:
    """Watches one core."""

    def __init__(self, core: CallCore) -> None:
        self.core = core
        self.received_ms: Counter[tuple[str, int]] = Counter()
        self.sent_bytes: Counter[str] = Counter()
        self.heard_bytes = 0
        self.marks: list[str] = []
        self.cut: set[str] = set()
        self.called: set[str] = set()
        self.run: set[str] = set()
        self.last_run = ("", "")
        """The tool call that ran last, while the caller has said nothing since."""
        self.used: set[str] = set()
        self.returned: set[str] = set()
        self.active = ""
        self.asked = ""
        self.asked_at = 0.0
        self.ends = 0
        self.phase = Phase.RINGING.value

    def happens(self, event: ev.Event) -> None:
        """An event is about to be received."""
        match event:
            case ev.ToolCalled(call_id, name, arguments):
                self.called.add(call_id)
                if (name, arguments) != self.last_run:
                    self.last_run = ("", "")
            case ev.SpeechStopped() | ev.PhoneKey() | ev.CallerText() | ev.CallerTyped():
                self.last_run = ("", "")
            case ev.ModelAudio(_, item, index, _, ms):
                self.received_ms[item, index] += ms  # type: ignore[assignment]  # milliseconds may be fractions
            case ev.ResponseCreated(response, True):
                self.active, self.asked = response, ""
            case ev.ResponseDone(response_id=response, conversational=True) if response == self.active:
                self.active = ""
            case ev.ModelFault(code="conversation_already_has_active_response", event_id=""):
                self.asked = ""
            case ev.ModelFault(event_id=event_id) if event_id == self.asked:
                self.asked = ""
            case _:
                pass

    def decided(self, commands: list[do.Command], now: float) -> None:
        """This followed."""
        if self.ends:
            assert commands == [], "something followed from something after the end"
        kinds = [type(c) for c in commands]
        if do.Flush in kinds and (do.Truncate in kinds or do.Cancel in kinds):
            assert kinds[0] is do.Flush, "the phone is silenced first"
        for command in commands:
            self._judge(command, now)
        if self.ends:
            assert self.core.over
            assert isinstance(commands[-1] if commands else do.End("", ""), do.End)
            assert self.core.deadline() is None
        else:
            assert self.core.deadline() is not None, "a state without a deadline"
        assert (self.core.phase is Phase.ENDED) is self.core.over

    def _judge(self, command: do.Command, now: float) -> None:
        assert not self.ends, "something came after the end"
        match command:
            case do.Play(audio, mark):
                self._played(audio, mark)
            case do.Heard(audio, at_ms):
                self.heard_bytes += len(audio)
                assert self.heard_bytes <= self.sent_bytes.total()
                assert at_ms > -1e-3
            case do.Truncate(item, index, end_ms):
                assert isinstance(end_ms, int)
                assert 0 <= end_ms <= self.received_ms[item, index], "truncated beyond what was received"
                assert end_ms <= self.sent_bytes[item] / 8, "truncated beyond what was sent"
                self.cut.add(item)
            case do.Respond(event_id, _):
                assert not self.active, "asked for a response while one is active"
                assert not self.asked or now >= self.asked_at + self.core.desk.terms.respond_s, "asked twice"
                assert self.core.desk.model is ModelLeg.UP
                self.asked, self.asked_at = event_id, now
            case do.RunTool(call_id, name, arguments):
                assert call_id not in self.run, "a tool was run twice"
                if not self.core.desk.tool_terms(name).idempotent:
                    assert (name, arguments) != self.last_run, "one wish, two effects"
                self.last_run = (name, arguments)
                self.run.add(call_id)
            case do.ReturnTool(call_id):
                assert call_id in self.called - self.returned, "a tool was answered twice, or for nothing"
                self.returned.add(call_id)
            case do.Publish(fact):
                self._told(fact)
            case do.End():
                self.ends += 1
            case do.Feed() | do.OptOut() | do.Configure() | do.Cancel() | do.AddText() | do.Flush() | do.Detour():
                pass
            case do.HandOver(to):
                assert to
                assert not self.core.desk.playback.line_on, "nothing is played to somebody who is elsewhere"

    def _played(self, audio: bytes, mark: str) -> None:
        assert self.core.desk.phone is PhoneLeg.ON
        assert len(audio) % 160 == 0
        assert 160 <= len(audio) <= 1600
        assert mark not in self.marks, "two chunks have one name"
        item = mark.partition(":")[0]
        assert item not in self.cut, "an item that was interrupted is played again"
        self.marks.append(mark)
        self.sent_bytes[item] += len(audio)

    def _told(self, fact: facts.Fact) -> None:
        match fact:
            case facts.AgentSaid(item_id=item, heard_ms=heard_ms, cut=cut):
                assert heard_ms <= self.sent_bytes[item] / 8
                if cut:
                    self.cut.add(item)
            case facts.ToolUsed(tool_call_id=call_id):
                assert call_id in self.called - self.used
                assert self.core.desk.model is not ModelLeg.UP or call_id in self.returned
                self.used.add(call_id)
            case facts.PhaseChanged(phase):
                assert phase != self.phase, "a phase that did not change was told"
                self.phase = phase
            case facts.CallEnded():
                assert self.phase == Phase.ENDED.value
            case _:
                pass
