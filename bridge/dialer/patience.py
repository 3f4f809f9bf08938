"""How long a dialer waits for what: one value, handed to all who wait, so that a test can be quicker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds."""

    fresh_s: float = 10.0
    """Intent written -> order sent. A dialer that needs longer was asleep, and much may have changed meanwhile."""
    settle_s: float = 40.0
    """Until everything that could have been sent is where it was sent to, and in the carrier's list: `fresh_s`, the
    10 s that an order may take, and as much again."""
    round_s: float = 5.0
    """Between two looks at all open attempts."""
    look_again_s: float = 5.0
    ask_again_s: float = 60.0
    others_s: float = 10.0
    """A waiting call that nobody wants any more, and that its own dialer does not call off in this time, is called off
    by another one: before hours end there are `gate.CLOSING_S` for it."""
    frozen_s: float = 600.0
    """A dialer that lives and says nothing for so long is somebody's problem."""
    queue_s: float = 90.0
    """What a call may wait in the carrier's queue, on top of its ringing, before we ask."""
    talk_s: float = 120.0
    """The same on top of the longest conversation."""
    late_s: float = 15.0
    """A campaign is over so long after its last call: evidence that is late may still bring somebody back."""
    idle_s: float = 1.0
    """Nothing happens: look again for what other processes may have changed."""
    ask_due_s: float = 5.0
    """Nobody is due for a while: so often the database is asked again, for what other processes may have changed."""
    trouble_s: float = 2.0
    """The database did not answer: ask it again after this."""
    count_s: float = 3.0
    """How often dialers count themselves: they share the calls per second."""
