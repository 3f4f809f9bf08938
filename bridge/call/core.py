"""The rules of one call, joined. Events in, commands out; time is handed in; nothing waits, reads a clock or does I/O.

The theory of operation is in the docstring of `bridge/call/__init__.py`; if you change one, change both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call.departure import Departure
from bridge.call.desk import Desk
from bridge.call.floor import Floor
from bridge.call.house_side import HouseSide
from bridge.call.keypad import Keypad
from bridge.call.limits import Terms
from bridge.call.model_side import ModelSide
from bridge.call.opening import Opening
from bridge.call.phases import Phase
from bridge.call.phone_side import PhoneSide
from bridge.call.silences import Silences
from bridge.call.tool_side import ToolSide
from bridge.call.waiting import Waiting


class CallCore:
    """One call, from the moment we know of it until it is over."""

    def __init__(self, terms: Terms, now: float, tone: bytes = b"", music: bytes = b"", recording: bytes = b"") -> None:
        """Sounds for the caller while a tool runs, as mu-law: a soft `tone` and `music` to wait by.

        They are `tone_ms` and `music_ms` of the terms long; a `recording` for answering machines is `recording_ms`.
        """
        self.desk = desk = Desk(terms, now, tone, music, recording)
        floor = Floor(desk)
        departure = Departure(desk, floor)
        phone = PhoneSide(desk, floor, departure)
        model = ModelSide(desk, floor, departure)
        tools = ToolSide(desk, departure, waiting := Waiting(desk, floor))
        keypad = Keypad(desk, floor, departure)
        house = HouseSide(desk, floor)
        self._opening = opening = Opening(desk, floor, departure, phone, model)
        opening.press = keypad.key
        self.deadline = desk.timers.next
        """`deadline()`: when `wake` must be called at the latest, or None."""
        self.hear = phone.hear
        """`hear(audio, now)` is `receive(PhoneAudio(audio), now)` in short: True instead of `[Feed(audio)]`."""
        self._handlers: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.PhoneAudio: phone.audio,
            ev.PhoneMark: phone.mark,
            ev.PhoneAttached: phone.attached,
            ev.PhoneGap: phone.gap,
            ev.PhoneStopped: phone.stopped,
            ev.PhoneLost: phone.lost,
            ev.PhoneExpected: phone.expected,
            ev.CarrierReported: phone.reported,
            ev.CalleeAnswered: opening.answered,
            ev.CarrierDetected: opening.detected,
            ev.LineHeard: opening.heard,
            ev.PhoneKey: keypad.key,
            ev.CallerTyped: keypad.typed,
            ev.SpeechStarted: floor.speech_started,
            ev.SpeechStopped: floor.speech_stopped,
            ev.TurnCommitted: floor.committed,
            ev.CallerText: floor.caller_text,
            ev.ModelAudio: model.audio,
            ev.ModelAudioDone: model.audio_done,
            ev.AgentText: model.agent_text,
            ev.ModelOpened: house.opened,
            ev.ModelConfigured: model.configured,
            ev.ResponseCreated: model.response_created,
            ev.ResponseDone: model.response_done,
            ev.ModelFault: model.fault,
            ev.ModelLost: model.lost,
            ev.ToolCalled: tools.called,
            ev.HostedToolRan: tools.ran_elsewhere,
            ev.ToolFinished: tools.finished,
            ev.Prepared: house.prepared,
            ev.AgentChanged: house.agent_changed,
            ev.ToolsChanged: house.tools_changed,
            ev.GuardrailTripped: house.tripped,
            ev.Attended: house.attended,
            ev.WordsAsked: house.words_asked,
            ev.NoteAsked: house.note_asked,
            ev.LeaveAsked: departure.ask,
            ev.TransferAsked: departure.ask,
            ev.HandedOver: departure.handed_over,
            ev.HandOverFailed: departure.hand_over_failed,
            ev.EndAsked: departure.end_asked,
            ev.DigitsAsked: departure.digits_asked,
        }
        if terms.answer is not None:  # we called them
            self._handlers |= {
                ev.PhoneAttached: opening.attached,
                ev.PhoneLost: opening.lost,
                ev.PhoneKey: opening.pressed,
                ev.ModelConfigured: opening.configured,
                ev.CallerText: opening.caller_text,
                ev.SpeechStopped: opening.speech_stopped,
            }
        self._alarms: dict[str, Callable[[], None]] = {
            "ring": opening.ring_overdue,
            "opening": opening.overdue,
            "frames": phone.frames_overdue,
            "away": phone.away_overdue,
            "connect": model.connect_overdue,
            "respond": model.respond_overdue,
            "progress": model.progress_overdue,
            "keys": keypad.enter,
            "typed": keypad.send_typed,
            "answer": floor.answer_overdue,
            "tools": tools.overdue,
            "doubt": floor.doubt_overdue,
            "filler": waiting.overdue,
            "prepare": house.prepare_overdue,
            "silence": Silences(desk, departure).overdue,
            "warn": departure.warn_overdue,
            "longest": departure.longest_overdue,
            "settle": departure.settle_overdue,
            "leave": departure.leave_overdue,
        }
        if terms.answer is None:
            desk.timers.set("ring", now + terms.ring_s)

    def receive(self, event: ev.Event, now: float) -> list[do.Command]:
        """What follows from `event`, in order. After `End` nothing follows from anything."""
        desk = self.desk
        if desk.over:
            return []
        out: list[do.Command] = []
        desk.out = out
        desk.now = now
        self._handlers[type(event)](event)
        return out

    def wake(self, now: float) -> list[do.Command]:
        """What follows from time alone. Early or needless calls do nothing."""
        desk = self.desk
        out: list[do.Command] = []
        desk.out = out
        desk.now = now
        for name in desk.timers.due(now):
            if not desk.over and name not in desk.timers:  # an alarm before it may have moved it
                self._alarms[name]()
        return out

    @property
    def phase(self) -> Phase:
        """What people see of the call."""
        return self.desk.phase

    @property
    def listens(self) -> bool:
        """An outbound call: the rules want to be told what the line sounds like (`LineHeard`). False is for good."""
        return self._opening.listens

    @property
    def over(self) -> bool:
        """`End` has been said."""
        return self.desk.over
