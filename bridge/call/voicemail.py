"""A machine picked up: what was to be said to a person is taken back, and perhaps a message is left.

It begins after the beep (or when the judge takes the greeting for over), is said word for word without tools, and is
stopped by nothing but another beep: the first was none then, and it begins again, once. The call ends when it was
heard. How much was is told as `MessageLeft`.
"""

from __future__ import annotations

from bridge.call import events as ev
from bridge.call.departure import Departure
from bridge.call.desk import Desk, Message
from bridge.call.floor import Floor
from bridge.call.limits import AnswerTerms
from bridge.call.phases import Intent
from bridge.call.playback import LOCAL
from bridge.call.turn_taking import TurnTaking


class Voicemail:
    """One call's."""

    def __init__(self, desk: Desk, floor: Floor, departure: Departure, turns: TurnTaking) -> None:
        self.desk = desk
        self.floor = floor
        self.departure = departure
        self.turns = turns

    def take_back(self) -> None:
        """Nobody is to be greeted: what is held or being said is not said (any more), and nothing is answered."""
        desk = self.desk
        if desk.holding:
            self.floor.withdraw()
        elif desk.playback.busy or self._generates:
            desk.gate.disown()
            self.floor.interrupt("machine")
        desk.opening = True
        desk.greeted_ms = -1
        desk.answered_caller = True  # a machine is owed no goodbye
        desk.timers.clear("answer")
        self.turns.take()

    @property
    def _generates(self) -> bool:
        """Is something being generated that has not been taken back already?"""
        gate = self.desk.gate
        if gate.active_id:
            return not self.desk.playback.muted(gate.active_id, "")
        return bool(gate.pending_id) and gate.pending_id not in gate.unwanted

    def machine(self, answer: AnswerTerms) -> None:
        """Its greeting is being spoken: wait for the beep, or leave it alone."""
        self.desk.machine = True
        if self._has_message(answer):
            self.take_back()
        else:
            self.departure.end("machine", "bridge")

    def _has_message(self, answer: AnswerTerms) -> bool:
        if answer.on_machine == "hang_up":
            return False
        return bool(self.desk.recording if answer.on_machine == "recording" else answer.message.strip())

    def leave_message(self, answer: AnswerTerms) -> None:
        """The beep was heard; from the beginning when it is another one."""
        desk = self.desk
        had = desk.message
        if had is not None and had.again:
            return  # once is enough: some machines beep while they record
        desk.machine = True
        if not self._has_message(answer):
            self.departure.end("machine", "bridge")
            return
        self.take_back()
        desk.message = Message(again=had is not None)
        if answer.on_machine == "message":
            self.turns.when_up(lambda: self._say(answer.message))
        else:
            self._play()

    def _say(self, words: str) -> None:
        self.desk.say(words)
        self._go_when_heard()

    def _play(self) -> None:
        desk = self.desk
        item = f"{LOCAL}message_{desk.now_ms}"
        chunks = desk.playback.add(("", item, 0), desk.recording, len(desk.recording) / 8, desk.now)
        self.floor.play(chunks + desk.playback.finish(item, 0, desk.now))
        self._go_when_heard()

    def _go_when_heard(self) -> None:
        if self.desk.intent is Intent.TALK:
            self.departure.ask(ev.LeaveAsked("machine", "bridge"))
        else:
            self.departure.stay()
