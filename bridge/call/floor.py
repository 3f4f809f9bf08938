"""Who has the floor: the caller speaks or presses keys, the agent is played, interrupted, heard.

A barge-in runs here: silence the phone, say what was heard, keep the books.
"""

from __future__ import annotations

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.desk import Desk
from bridge.call.phases import Intent, ModelLeg
from bridge.call.playback import Chunk, Sounded, Track


class Floor:
    """The caller's speech and keys on one side, the agent's audio on the other."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._keys = ""

    def caller_text(self, event: ev.CallerText) -> None:
        """Words of a caller turn."""
        said = self.desk.turns.caller_text(event.item_id, event.text, final=event.final, now_ms=self.desk.now_ms)
        if said is not None:
            self.desk.tell(said)

    def speech_started(self, event: ev.SpeechStarted) -> None:
        """The caller takes the floor. While leaving, nobody takes it any more."""
        if self.desk.intent is not Intent.TALK:
            return
        self.desk.active_at = self.desk.now
        self.desk.caller_speaking = True
        self.desk.timers.clear("answer")
        at_ms = self._heard_at(event.at_ms + self.desk.terms.lead_in_ms)
        self.desk.turns.caller_started(event.item_id, at_ms)
        self.desk.gate.forget()
        self.interrupt("speech")
        self.desk.tell(facts.CallerStarted(at_ms))

    def speech_stopped(self, event: ev.SpeechStopped) -> None:
        """The caller gives the floor back."""
        self.desk.active_at = self.desk.now
        self.desk.caller_speaking = False
        self.desk.answered_caller = False
        at_ms = self._heard_at(event.at_ms - self.desk.terms.lead_out_ms)
        self.desk.tell(self.desk.turns.caller_stopped(event.item_id, at_ms, self.desk.now_ms))
        if self.desk.intent is not Intent.TALK:
            return
        if self.desk.terms.model_answers:
            self.desk.timers.set("answer", self.desk.now + self.desk.terms.answer_s)
        else:
            self.desk.respond()

    def answer_overdue(self) -> None:
        """The server promised to answer by itself and has not: ask."""
        if self.desk.intent is Intent.TALK and not self.desk.gate.busy and not self.desk.caller_speaking:
            self.desk.respond()

    def _heard_at(self, fed_ms: int) -> int:
        """A place in the audio the model was fed, on the call's clock; nothing is heard before it was spoken."""
        return min(max(0, fed_ms + self.desk.fed_offset_ms), self.desk.now_ms)

    def key(self, event: ev.PhoneKey) -> None:
        """A key: it takes the floor, and is part of an entry that ends with # or a pause."""
        if self.desk.intent is not Intent.TALK:
            return
        self.desk.active_at = self.desk.now
        if self.desk.playback.busy:
            self.interrupt("key")
        if event.digit == "#" and self._keys:
            self.enter_keys()
            return
        self._keys += event.digit
        self.desk.timers.set("keys", self.desk.now + self.desk.terms.keys_s)

    def enter_keys(self) -> None:
        """The entry is complete: the model gets it as text, because a phone's tones are not audio for a model."""
        if self.desk.model is not ModelLeg.UP:
            self.desk.timers.set("keys", self.desk.now + self.desk.terms.keys_s)
            return
        keys, self._keys = self._keys, ""
        self.desk.timers.clear("keys")
        self.desk.tell(facts.KeysPressed(self.desk.turns.next_number(), keys, self.desk.now_ms))
        self.desk.put(do.AddText(f"The caller pressed {keys} on the keypad."))
        self.desk.turns.entered(self.desk.now_ms)
        self.desk.answered_caller = False
        if not self.desk.caller_speaking:  # else the end of what they say asks for the answer to both
            self.desk.respond()

    def interrupt(self, why: str) -> None:
        """The caller took the floor: silence the phone first, then tell the model what was heard."""
        active = self.desk.gate.active_id
        if self.desk.playback.busy:
            self.desk.put(do.Flush())
        if active:
            self.desk.playback.mute(active)
            if why == "key" or not self.desk.terms.model_interrupts:
                self.desk.put(do.Cancel(active))
        sounded, cut = self.desk.playback.flush(self.desk.now)
        self._truncate(cut)
        if cut:
            first = cut[0]
            at_ms = self.desk.now_ms
            self.desk.tell(facts.Interrupted(first.item_id, at_ms, first.heard_ms, int(first.received_ms), why))
        self.sound(sounded)
        self.tell_tracks(cut, cut=True)
        self.tell_complete()

    def play(self, chunks: list[Chunk]) -> None:
        """Send what the ledger let out."""
        desk = self.desk
        for chunk in chunks:
            desk.put(do.Play(chunk.audio, chunk.mark))
            if not desk.terms.recorded:
                chunk.audio = b""
        for chunk in chunks:  # told when all is on its way: a first sound waits for nobody
            started = desk.turns.agent_audio(chunk.track.item_id, desk.now_ms)
            if started is not None:
                desk.tell(started)

    def sound(self, sounded: list[Sounded]) -> None:
        """Tell the recorder what was heard, and when."""
        if not self.desk.terms.recorded:
            return
        zero = self.desk.zero or 0.0
        for s in sounded:
            self.desk.put(do.Heard(s.audio, (s.at - zero) * 1000.0))

    def tell_complete(self) -> None:
        """Agent turns that have been heard to their end."""
        self.tell_tracks(self.desk.playback.take_complete(), cut=False)

    def tell_tracks(self, tracks: list[Track], *, cut: bool) -> None:
        """Agent turns, heard or cut."""
        for track in tracks:
            began = self.desk.now if track.began_at is None else track.began_at
            ended = self.desk.now if track.began_at is None else track.ended_at
            said = self.desk.turns.agent_done(track, start_ms=self.desk.ms(began), end_ms=self.desk.ms(ended), cut=cut)
            if said is not None:
                self.desk.tell(said)

    def _truncate(self, cut: list[Track]) -> None:
        for track in cut:
            self.desk.put(do.Truncate(track.item_id, track.content_index, track.heard_ms))

    def close_books(self, *, truncate: bool = False) -> None:
        """The line is gone: what was heard until now was heard, the rest was not. `truncate`: the model shall know."""
        sounded, cut = self.desk.playback.flush(self.desk.now)
        if truncate:
            self._truncate(cut)
        self.sound(sounded)
        self.tell_tracks(cut, cut=True)
        self.tell_complete()

    def detach(self, back_in_s: float) -> None:
        """The leg is away; it may be back within `back_in_s`."""
        self.close_books(truncate=self.desk.model is ModelLeg.UP)
        self.desk.playback.line_on = False
        self.desk.timers.clear("frames")
        self.desk.timers.set("away", self.desk.now + back_in_s)
