"""A telephone and the person who holds it.

The carrier drives it: every 20 ms it takes a frame from the microphone (`tick`) and gives one to the ear (`hear`), so
the phone has no clock and no task of its own but the person's. The person (a score, or a test) speaks, presses keys,
listens and hangs up; `until` wakes it at the frame in which what it waits for comes true.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
from collections import deque
from collections.abc import Callable
from typing import Protocol

from bridge.audio.g711 import SAMPLE_RATE_HZ, ULAW_SILENCE, ulaw_to_pcm16
from bridge.audio.level import rms
from bridge.errors import UsageError
from bridge.sim.heard import Heard

FRAME_BYTES = 160  # 20 ms of mu-law at 8 kHz
FRAME_S = 0.02
KEYS = frozenset("0123456789*#ABCD")
KEY_FRAMES = 10  # 100 ms of tone and as long a pause, as a hand would do it
LOUD_RMS = 160  # -46 dBFS: above line noise, below any speech
TALKING_GAP_MS = 300  # shorter silences are pauses within a sentence

SILENCE = bytes((ULAW_SILENCE,)) * FRAME_BYTES
# The four quietest mu-law codes, +-0 and +-8: what an open line sounds like, about -75 dBFS.
_NOISE_CODES = bytes((0xFF, 0x7F, 0xFE, 0x7E))

EventSink = Callable[[str, float, str], None]
"""Called with what happened (said, pressed, heard_start, heard_stop, hung_up ...), when (s), and the detail."""


class Person(Protocol):
    """Who holds the phone: gets it when the call is answered, may do with it what a caller can."""

    async def perform(self, phone: Phone) -> None:
        """Live through the call; returning means hanging up."""


class Phone:
    """One telephone, for one call."""

    def __init__(
        self,
        person: Person | None = None,
        *,
        noise: bool = True,
        seed: int = 0,
        keep: bool = True,
        light: bool = False,
        on_event: EventSink | None = None,
    ) -> None:
        """`noise`: comfort noise in pauses instead of digital silence. `keep`: record both directions. `light`: there
        is no sound while nobody is connected and nothing is said, which makes a crowd of such phones cheap."""
        self.person = person
        self.light = light
        self.stir: Callable[[], None] | None = None
        """Told when there may be something to carry again; set by whoever carries a light phone's sound."""
        self.heard = Heard()
        self.spoken = Heard()
        self.now_s = 0.0
        self.connected = False
        self.hung_up = False
        self._sinks = [on_event] if on_event is not None else []
        self._keep = keep
        self._noise_seed = seed if noise else None
        self._noise = b""
        self._noise_at = seed * FRAME_BYTES % SAMPLE_RATE_HZ
        self._voice: deque[bytes] = deque()
        self._keys: deque[str] = deque()
        self._key_pause = 0
        self._loud_since_s: float | None = None
        self._loud_until_s: float | None = None
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # What the person does and notices.

    @property
    def saying(self) -> bool:
        """Is there still something to be said or pressed?"""
        return bool(self._voice or self._keys or self._key_pause)

    @property
    def attentive(self) -> bool:
        """Is there a reason to count frames: something to be said, or a person who waits for what they bring?"""
        return self.saying or bool(self._waiting)

    @property
    def agent_silent_for_ms(self) -> float:
        """How long the ear has heard nothing loud; since the call was answered when it never did."""
        since = self._loud_until_s if self._loud_until_s is not None else self.heard.began_s
        return max(0.0, (self.now_s - since) * 1000) if since is not None else 0.0

    @property
    def agent_speaking(self) -> bool:
        """Does the other side speak? Pauses up to `TALKING_GAP_MS` belong to the speech."""
        return self._loud_since_s is not None

    @property
    def agent_spoke_for_ms(self) -> float:
        """How long the speech now being heard has lasted; 0 when there is none."""
        return (self.now_s - self._loud_since_s) * 1000 if self._loud_since_s is not None else 0.0

    def say(self, ulaw: bytes) -> None:
        """Speak: mu-law at 8 kHz, queued behind what is being said."""
        for start in range(0, len(ulaw), FRAME_BYTES):
            self._voice.append(ulaw[start : start + FRAME_BYTES].ljust(FRAME_BYTES, SILENCE[:1]))
        self._stirred()

    def hush(self) -> None:
        """Stop in the middle of the sentence."""
        self._voice.clear()

    def press(self, keys: str) -> None:
        """Press keys, one every 200 ms. Raises UsageError for what is no key."""
        if strange := set(keys) - KEYS:
            raise UsageError(f"{''.join(sorted(strange))!r} is on no telephone; there are 0-9, *, # and A-D")
        self._keys.extend(keys)
        self._stirred()

    def hang_up(self) -> None:
        """Put the receiver down; the carrier notices at its next frame."""
        if not self.hung_up:
            self.hung_up = True
            self.tell("hung_up")
            self._stirred()

    async def until(self, condition: Callable[[], bool], limit_s: float | None = None) -> bool:
        """Wait for the frame at which `condition` is true; False when `limit_s` pass first or the call ends."""
        if condition():
            return True
        if self.hung_up or not self.connected:
            return False
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (condition, future)
        self._waiting.append(entry)
        deadline_s = None if limit_s is None else self.now_s + limit_s
        if deadline_s is not None:
            self._waiting.append((lambda: self.now_s >= deadline_s - FRAME_S / 2, future))
        self._stirred()
        try:
            await future
        finally:
            self._waiting = [one for one in self._waiting if one[1] is not future]
        return condition()

    async def rest(self, seconds: float) -> None:
        """Let time pass, or the call end. Needs no frames on a light phone."""
        if not self.light:
            await self.until(lambda: False, seconds)
        elif self.connected and not self.hung_up:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._over.wait()
            self.now_s = max(self.now_s, asyncio.get_running_loop().time())

    # What the carrier does with it.

    def pick_up(self, now_s: float) -> None:
        """The call is answered: both tapes start and the person begins."""
        self.now_s = now_s
        self.connected = True
        self.heard.begin(now_s)
        self.spoken.begin(now_s)
        self.tell("answered")
        if self.person is not None:
            self._task = asyncio.create_task(self._live(self.person), name="person on the phone")

    def put_down(self) -> None:
        """The call is over, whoever ended it; whatever the person waits for comes to an end."""
        if self.connected:
            self.connected = False
            self._end_of_speech()
            self.tell("ended")
        self._over.set()
        for _, future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def settled(self) -> None:
        """Wait for the person to be done; raises what went wrong with it. Call after `put_down`."""
        if self._task is not None:
            await self._task

    def tick(self, at_s: float) -> bytes:
        """The next 20 ms from the microphone: 160 bytes of mu-law."""
        self.now_s = at_s
        if self._key_pause:
            self._key_pause -= 1
            frame = SILENCE  # the carrier takes the tones out of the audio
        elif self._voice:
            frame = self._voice.popleft()
        else:
            frame = self._pause()
        if self._keep:
            self.spoken.add(frame, at_s)
        return frame

    def _pause(self) -> bytes:
        if not self._noise:
            self._noise = SILENCE * 50 if self._noise_seed is None else _line_noise(self._noise_seed)
        frame = self._noise[self._noise_at : self._noise_at + FRAME_BYTES]
        self._noise_at = (self._noise_at + FRAME_BYTES) % len(self._noise)
        return frame

    def take_key(self) -> str:
        """The key that goes down now, or an empty text."""
        if not self._keys or self._key_pause:
            return ""
        self._key_pause = KEY_FRAMES
        key = self._keys.popleft()
        self.tell("pressed", key)
        return key

    def hear(self, ulaw: bytes, at_s: float) -> None:
        """What reaches the ear in the 20 ms from `at_s`: up to 160 bytes of mu-law, empty for silence."""
        self.now_s = at_s
        if self._keep:
            self.heard.add(ulaw, at_s)
        if ulaw and rms(ulaw_to_pcm16(ulaw)) >= LOUD_RMS:
            if self._loud_since_s is None:
                self._loud_since_s = at_s
                self.tell("heard_start")
            self._loud_until_s = at_s + FRAME_S
        elif self._loud_since_s is not None and self.agent_silent_for_ms >= TALKING_GAP_MS:
            self._end_of_speech()
        for condition, future in self._waiting:
            if not future.done() and condition():
                future.set_result(None)

    def _stirred(self) -> None:
        if self.stir is not None:
            self.stir()

    def _end_of_speech(self) -> None:
        if self._loud_since_s is not None:
            self._loud_since_s = None
            self.tell("heard_stop")

    async def _live(self, person: Person) -> None:
        try:
            await person.perform(self)
        finally:
            if self.connected:
                self.hang_up()

    def watch(self, sink: EventSink) -> None:
        """Tell one more about everything that happens to this phone."""
        self._sinks.append(sink)

    def tell(self, what: str, detail: str = "") -> None:
        """Something happened, now."""
        for sink in self._sinks:
            sink(what, self.now_s, detail)


@functools.lru_cache(maxsize=32)
def _line_noise(seed: int) -> bytes:
    """One second of the hiss of an open line."""
    return bytes(random.Random(seed).choices(_NOISE_CODES, k=8000))
