"""Who has the floor: the caller speaks, the agent is played, interrupted, heard.

A barge-in runs here: silence the phone, say what was heard, keep the books. With terms that allow for doubt it runs in
two steps: the phone is silenced at once and what was not heard is kept; when words follow (or the sound goes on) it was
an interruption and the model is told, and when none do the phone gets the rest, from the sample on that was not heard,
and the model never knows.
"""

from __future__ import annotations

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.desk import Desk
from bridge.call.phases import Intent, ModelLeg
from bridge.call.playback import Chunk, Sounded, Track

LATE_MS, UNSURE_MS = 300, 1500
"""How exactly a server tells the end of a turn: one that waits for silence, and one that does not say what for."""
A_TURN_MS = 1500
"""So much of the agent that was heard to its end, and then answered, is a dialogue."""


class Floor:
    """The caller's speech and keys on one side, the agent's audio on the other."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def caller_text(self, event: ev.CallerText) -> None:
        """Words of a caller turn."""
        desk = self.desk
        said = desk.turns.caller_text(event.item_id, event.text, final=event.final, now_ms=desk.now_ms)
        if said is not None:
            desk.tell(said)
        if desk.wants_words:
            desk.tell(facts.WordsSaid("caller", event.item_id, desk.turns.words_of(event.item_id), event.final))
        if not desk.doubted:
            return
        if event.text.strip():
            self._believe()
        elif event.final and not desk.caller_speaking:
            self._go_on()

    def speech_started(self, event: ev.SpeechStarted) -> None:
        """The caller takes the floor. While leaving, nobody takes it any more."""
        desk = self.desk
        if desk.intent is not Intent.TALK:
            return
        desk.caller_active()
        desk.caller_speaking = True
        desk.timers.clear("answer")
        at_ms = self._heard_at(event.at_ms + desk.terms.lead_in_ms)
        desk.turns.caller_started(event.item_id, at_ms)
        if desk.opening or at_ms <= desk.greeted_ms:
            desk.hello = True
        elif self._greeting_is_protected():
            pass
        elif desk.terms.doubt_s and desk.playback.busy and desk.playback.kept:
            self._doubt(event.item_id)
        else:
            desk.gate.forget()
            self.interrupt("speech")
        desk.tell(facts.CallerStarted(at_ms))

    def speech_stopped(self, event: ev.SpeechStopped) -> None:
        """The caller gives the floor back."""
        desk = self.desk
        desk.active_at = desk.now
        desk.caller_speaking = False
        at_ms = self._heard_at(event.at_ms - desk.terms.lead_out_ms)
        desk.tell(desk.turns.caller_stopped(event.item_id, at_ms, desk.now_ms))
        if desk.terms.commits and desk.model is ModelLeg.UP:
            desk.put(do.Commit())
        hello, desk.hello = desk.hello, False
        if desk.opening or (hello and at_ms <= desk.greeted_ms + self._late_ms):
            return  # the greeting is the answer
        desk.dialogue = desk.dialogue or desk.agent_heard
        if desk.doubted:
            desk.timers.set("doubt", desk.now + desk.terms.doubt_s)
        else:
            self._await_answer()

    @property
    def _late_ms(self) -> int:
        """How much later than it was the end of a turn may be told."""
        return LATE_MS if self.desk.terms.lead_out_ms else UNSURE_MS

    def committed(self, event: ev.TurnCommitted) -> None:
        """The server's name for a turn that was detected here: its words will come under it."""
        if self.desk.terms.commits:
            self.desk.turns.committed(event.item_id)

    def _await_answer(self) -> None:
        """The caller has said something."""
        desk = self.desk
        desk.answered_caller = False
        desk.tools.caller_turn()
        if desk.intent is not Intent.TALK:
            return
        if desk.terms.model_answers:
            desk.timers.set("answer", desk.now + desk.terms.answer_s)
        elif not desk.tools.deaf:
            desk.respond()

    # ---- in doubt

    def _doubt(self, item_id: str) -> None:
        desk = self.desk
        if not desk.doubted:
            desk.put(do.Flush())
            self.sound(desk.playback.hold(desk.now))
        desk.doubted = item_id
        # The server is sure of a sound's end only so much later.
        desk.timers.set("doubt", desk.now + desk.terms.doubt_s + desk.terms.lead_out_ms / 1000.0)

    def doubt_overdue(self) -> None:
        """No words so far: a sound that still goes on is speech; one that has ended was none."""
        if self.desk.caller_speaking:
            self._believe()
        else:
            self._go_on()

    def _believe(self) -> None:
        """It was an interruption."""
        desk = self.desk
        desk.gate.forget()
        self.interrupt("speech")
        if not desk.caller_speaking:
            self._await_answer()

    def _go_on(self) -> None:
        """It was nothing."""
        desk = self.desk
        desk.doubted = ""
        desk.timers.clear("doubt")
        chunks = desk.playback.release(desk.now)
        self.play(chunks)
        if chunks:
            track = chunks[0].track
            desk.tell(facts.Resumed(track.item_id, track.heard_ms, desk.now_ms))

    def _greeting_is_protected(self) -> bool:
        """Is the greeting being said, and nothing to stop it?"""
        desk = self.desk
        if desk.greeting_id and desk.gate.active_id != desk.greeting_id:
            desk.protected = desk.protected and desk.playback.holds(desk.greeting_id)
        return desk.protected

    def answer_overdue(self) -> None:
        """The server promised to answer by itself and has not: ask."""
        if self.desk.intent is Intent.TALK and not self.desk.gate.busy and not self.desk.caller_speaking:
            self.desk.respond()

    def _heard_at(self, fed_ms: int) -> int:
        """A place in the audio the model was fed, on the call's clock; nothing is heard before it was spoken."""
        return min(max(0, fed_ms + self.desk.fed_offset_ms), self.desk.now_ms)

    def interrupt(self, why: str) -> None:
        """The caller took the floor: silence the phone first, then tell the model what was heard."""
        active = self.desk.gate.active_id
        if self.desk.playback.busy and not self.desk.doubted:  # in doubt it is silent already
            self.desk.put(do.Flush())
        self._no_doubt()
        self.desk.protected = False
        if active:
            self.desk.playback.mute(active)
            if why != "speech" or not self.desk.terms.model_interrupts:
                self.desk.put(do.Cancel(active))
        sounded, cut = self.desk.playback.flush(self.desk.now)
        self._truncate(cut)
        said = [track for track in cut if not track.local]
        if said:
            first = said[0]
            at_ms = self.desk.now_ms
            self.desk.tell(facts.Interrupted(first.item_id, at_ms, first.heard_ms, int(first.received_ms), why))
        self.sound(sounded)
        self.tell_tracks(cut, cut=True)
        self.tell_complete()

    def withdraw(self) -> None:
        """What waits to be said to whoever picked up is not said after all; the phone has had nothing of it."""
        desk = self.desk
        desk.holding = False
        active = desk.gate.active_id
        if active:
            desk.playback.mute(active)
            desk.put(do.Cancel(active))
        desk.gate.disown()
        _, cut = desk.playback.flush(desk.now)
        self._truncate(cut)
        self.tell_tracks(cut, cut=True)

    def hush(self) -> None:
        """A sound of ours has served its purpose."""
        desk = self.desk
        if desk.playback.busy and desk.playback.only_local:
            if not desk.doubted:  # in doubt it is silent already
                desk.put(do.Flush())
            sounded, cut = desk.playback.flush(desk.now)
            if desk.doubted:
                desk.playback.hold(desk.now)  # what comes next waits until it is decided
            self.sound(sounded)
            self.tell_tracks(cut, cut=True)

    def play(self, chunks: list[Chunk]) -> None:
        """Send what the ledger let out, and tell of it."""
        self.desk.out += self.plays(chunks)
        self.tell_began(chunks)

    def plays(self, chunks: list[Chunk]) -> list[do.Play]:
        """The commands for what the ledger let out. It forgets the sound of it when nobody will ask."""
        desk = self.desk
        plays = [do.Play(chunk.audio, chunk.mark) for chunk in chunks]
        if not (desk.wants_sound or desk.terms.doubt_s):
            for chunk in chunks:
                chunk.audio = b""
        return plays

    def tell_began(self, chunks: list[Chunk]) -> None:
        """Tell of agent turns that begin with what was sent."""
        desk = self.desk
        for chunk in chunks:
            track = chunk.track
            if track.told or track.local:
                continue
            track.told = True
            started = desk.turns.agent_audio(track.item_id, desk.now_ms)
            if started is not None:
                desk.tell(started)

    def sound(self, sounded: list[Sounded]) -> None:
        """Tell whoever records or listens what was heard, and when."""
        if not self.desk.wants_sound:
            return
        zero = self.desk.zero or 0.0
        for s in sounded:
            if s.audio:  # of what was sent before anybody listened nothing is kept
                self.desk.put(do.Heard(s.audio, (s.at - zero) * 1000.0))

    def tell_complete(self) -> None:
        """Agent turns that have been heard to their end."""
        self.tell_tracks(self.desk.playback.take_complete(), cut=False)

    def tell_tracks(self, tracks: list[Track], *, cut: bool) -> None:
        """Agent turns, heard or cut."""
        for track in tracks:
            self._keep_count(track, cut=cut)
            began = self.desk.now if track.began_at is None else track.began_at
            ended = self.desk.now if track.began_at is None else track.ended_at
            said = self.desk.turns.agent_done(track, start_ms=self.desk.ms(began), end_ms=self.desk.ms(ended), cut=cut)
            if said is not None:
                self.desk.tell(said)

    def _keep_count(self, track: Track, *, cut: bool) -> None:
        """How much of a message was heard; whether anything was heard to its end."""
        desk = self.desk
        if desk.message is not None:
            desk.message.heard_ms += track.heard_ms
            desk.message.cut = desk.message.cut or cut
        elif not (cut or track.local) and track.heard_ms >= A_TURN_MS:
            desk.agent_heard = True

    def _truncate(self, cut: list[Track]) -> None:
        for track in cut:
            if not track.local:
                self.desk.put(do.Truncate(track.item_id, track.content_index, track.heard_ms))

    def _no_doubt(self) -> None:
        self.desk.doubted = ""
        self.desk.timers.clear("doubt")

    def close_books(self, *, truncate: bool = False) -> None:
        """The line is gone: what was heard until now was heard, the rest was not. `truncate`: the model shall know."""
        self._no_doubt()
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
