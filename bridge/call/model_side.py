"""The model's side of the rules: its session opens, its responses come one at a time, its failures are sorted."""

from __future__ import annotations

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.departure import Departure
from bridge.call.desk import Desk
from bridge.call.floor import Floor
from bridge.call.phases import Intent, ModelLeg, PhoneLeg
from bridge.call.playback import Chunk
from bridge.call.responses import Request

FAULT_LIMIT = 25
"""Error events told per call; the timeline has them all."""
BREATH_S = 1.0
"""Pause before a request that was refused for the moment is made again."""
FAILURE_LIMIT = 2
"""Failed or unanswered responses in a row that are asked for again."""


class ModelSide:
    """What follows from the model's events."""

    def __init__(self, desk: Desk, floor: Floor, departure: Departure) -> None:
        self.desk = desk
        self.floor = floor
        self.departure = departure
        self._failures = 0
        self._faults = 0

    def configured(self, event: ev.ModelConfigured) -> None:
        """The configuration was taken, or not; only now may caller audio and greeting go out."""
        if event.problems:
            self.lost(ev.ModelLost("the model did not take our configuration: " + "; ".join(event.problems), True))
            return
        if not self.desk.move_model(ev.ModelConfigured):
            return
        self.desk.timers.clear("connect")
        self.desk.feed_held()
        if self.desk.greeting and not self.desk.opening:
            self.greet(tools=not self.desk.terms.leave_after_greeting)
        if self.desk.terms.leave_after_greeting:
            self.departure.ask(ev.LeaveAsked("agent_hung_up", "bridge"))

    def greet(self, *, tools: bool = True) -> None:
        """Ask for the first words."""
        self.desk.protected = self.desk.terms.protect_greeting
        self.desk.respond(self.desk.greeting, tools=tools)

    def response_created(self, event: ev.ResponseCreated) -> None:
        """A response began, ours or the server's own."""
        if not event.conversational:
            self.desk.playback.mute(event.response_id)
            return
        desk = self.desk
        asked = desk.gate.pending_id
        # Asked for before the caller began to speak: they would talk over each other.
        late = bool(asked) and self._talked_over()
        # The server's own, and nobody wants it: a guardrail has the word, or a tool that may not be talked into, or it
        # would answer a machine.
        uncalled = not asked and (desk.drop_next or desk.tools.deaf or desk.opening)
        unwanted = asked in desk.gate.unwanted
        desk.drop_next = False
        desk.gate.created(event.response_id)
        if asked and not desk.greeting_id and desk.protected:
            desk.greeting_id = event.response_id
        if late or uncalled or unwanted:
            self.desk.playback.mute(event.response_id)
            self.desk.put(do.Cancel(event.response_id))
        self.desk.progress_at = self.desk.now
        self.desk.timers.clear("respond")
        self.desk.timers.clear("answer")
        self.desk.timers.set("progress", self.desk.now + self.desk.terms.progress_s)

    def _talked_over(self) -> bool:
        """Does the caller speak, and is it for them to be heard?"""
        desk = self.desk
        heard = desk.protected or desk.doubted or desk.opening or desk.hello
        return desk.caller_speaking and not heard

    def response_done(self, event: ev.ResponseDone) -> None:
        """A response ended: all of it is generated, little of it heard."""
        if event.usage:
            self.desk.tell(facts.UsageCounted(event.usage))
        if not event.conversational:
            return
        self.floor.play(self.desk.playback.finish_response(event.response_id, self.desk.now))
        request = self.desk.gate.done(event.response_id)
        if not self.desk.gate.active_id:
            self.desk.timers.clear("progress")
        if event.status == "failed":
            self.response_failed(event, request)
            return
        self._failures = 0
        self.desk.ask(request)
        self.floor.tell_complete()
        self.departure.check()

    def response_failed(self, event: ev.ResponseDone, request: Request | None) -> None:
        """A failure comes as an ordinary event; whoever ignores it leaves the caller in silence."""
        self._failures += 1
        self.desk.tell(facts.Trouble("model", event.error_code or "response_failed", event.error_message))
        if event.severity == "fatal" or self._failures > FAILURE_LIMIT:
            self._give_up(event.error_message or event.error_code)
        elif request is not None or not self.desk.gate.busy:  # a late word of an old response asks for nothing
            self.desk.ask(request or self.desk.gate.retry())

    def audio(self, event: ev.ModelAudio) -> list[Chunk]:
        """The hot path outward: what the ledger lets out to the phone when a delta comes."""
        desk = self.desk
        desk.progress_at = desk.now
        if desk.playback.muted(event.response_id, event.item_id):
            return []
        desk.active_at = desk.now
        desk.answered_caller = True
        track_of = (event.response_id, event.item_id, event.content_index)
        return desk.playback.add(track_of, event.audio, event.ms, desk.now)

    def audio_done(self, event: ev.ModelAudioDone) -> None:
        """An item's audio is complete: its last part frame goes out."""
        self.desk.progress_at = self.desk.now
        self.floor.play(self.desk.playback.finish(event.item_id, event.content_index, self.desk.now))
        self.floor.tell_complete()

    def agent_text(self, event: ev.AgentText) -> None:
        """Words of an agent turn; they run ahead of the voice."""
        self.desk.progress_at = self.desk.now
        self.desk.turns.agent_text(event.item_id, event.text, final=event.final)
        if self.desk.wants_words and not self.desk.playback.muted(event.response_id, event.item_id):
            words, given = self.desk.turns.words_of(event.item_id), event.response_id == self.desk.gate.given_id
            self.desk.tell(facts.WordsSaid("agent", event.item_id, words, event.final, given))

    def fault(self, event: ev.ModelFault) -> None:
        """An error event. Only a fatal one ends the call, or one while the session is being set up."""
        self._faults += 1
        if self._faults <= FAULT_LIMIT:
            self.desk.tell(facts.Trouble("model", event.code or "error", event.message))
        if event.severity == "fatal" or self.desk.model is ModelLeg.OPENING:
            self.lost(ev.ModelLost(event.message or event.code, True))
        elif event.code == "conversation_already_has_active_response":
            self.desk.gate.refused(event.event_id, busy=True)
            self._wait_for_turn()
        elif event.event_id and event.event_id == self.desk.gate.pending_id:
            again = event.severity == "transient"
            self.desk.gate.refused(event.event_id, busy=again)
            if again:
                # Too many requests want a pause, not a repeat.
                self.desk.timers.set("respond", self.desk.now + BREATH_S)
            else:
                self.desk.timers.clear("respond")
                self.departure.check()

    def _wait_for_turn(self) -> None:
        if self.desk.gate.active_id:
            self.desk.timers.clear("respond")  # its end asks again, and has a deadline of its own
        else:
            self.desk.timers.set("respond", self.desk.now + self.desk.terms.respond_s)

    def lost(self, event: ev.ModelLost) -> None:
        """The model is gone. Before the phone is on, that waits: the caller must be there to hear the apology."""
        if not self.desk.move_model(ev.ModelLost):
            return
        if self._needless():
            self.desk.gate.give_up()
        if self.desk.phone is PhoneLeg.AWAITED or self._needless():
            self.desk.model_lost_by = event.detail
            self.desk.tell(facts.Trouble("model", "lost", event.detail))
        elif self.desk.intent is Intent.HAND_OVER:
            self._give_up(event.detail)
        elif self.desk.intent is not Intent.TALK and not self.desk.gate.busy:
            self.departure.check()  # all is said; hearing it does not need the model
        elif self.desk.playback.busy and not self._waits() and self.desk.phone is PhoneLeg.ON:
            self.departure.end_when_heard("model_failed", "model", event.detail)
        else:
            self._give_up(event.detail)

    def _waits(self) -> bool:
        """Is something still to be generated, or to be let go?"""
        return self.desk.gate.busy or self.desk.holding

    def _needless(self) -> bool:
        """A machine is to hear a recording, which needs no model."""
        return self.desk.machine and self.desk.intent is Intent.TALK and bool(self.desk.recording)

    def _give_up(self, detail: str) -> None:
        """The model is of no more use. Who is being handed over needs none: they go, as they are."""
        desk = self.desk
        if desk.intent is not Intent.HAND_OVER:
            self.departure.end("model_failed", "model", detail)
            return
        desk.move_model(ev.ModelLost)
        desk.model_lost_by = detail
        desk.tell(facts.Trouble("model", "lost", detail))
        desk.gate.give_up()
        for name in ("connect", "respond", "progress"):
            desk.timers.clear(name)
        self.departure.check()

    def respond_overdue(self) -> None:
        """Asked for a response and nothing began: ask once more, then give up."""
        self._failures += 1
        if self._failures > 1:
            self._give_up("the model did not begin a response that was asked for twice")
        else:
            self.desk.tell(
                facts.Trouble("model", "no_response", "response.create was not answered in time; asked again")
            )
            self.desk.ask(self.desk.gate.retry())

    def progress_overdue(self) -> None:
        """A response began and went silent (half-open socket, stuck server)."""
        due = self.desk.progress_at + self.desk.terms.progress_s
        if due > self.desk.now:
            self.desk.timers.set("progress", due)
        else:
            self._give_up("the model fell silent in the middle of a response")

    def connect_overdue(self) -> None:
        """The caller is there and the model is not."""
        self._give_up("the model's session was not ready in time")
