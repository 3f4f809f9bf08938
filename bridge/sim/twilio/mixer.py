"""Lines that hear each other: each one has a 20 ms clock of its own, and each hears the sum of all others.

Two clocks of the same pace may tick in either order, and a late loop catches up in a burst. So between each two lines
there is a short pipe: nothing is played before two frames are in it, and what is older than 200 ms is dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque

from bridge.audio.mix import mix_ulaw
from bridge.sim.twilio.playout import Playout

FIRST_FRAMES = 2
MOST_FRAMES = 10  # 200 ms


class Seat:
    """One line's place: what it says goes to the others, what it hears comes from them. Fits `Line.leg`."""

    def __init__(self, mixer: Mixer, *, star: bool = False) -> None:
        """`star`: the key * ends it (`hangupOnStar`)."""
        self.over = asyncio.Event()
        self.muted = False
        self.only_for: Seat | None = None
        """The one seat that hears this one, when it is a coach's."""
        self._mixer = mixer
        self._star = star
        self._pipes: dict[Seat, _Pipe] = {}
        self._notices = Playout()

    def listen(self, ulaw: bytes, key: str, at_s: float) -> None:
        """What this line says, and its keys, which are not passed on between phones."""
        self.press(key)
        self.say(ulaw)

    def press(self, key: str) -> None:
        """A key, or none."""
        if key == "*" and self._star:
            self.over.set()

    def say(self, ulaw: bytes) -> None:
        """20 ms of voice."""
        if not self.muted:
            self._mixer.pass_on(self, ulaw)

    def speak(self, at_s: float) -> bytes:
        """What this line hears."""
        return mix_ulaw([self._notices.take(), *(pipe.take() for pipe in self._pipes.values())])

    def play(self, ulaw: bytes) -> None:
        """A sound for this line alone."""
        self._notices.add(ulaw)

    def hear(self, other: Seat, ulaw: bytes) -> None:
        """20 ms of somebody else's voice."""
        self._pipes.setdefault(other, _Pipe()).put(ulaw)

    def forget(self, other: Seat) -> None:
        """Somebody has gone."""
        self._pipes.pop(other, None)


class Mixer:
    """Who is here."""

    def __init__(self) -> None:
        self.seats: list[Seat] = []

    def add(self, seat: Seat) -> None:
        """From now on heard by the others."""
        self.seats.append(seat)

    def remove(self, seat: Seat) -> None:
        """Gone."""
        self.seats.remove(seat)
        for other in self.seats:
            other.forget(seat)

    def pass_on(self, seat: Seat, ulaw: bytes) -> None:
        """20 ms of one voice, to whom it reaches."""
        for other in self.seats:
            if other is not seat and seat.only_for in (None, other):
                other.hear(seat, ulaw)


class _Pipe:
    """The frames from one line to another that have not been heard yet."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque(maxlen=MOST_FRAMES)
        self._flows = False

    def put(self, frame: bytes) -> None:
        self._frames.append(frame)

    def take(self) -> bytes:
        self._flows = len(self._frames) >= (1 if self._flows else FIRST_FRAMES)
        return self._frames.popleft() if self._flows else b""
