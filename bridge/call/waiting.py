"""A tool takes its time: the caller is told so, and never listens to silence for long.

The first words come 0.8 s after the tool was called, because quicker tools need none: what the tool has to `say`, once
for each call of it. From then on (and for tools that have nothing to say) a soft tone every second or so tells that the
line is alive. All of it gives way to anybody who speaks.
"""

from __future__ import annotations

from bridge.call.desk import Desk
from bridge.call.floor import Floor
from bridge.call.phases import Intent, ModelLeg, PhoneLeg
from bridge.call.playback import LOCAL

BUSY_S = 0.2
"""Somebody speaks, or is about to: look again after this."""


class Waiting:
    """One call's waits for tools."""

    def __init__(self, desk: Desk, floor: Floor) -> None:
        self.desk = desk
        self.floor = floor
        self._tones = 0

    def begin(self) -> None:
        """A tool was called."""
        if "filler" not in self.desk.timers:
            self.desk.timers.set("filler", self.desk.now + self.desk.terms.filler_s)

    def overdue(self) -> None:
        """It has been quiet for long enough, if it has been quiet."""
        desk = self.desk
        if not desk.tools.open or desk.intent is not Intent.TALK or desk.phone is not PhoneLeg.ON:
            return
        if desk.caller_speaking or desk.gate.busy or desk.doubted:
            desk.timers.set("filler", desk.now + BUSY_S)
            return
        quiet_at = desk.playback.quiet_at()
        if quiet_at > desk.now:
            desk.timers.set("filler", quiet_at + desk.terms.filler_s)
            return
        words = self._words() if desk.model is ModelLeg.UP else ""
        if words:
            desk.say(words)
        else:
            self._tone()
        desk.timers.set("filler", desk.now + desk.terms.quiet_s)

    def _words(self) -> str:
        """What a tool that runs has to say and has not said yet."""
        for call in self.desk.tools.waiting():
            say = self.desk.tool_terms(call.name).say
            if say and not call.spoken_of:
                call.spoken_of = True
                return say
        return ""

    def _tone(self) -> None:
        desk = self.desk
        if not desk.tone:
            return
        self._tones += 1
        item = f"{LOCAL}tone_{self._tones}"
        chunks = desk.playback.add(("", item, 0), desk.tone, len(desk.tone) / 8, desk.now)
        self.floor.play(chunks + desk.playback.finish(item, 0, desk.now))
