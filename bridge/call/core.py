"""The rules of one call, joined. Events in, commands out; time is handed in; nothing waits, reads a clock or does I/O.

The theory of operation is in the docstring of `bridge/call/__init__.py`; if you change one, change both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from bridge.call.playback import Chunk
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
        self._floor = floor = Floor(desk)
        self._departure = departure = Departure(desk, floor)
        self._phone = phone = PhoneSide(desk, floor, departure)
        self._model = model = ModelSide(desk, floor, departure)
        self._waiting = Waiting(desk, floor)
        self._tools = ToolSide(desk, departure, self._waiting)
        self._keypad = Keypad(desk, floor, departure)
        self._house = HouseSide(desk, floor)
        self._silences = Silences(desk, departure)
        self._opening = Opening(desk, floor, departure, phone, model)
        self._opening.press = self._keypad.key
        self.deadline = desk.timers.next
        """`deadline()`: when `wake` must be called at the latest, or None."""
        self.hear = phone.hear
        """`hear(audio, now)` is `receive(PhoneAudio(audio), now)` in short: True instead of `[Feed(audio)]`."""
        self.begins = False
        """The latest `speak` began a turn of the agent's."""
        self._beginning: list[Chunk] = []
        self._handlers = HANDLERS if terms.answer is None else OUTBOUND
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
        self._handlers[type(event)](self, event)
        return out

    def speak(self, event: ev.ModelAudio, now: float) -> list[do.Play]:
        """What the phone is to play of a piece of the agent's sound.

        `receive(event, now)` is this and then, when it `begins` a turn, `began()`: a first sound need not wait for what
        is told of it.
        """
        desk = self.desk
        self.begins = False
        if desk.over:
            return []
        desk.now = now
        chunks = self._model.audio(event)
        if chunks and not chunks[0].track.told:
            self.begins = True
            self._beginning = chunks
        return self._floor.plays(chunks)

    def began(self) -> list[do.Command]:
        """What is told of the turn that began with the latest `speak`."""
        out: list[do.Command] = []
        self.desk.out = out
        self._floor.tell_began(self._beginning)
        self._beginning = []
        return out

    def wake(self, now: float) -> list[do.Command]:
        """What follows from time alone. Early or needless calls do nothing."""
        desk = self.desk
        out: list[do.Command] = []
        desk.out = out
        desk.now = now
        for name in desk.timers.due(now):
            if not desk.over and name not in desk.timers:  # an alarm before it may have moved it
                ALARMS[name](self)
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


Handlers = Mapping[type[ev.Event], Callable[[CallCore, Any], None]]
# Made once and not for each call: sixty bound methods would be 6 kB of it.
HANDLERS: Handlers = {
    ev.PhoneAudio: lambda core, event: core._phone.audio(event),
    ev.PhoneMark: lambda core, event: core._phone.mark(event),
    ev.PhoneAttached: lambda core, event: core._phone.attached(event),
    ev.PhoneGap: lambda core, event: core._phone.gap(event),
    ev.PhoneStopped: lambda core, event: core._phone.stopped(event),
    ev.PhoneLost: lambda core, event: core._phone.lost(event),
    ev.PhoneExpected: lambda core, event: core._phone.expected(event),
    ev.CarrierReported: lambda core, event: core._phone.reported(event),
    ev.CalleeAnswered: lambda core, event: core._opening.answered(event),
    ev.CarrierDetected: lambda core, event: core._opening.detected(event),
    ev.LineHeard: lambda core, event: core._opening.heard(event),
    ev.PhoneKey: lambda core, event: core._keypad.key(event),
    ev.CallerTyped: lambda core, event: core._keypad.typed(event),
    ev.SpeechStarted: lambda core, event: core._floor.speech_started(event),
    ev.SpeechStopped: lambda core, event: core._floor.speech_stopped(event),
    ev.TurnCommitted: lambda core, event: core._floor.committed(event),
    ev.CallerText: lambda core, event: core._floor.caller_text(event),
    ev.ModelAudio: lambda core, event: core._floor.play(core._model.audio(event)),
    ev.ModelAudioDone: lambda core, event: core._model.audio_done(event),
    ev.AgentText: lambda core, event: core._model.agent_text(event),
    ev.ModelOpened: lambda core, event: core._house.opened(event),
    ev.ModelConfigured: lambda core, event: core._model.configured(event),
    ev.ResponseCreated: lambda core, event: core._model.response_created(event),
    ev.ResponseDone: lambda core, event: core._model.response_done(event),
    ev.ModelFault: lambda core, event: core._model.fault(event),
    ev.ModelLost: lambda core, event: core._model.lost(event),
    ev.ToolCalled: lambda core, event: core._tools.called(event),
    ev.HostedToolRan: lambda core, event: core._tools.ran_elsewhere(event),
    ev.ToolFinished: lambda core, event: core._tools.finished(event),
    ev.Prepared: lambda core, event: core._house.prepared(event),
    ev.AgentChanged: lambda core, event: core._house.agent_changed(event),
    ev.ToolsChanged: lambda core, event: core._house.tools_changed(event),
    ev.GuardrailTripped: lambda core, event: core._house.tripped(event),
    ev.Attended: lambda core, event: core._house.attended(event),
    ev.WordsAsked: lambda core, event: core._house.words_asked(event),
    ev.NoteAsked: lambda core, event: core._house.note_asked(event),
    ev.LeaveAsked: lambda core, event: core._departure.ask(event),
    ev.TransferAsked: lambda core, event: core._departure.ask(event),
    ev.HandedOver: lambda core, event: core._departure.handed_over(event),
    ev.HandOverFailed: lambda core, event: core._departure.hand_over_failed(event),
    ev.EndAsked: lambda core, event: core._departure.end_asked(event),
    ev.DigitsAsked: lambda core, event: core._departure.digits_asked(event),
}
"""What becomes of each event."""
OUTBOUND: Handlers = {
    **HANDLERS,
    ev.PhoneAttached: lambda core, event: core._opening.attached(event),
    ev.PhoneLost: lambda core, event: core._opening.lost(event),
    ev.PhoneKey: lambda core, event: core._opening.pressed(event),
    ev.ModelConfigured: lambda core, event: core._opening.configured(event),
    ev.CallerText: lambda core, event: core._opening.caller_text(event),
    ev.SpeechStopped: lambda core, event: core._opening.speech_stopped(event),
}
"""The same when we called them."""
ALARMS: Mapping[str, Callable[[CallCore], None]] = {
    "ring": lambda core: core._opening.ring_overdue(),
    "opening": lambda core: core._opening.overdue(),
    "frames": lambda core: core._phone.frames_overdue(),
    "away": lambda core: core._phone.away_overdue(),
    "connect": lambda core: core._model.connect_overdue(),
    "respond": lambda core: core._model.respond_overdue(),
    "progress": lambda core: core._model.progress_overdue(),
    "keys": lambda core: core._keypad.enter(),
    "typed": lambda core: core._keypad.send_typed(),
    "answer": lambda core: core._floor.answer_overdue(),
    "tools": lambda core: core._tools.overdue(),
    "doubt": lambda core: core._floor.doubt_overdue(),
    "filler": lambda core: core._waiting.overdue(),
    "prepare": lambda core: core._house.prepare_overdue(),
    "silence": lambda core: core._silences.overdue(),
    "warn": lambda core: core._departure.warn_overdue(),
    "longest": lambda core: core._departure.longest_overdue(),
    "settle": lambda core: core._departure.settle_overdue(),
    "leave": lambda core: core._departure.leave_overdue(),
}
"""What happens when each of the timers has run out."""
