"""How a call is left: after the last word has been heard.

Leaving for good (goodbye, transfer) and leaving for a moment (keys sent into the call) wait for the same thing: no
response is being generated or wanted, no tool is open, and the last mark has come back. `response.done` says only
that the goodbye was generated.
"""

from __future__ import annotations

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.desk import Desk
from bridge.call.floor import Floor
from bridge.call.phases import Intent, ModelLeg, PhoneLeg


class Departure:
    """Why and when this call ends."""

    def __init__(self, desk: Desk, floor: Floor) -> None:
        self.desk = desk
        self.floor = floor
        self._leaving = do.End("agent_hung_up", "agent")
        self._detour = ""
        self._back = ""

    def ask(self, event: ev.LeaveAsked | ev.TransferAsked) -> None:
        """Somebody wants the call to end, or to be handed over. The first one wins."""
        if not self.desk.move_intent(type(event)):
            return
        self._give_way()
        if isinstance(event, ev.TransferAsked):
            self._leaving = do.End("transferred", "agent", transfer_to=event.to)
        else:
            self._leaving = do.End(event.reason, event.by)
        self._leave(self._leaving)

    def _leave(self, end: do.End) -> None:
        self._leaving = end
        self.desk.timers.clear("answer")
        self.desk.timers.clear("silence")
        self.desk.timers.clear("longest")
        self.desk.timers.clear("warn")
        self.stay()

    def stay(self) -> None:
        """More is to be heard before we go."""
        self.desk.timers.set("leave", max(self.desk.now, self.desk.playback.quiet_at()) + self.desk.terms.leave_s)
        self.check()

    def _give_way(self) -> None:
        """What waits until somebody listens would keep us waiting."""
        if self.desk.holding:
            self.floor.withdraw()

    def end_when_heard(self, reason: str, by: str, error: str) -> None:
        """Nothing more can be said; what has been said is heard to its end."""
        if self.desk.move_intent(ev.LeaveAsked):
            self._leave(do.End(reason, by, error))

    def end_asked(self, event: ev.EndAsked) -> None:
        """Somebody who may wants the call to end at once."""
        if self.desk.intent is Intent.HAND_OVER:
            self.hand_over_now()
        else:
            self.end(event.reason, event.by)

    def hand_over_now(self) -> None:
        """Our part must end while the caller is being handed over: whoever is next gets them as they are."""
        self.emit(self._leaving)

    def handed_over(self, _: ev.HandedOver) -> None:
        """Somebody else speaks to the caller: our part ends."""
        if self.desk.intent is Intent.HAND_OVER and self.desk.phone is PhoneLeg.AWAY:
            self.emit(self._leaving)

    def hand_over_failed(self, event: ev.HandOverFailed) -> None:
        """Nobody took the caller: they are ours again, and hear so."""
        desk = self.desk
        if not desk.move_intent(ev.HandOverFailed):
            return
        for name in ("leave", "settle"):
            desk.timers.clear(name)
        self.begin_limits()
        desk.answered_caller = True
        desk.caller_speaking = False  # whatever was being said then was not heard to its end
        desk.tell(facts.TakenBack(event.why, desk.now_ms))
        self._back = desk.terms.taken_back.format(why=event.why)
        if desk.phone is PhoneLeg.ON and desk.model is ModelLeg.LOST:
            self.end("model_failed", "model", desk.model_lost_by)
        elif desk.phone is PhoneLeg.ON:
            desk.timers.set("silence", desk.now + desk.silence_s)
            self.came_back()
        else:
            desk.timers.set("away", desk.now + desk.terms.ring_s)

    def came_back(self) -> bool:
        """The caller is on the line: what is to be said to one who was to be handed over? False: they were not."""
        words, self._back = self._back, ""
        if words:
            self.desk.respond(words)
        return bool(words)

    def begin_limits(self) -> None:
        """How long the call may last counts from its beginning, whatever came between."""
        desk = self.desk
        if desk.zero is None:
            return
        desk.timers.set("longest", desk.zero + desk.terms.longest_s)
        warn_at = desk.zero + desk.terms.longest_s - desk.terms.warn_s
        if 0 < desk.terms.warn_s < desk.terms.longest_s and desk.now < warn_at:
            desk.timers.set("warn", warn_at)

    @property
    def keys_wait(self) -> bool:
        """Keys are to be sent as soon as they can be."""
        return bool(self._detour)

    def digits_asked(self, event: ev.DigitsAsked) -> None:
        """Keys are to be sent into the call."""
        if self.desk.intent is Intent.TALK:
            self._detour += event.digits
            self.check()

    def check(self) -> None:
        """Leave (for good, or to send digits) once everything said has been heard."""
        if self.desk.intent is Intent.TALK and not self._detour:
            return
        if self._held_up():
            return
        if self.desk.playback.busy:
            self.desk.timers.set("settle", self.desk.playback.quiet_at() + self.desk.terms.settle_s)
        else:
            self.settle()

    def _held_up(self) -> bool:
        """More is to be said, or nobody is there to hear it."""
        desk = self.desk
        said = not (desk.gate.busy or desk.gate.wanted or desk.tools.open or desk.doubted)
        return desk.over or desk.phone is not PhoneLeg.ON or not said

    def settle_overdue(self) -> None:
        """The last mark is late: what should have been heard by now counts as heard."""
        if self.desk.playback.busy and self.desk.playback.quiet_at() + self.desk.terms.settle_s > self.desk.now:
            self.check()
        elif not self._held_up():
            self.settle()

    def leave_overdue(self) -> None:
        """Whatever holds the goodbye up, it has had its time; what was said by now may still be heard."""
        heard_at = self.desk.playback.quiet_at() + self.desk.terms.settle_s
        if self.desk.phone is PhoneLeg.ON and self.desk.playback.busy and heard_at > self.desk.now:
            self.desk.timers.set("leave", heard_at)
        elif self.desk.phone is PhoneLeg.ON and self.desk.intent is Intent.HAND_OVER:
            self._hand_over()
        else:
            self.emit(self._leaving)

    def warn_overdue(self) -> None:
        """The longest time is nearly up; whoever speaks finishes first."""
        if self.desk.caller_speaking:
            self.desk.timers.set("warn", self.desk.now + 1.0)
        elif self.desk.intent is Intent.TALK:
            self.desk.respond(self.desk.terms.warning)

    def longest_overdue(self) -> None:
        """The call has lasted as long as it may."""
        self.say_goodbye("max_duration", self.desk.terms.longest_goodbye)

    def settle(self) -> None:
        """Everything has been heard: go."""
        self.desk.timers.clear("settle")
        if self.desk.intent is Intent.TALK:
            digits, self._detour = self._detour, ""
            if digits and self.desk.move_phone(do.Detour):
                self.floor.detach(self.desk.terms.detour_s)
                self.desk.put(do.Detour(digits))
        elif not self.desk.answered_caller and self.desk.model is ModelLeg.UP:
            self.desk.answered_caller = True  # leaving on the caller's last word: one word of ours first
            terms = self.desk.terms
            self.desk.respond(terms.handing_over if self.desk.intent is Intent.HAND_OVER else terms.goodbye)
        elif self.desk.intent is Intent.HAND_OVER:
            self._hand_over()
        else:
            self.emit(self._leaving)

    def _hand_over(self) -> None:
        """The caller leaves us for somebody else, and may come back."""
        desk = self.desk
        to = self._leaving.transfer_to
        if desk.move_phone(do.HandOver):
            desk.timers.clear("leave")
            self.floor.detach(desk.terms.hand_over_s)
            desk.put(do.HandOver(to))
            desk.tell(facts.HandingOver(to, desk.now_ms))

    def say_goodbye(self, reason: str, instructions: str, *, error: str = "", tools: bool = True) -> None:
        """We end the call ourselves, with words; they follow what is being said."""
        if self.desk.intent is not Intent.TALK:
            return
        self._give_way()
        self.desk.answered_caller = True
        self.desk.respond(instructions, tools=tools)
        if self.desk.move_intent(ev.LeaveAsked):
            self._leave(do.End(reason, "bridge", error))

    def end(self, reason: str, by: str, error: str = "") -> None:
        """The call is over now, whatever is being said."""
        self.emit(do.End(reason, by, error))

    def emit(self, end: do.End) -> None:
        """Close the books, tell everyone, end."""
        self.floor.close_books()
        now_ms = self.desk.now_ms
        for said in self.desk.turns.untold(now_ms):
            self.desk.tell(said)
        message = self.desk.message
        if message is not None:
            whole = message.heard_ms > 0 and not message.cut
            self.desk.tell(facts.MessageLeft(message.heard_ms, whole, now_ms))
        self.desk.finish()
        self.desk.tell(facts.CallEnded(end.reason, end.by, end.error, now_ms))
        self.desk.put(end)
