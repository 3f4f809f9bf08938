"""The phone's side of the rules: its leg comes and goes, its audio is fed, its marks are believed."""

from __future__ import annotations

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.departure import Departure
from bridge.call.desk import Desk
from bridge.call.floor import Floor
from bridge.call.phases import Intent, ModelLeg, PhoneLeg
from bridge.call.playback import SILENCE

GAP_LIMIT_MS = 10_000
"""The longest gap that is filled with silence; a longer one is not a gap but a pause of the line."""

FRAME_S = 0.020
"""A phone sends (and plays) 20 ms at a time."""
TICK_SLACK = 0.12
"""2.4 ms, in frames: how far apart two messages of one tick may arrive."""

# How the carrier's last word on a call reads as an end reason.
_REPORTED = {"completed": "caller_hung_up", "canceled": "caller_hung_up", "busy": "busy", "no-answer": "no_answer"}


class PhoneSide:
    """What follows from the phone's events."""

    def __init__(self, desk: Desk, floor: Floor, departure: Departure) -> None:
        self.desk = desk
        self.floor = floor
        self.departure = departure

    def attached(self, event: ev.PhoneAttached) -> None:
        """The caller is on the line, for the first time or again."""
        if not self.desk.move_phone(ev.PhoneAttached):
            return
        now = self.desk.now
        if self.desk.zero is None:
            self.desk.zero = now
            self.departure.begin_limits()
        self.desk.set_feed_offset()
        self.desk.frame_at = self.desk.active_at = now
        self.desk.timers.clear("ring")
        self.desk.timers.clear("away")
        self.desk.timers.set("frames", now + self.desk.terms.frames_s)
        self.desk.timers.set("silence", now + self.desk.silence_s)
        self.desk.tell(facts.CallAnswered(event.stream_id))
        if self.desk.model is ModelLeg.LOST:
            self.departure.end("model_failed", "model", self.desk.model_lost_by)
            return
        if self.desk.model is ModelLeg.OPENING:
            self.desk.timers.set("connect", now + self.desk.terms.connect_s)
        self.floor.play(self.desk.playback.attach(now))
        if self.departure.came_back():
            self.desk.cut_by_line = False
        elif self.desk.cut_by_line and self.desk.intent is Intent.TALK and not self.departure.keys_wait:
            self.desk.cut_by_line = False
            self.desk.respond(self.desk.terms.resume)
        self.departure.check()

    def audio(self, event: ev.PhoneAudio) -> None:
        """Some of the caller, 20 ms as a rule."""
        if self.hear(event.audio, self.desk.now):
            self.desk.put(do.Feed(event.audio))

    def hear(self, audio: bytes, now: float) -> bool:
        """The hot path: may the model have it now?"""
        desk = self.desk
        desk.now = desk.frame_at = now
        if desk.hears:
            desk.fed_bytes += len(audio)
            return True
        if desk.model is ModelLeg.OPENING:
            desk.hold(audio)
        return False

    def gap(self, event: ev.PhoneGap) -> None:
        """Missing caller audio is fed as silence, so that the model's turn detection keeps time."""
        size = min(event.ms, GAP_LIMIT_MS) * 8
        self.audio(ev.PhoneAudio(SILENCE * size))
        self.desk.tell(facts.Trouble("phone", "gap", f"{event.ms} ms of caller audio were missing"))

    def mark(self, event: ev.PhoneMark) -> None:
        """Something was heard (or an old mark came back and means nothing)."""
        desk = self.desk
        # Since a frame of the caller came, in frames: a whole number (give or take) when the mark came with one.
        frames = (desk.now - desk.frame_at) / FRAME_S
        ticked = abs(frames - round(frames)) < TICK_SLACK
        sounded = desk.playback.confirm(event.name, desk.now, ticked=ticked)
        if not sounded:
            return
        desk.active_at = desk.now
        if desk.wants_sound:
            self.floor.sound(sounded)
        for s in sounded:
            if s.track.finished:
                self.floor.tell_complete()
                break
        self.departure.check()

    def stopped(self, event: ev.PhoneStopped) -> None:
        """The carrier ended the stream and we did not send it away: the caller hung up."""
        if self.desk.move_phone(type(event)):
            self.departure.end("machine" if self.desk.machine else "caller_hung_up", "caller")

    def lost(self, event: ev.PhoneLost) -> None:
        """The socket went without a word: the carrier may come back for us at once, or never."""
        if not self.desk.move_phone(ev.PhoneLost):
            return
        if self.desk.intent is Intent.HAND_OVER:
            self.departure.hand_over_now()
            return
        if self.desk.intent is not Intent.TALK:
            self.departure.end("phone_lost", "carrier", event.detail)
            return
        self.desk.tell(facts.Trouble("phone", "lost", event.detail))
        self.desk.cut_by_line = self.desk.playback.open and not self.desk.opening
        self.floor.detach(self.desk.terms.away_s)

    def expected(self, _: ev.PhoneExpected) -> None:
        """The carrier asked and was told to connect again."""
        if self.desk.phone is PhoneLeg.AWAY:
            self.desk.timers.set("away", self.desk.now + self.desk.terms.ring_s)

    def reported(self, event: ev.CarrierReported) -> None:
        """The carrier says the call is over; it may know before the stream does, or instead of it."""
        if self.desk.move_phone(type(event)):
            reason = "machine" if self.desk.machine else _REPORTED.get(event.status, "phone_lost")
            self.departure.end(reason, "caller" if event.status == "completed" else "carrier")

    def frames_overdue(self) -> None:
        """A phone sends frames in silence too: none at all means that nobody is there."""
        due = self.desk.frame_at + self.desk.terms.frames_s
        if due > self.desk.now:
            self.desk.timers.set("frames", due)
        else:
            self.departure.end("phone_lost", "carrier", f"no caller audio for {self.desk.terms.frames_s:g} s")

    def ring_overdue(self) -> None:
        """The answer document was fetched and no stream came."""
        self.departure.end("phone_lost", "carrier", "no media stream came")

    def away_overdue(self) -> None:
        """The leg did not come back. One that went to somebody else has no need to."""
        if self.desk.intent is Intent.HAND_OVER:
            self.departure.hand_over_now()
            return
        self.departure.end("phone_lost", "carrier", "the phone's stream was lost and did not come back")
