"""A tool takes its time: the caller is told so, and never listens to silence for long.

The first words come 0.8 s after the tool was called, because quicker tools need none: what the tool has to `say`, once
for each call of it. From then on (and for tools that have nothing to say) a soft tone every second or so tells that the
line is alive, or music plays, or nothing, as the tool will have it. All of it gives way to anybody who speaks.
"""

from __future__ import annotations

from bridge.call.desk import Desk
from bridge.call.floor import Floor
from bridge.call.phases import Intent, ModelLeg, PhoneLeg
from bridge.call.playback import LOCAL

BUSY_S = 0.2
"""Somebody speaks, or is about to: look again after this."""
PIECE_S, AHEAD_S = 2.0, 0.3
"""Music is sent in pieces, each so long before the one before it ends."""


class Waiting:
    """One call's waits for tools."""

    def __init__(self, desk: Desk, floor: Floor) -> None:
        self.desk = desk
        self.floor = floor
        self._sounds = 0
        self._music_at = 0
        self._music_ends = 0.0

    def begin(self) -> None:
        """A tool was called."""
        if "filler" not in self.desk.timers:
            self.desk.timers.set("filler", self.desk.now + self.desk.terms.filler_s)

    def overdue(self) -> None:
        """It has been quiet for long enough, if it has been quiet."""
        desk = self.desk
        if not desk.tools.open:
            return
        if desk.phone is not PhoneLeg.ON:
            desk.timers.set("filler", desk.now + desk.terms.quiet_s)  # the caller may come back to it
            return
        if desk.caller_speaking or desk.gate.busy or desk.doubted:
            desk.timers.set("filler", desk.now + BUSY_S)
            return
        quiet_at = desk.playback.quiet_at()
        ours = desk.playback.only_local
        if quiet_at > desk.now and not (ours and quiet_at <= desk.now + AHEAD_S):
            desk.timers.set("filler", quiet_at - AHEAD_S if ours else quiet_at + desk.terms.filler_s)
            return
        desk.timers.set("filler", desk.now + desk.terms.quiet_s)
        # A goodbye waits for tools too; nobody announces them then, but the line stays alive.
        words = self._words() if desk.model is ModelLeg.UP and desk.intent is Intent.TALK else ""
        if words:
            self.end()
            desk.say(words)
        else:
            self._sound()

    def end(self) -> None:
        """What was waited for is there: the music stops."""
        if self._music_ends > self.desk.now:
            self.floor.hush()
        self._music_ends = 0.0

    def _sound(self) -> None:
        """As the tools that run will have it; music is the strongest wish."""
        desk = self.desk
        wishes = {desk.tool_terms(call.name).wait for call in desk.tools.waiting()}
        if "music" in wishes and desk.music:
            size = min(round(PIECE_S * 8000), len(desk.music))
            piece = (desk.music[self._music_at :] + desk.music)[:size]
            self._music_at = (self._music_at + size) % len(desk.music)
            self._play(piece)
            self._music_ends = desk.playback.quiet_at()
            desk.timers.set("filler", max(desk.now + BUSY_S, self._music_ends - AHEAD_S))
        elif wishes != {"silence"} and desk.tone:
            self._play(desk.tone)

    def _words(self) -> str:
        """What a tool that runs has to say and has not said yet."""
        for call in self.desk.tools.waiting():
            say = self.desk.tool_terms(call.name).say
            if say and not call.spoken_of:
                call.spoken_of = True
                return say
        return ""

    def _play(self, sound: bytes) -> None:
        desk = self.desk
        self._sounds += 1
        item = f"{LOCAL}wait_{self._sounds}"
        chunks = desk.playback.add(("", item, 0), sound, len(sound) / 8, desk.now)
        self.floor.play(chunks + desk.playback.finish(item, 0, desk.now))
