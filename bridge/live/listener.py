"""Hears the caller's turns here, for agents whose `turn_detection` is `local`.

The server detects nothing then, so it gets what belongs to a turn and nothing else: from a little before the first
sound to the silence that ended it. What is said about a turn goes to the rules as the same events a server would send.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from bridge.agents.listening import TurnDetection
from bridge.audio.g711 import ulaw_to_pcm16
from bridge.audio.voice import FRAME_MS, ONSET_FRAMES, Detector, SpeechGate, best_detector
from bridge.call import events as ev
from bridge.call.turns import HERE

_ULAW_FRAME = 8 * FRAME_MS

Feed = Callable[[bytes], None]
Tell = Callable[[ev.Event], object]


class Ears:
    """One call's. Whose turns are detected elsewhere is heard by the model itself."""

    def __init__(self, how_of: Callable[[str], TurnDetection], feed: Feed, tell: Tell) -> None:
        """`how_of`: an agent of the team by name. `feed`, `tell`: see `Listener`."""
        self._how_of = how_of
        self._feed = feed
        self._tell = tell
        self._how: TurnDetection | None = None
        self._listener: Listener | None = None

    def of(self, agent: str) -> Feed:
        """Who hears the caller for this agent. A turn that has begun goes on, if it is detected in the same way."""
        how = self._how_of(agent)
        if how.type != "local":
            self._how = self._listener = None
            return self._feed
        if self._listener is None or how != self._how:
            self._how, self._listener = how, Listener(how, self._feed, self._tell)
        return self._listener.hear


class Listener:
    """One caller's turns."""

    def __init__(self, how: TurnDetection, feed: Feed, tell: Tell, detector: Detector | None = None) -> None:
        """`feed` takes what the model shall hear (mu-law), `tell` what the rules shall know."""
        self._gate = SpeechGate(detector or best_detector()(how.threshold), how.silence_duration_ms)
        self._before: deque[bytes] = deque(maxlen=ONSET_FRAMES + how.prefix_padding_ms // FRAME_MS)
        self._feed = feed
        self._tell = tell
        self._rest = b""
        self._heard_ms = 0
        self._turns = 0

    def hear(self, ulaw: bytes) -> None:
        """The caller's next mu-law, 20 ms as a rule."""
        if len(ulaw) == _ULAW_FRAME and not self._rest:
            self._frame(ulaw)
            return
        sound = self._rest + ulaw
        whole = len(sound) // _ULAW_FRAME * _ULAW_FRAME
        for at in range(0, whole, _ULAW_FRAME):
            self._frame(sound[at : at + _ULAW_FRAME])
        self._rest = sound[whole:]

    def _frame(self, ulaw: bytes) -> None:
        self._heard_ms += FRAME_MS
        turned = self._gate.turned(ulaw_to_pcm16(ulaw))
        if self._gate.open and turned:
            self._turns += 1
            self._tell(ev.SpeechStarted(f"{HERE}{self._turns}", self._heard_ms - ONSET_FRAMES * FRAME_MS))
            self._feed(b"".join(self._before) + ulaw)
            self._before.clear()
        elif self._gate.open:
            self._feed(ulaw)
        elif turned:
            self._feed(ulaw)
            self._tell(ev.SpeechStopped(f"{HERE}{self._turns}", self._heard_ms))
        else:
            self._before.append(ulaw)
