"""Nobody speaks: the agent asks, asks again, and at last says goodbye.

How long nobody has spoken counts from the last sound of either side, so an agent's question begins a new silence; only
the caller (a sound, a key) begins the ladder anew.
"""

from __future__ import annotations

from bridge.call.departure import Departure
from bridge.call.desk import Desk
from bridge.call.phases import PhoneLeg

AGAIN_S = 1.0
"""A silence that is none (somebody speaks, a tool runs) is looked at again after this."""


class Silences:
    """One call's silences."""

    def __init__(self, desk: Desk, departure: Departure) -> None:
        self.desk = desk
        self.departure = departure

    def overdue(self) -> None:
        """Nobody spoke for long; a voice since then, or one that is speaking, moves the deadline."""
        desk = self.desk
        if desk.phone is not PhoneLeg.ON:
            return  # nobody is there to be asked; the line that is back begins a silence of its own
        due = desk.active_at + desk.silence_s
        playing = desk.playback.quiet_at() + desk.terms.settle_s > desk.now
        if due > desk.now or desk.caller_speaking or playing or desk.tools.open or desk.opening:
            desk.timers.set("silence", max(due, desk.now + AGAIN_S))
        elif desk.questions < len(desk.terms.silence_say):
            words = desk.terms.silence_say[desk.questions]
            desk.questions += 1
            desk.active_at = desk.now
            desk.say(words)
            desk.timers.set("silence", desk.now + desk.silence_s)
        else:
            self.departure.say_goodbye("silence", desk.terms.silence_goodbye)
