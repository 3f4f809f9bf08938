"""Listens to a callee's line while an outbound call opens, and tells the rules what it sounds like.

It stands before the call's own ways in only as long as the rules want to know; then it takes itself out, so that a
frame of a call that goes on (or came in) takes not one step more than ever.

Imported with the first outbound call; whoever dials many imports it before, in a thread: numpy takes its time.
"""

from __future__ import annotations

from collections.abc import Callable

from bridge.audio.pickup import LineEar
from bridge.call import events as ev
from bridge.call.core import CallCore

Hear = Callable[[bytes, float], bool]
Handle = Callable[[ev.Event], None]


class PickupEars:
    """One call's. `hear` stands for the core's, `handle` for the session's."""

    def __init__(self, core: CallCore, handle: Handle, done: Callable[[], None]) -> None:
        """`handle` is the session's; `done` is called once, when the ears are not needed any more."""
        self._core = core
        self._handle = handle
        self._done: Callable[[], None] | None = done
        self._ear = LineEar()

    def hear(self, audio: bytes, now: float) -> bool:
        """A frame, and what it sounds like: the core's answer to the frame itself."""
        fed = self._core.hear(audio, now)
        self._listen(audio)
        return fed

    def handle(self, event: ev.Event) -> None:
        """The same for a frame that comes as an event; others pass."""
        self._handle(event)
        if type(event) is ev.PhoneAudio:
            self._listen(event.audio)

    def _listen(self, audio: bytes) -> None:
        if self._done is None:
            return
        for sound in self._ear.hear(audio):
            self._handle(
                ev.LineHeard(sound.voice, sound.ms, sound.tone_hz, sound.tone_ms, sound.tone_ended, sound.second_hz)
            )
        if not self._core.listens:
            done, self._done = self._done, None
            done()
