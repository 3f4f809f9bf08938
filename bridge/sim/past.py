"""A caller of the past: says into a phone again what was said into another one, frame by frame, keys at their times.

It begins with the first frame that the stream carries, and nothing shifts it from then on: what reaches the application
is, byte by byte, what reached it then, whoever answers this time.
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge.sim.phone import FRAME_BYTES, FRAME_S, SILENCE, Phone
from bridge.sim.twilio.mischief import Maker

PATIENCE_S = 15.0
"""How long somebody who did not hang up waits for the agent to do it."""


class PastPhone(Phone):
    """A phone whose microphone is a recording; a key that is pressed takes none of its frames."""

    def __init__(self, audio: bytes, keys: Sequence[tuple[int, str]], *, hangs_up: bool) -> None:
        """`audio`: mu-law. `keys`: when (ms of the audio) and which. `hangs_up`: at the end; else they wait a while."""
        super().__init__(_PastCaller(keys, len(audio) / 8000, hangs_up=hangs_up), noise=False)
        self._audio = audio
        self._at = 0
        self.streaming = False

    @property
    def told(self) -> bool:
        """Everything has been said."""
        return self._at >= len(self._audio)

    @property
    def at_s(self) -> float:
        """How far it is."""
        return self._at / 8000

    def tick(self, at_s: float) -> bytes:
        """The next 20 ms of the recording, once the stream is there."""
        self.now_s = at_s
        self._key_pause = max(0, self._key_pause - 1)
        frame = SILENCE
        if self.streaming and not self.told:
            frame = self._audio[self._at : self._at + FRAME_BYTES].ljust(FRAME_BYTES, SILENCE[:1])
            self._at += FRAME_BYTES
            self.spoken.add(frame, at_s)
        return frame

    def watched(self) -> Maker:
        """For `StreamOptions.mischief`: changes nothing, and knows by it when the stream begins."""

        def watch(message: str) -> tuple[str]:
            self.streaming = self.streaming or message.startswith('{"event":"start"')
            return (message,)

        return lambda: watch


class _PastCaller:
    def __init__(self, keys: Sequence[tuple[int, str]], seconds: float, *, hangs_up: bool) -> None:
        self._keys = keys
        self._seconds = seconds
        self._hangs_up = hangs_up

    async def perform(self, phone: Phone) -> None:
        """Press the keys when their time comes, and hang up if they did."""
        assert isinstance(phone, PastPhone)  # noqa: S101 - made by it alone
        for at_ms, digits in self._keys:
            await phone.until(lambda at_s=at_ms / 1000: phone.at_s >= at_s, self._seconds + PATIENCE_S)  # type: ignore[misc]
            phone.press(digits)
        await phone.until(lambda: phone.told, self._seconds + PATIENCE_S)
        if not self._hangs_up:
            await phone.rest(PATIENCE_S + FRAME_S)
