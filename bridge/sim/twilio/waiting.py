"""What somebody hears until a conference starts: a soft tone, silence, or what the application has at `waitUrl`.

A TwiML document there (Say, Play, Pause, Redirect) is performed once; silence follows, unless a Redirect goes on. A
sound file is repeated.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING

from bridge.audio.g711 import SAMPLE_RATE_HZ, pcm16_to_ulaw
from bridge.audio.tones import waiting
from bridge.sim.twilio.call import SimCall
from bridge.sim.twilio.playout import Playout
from bridge.sim.twilio.sounds import decode_sound, is_sound
from bridge.sim.twilio.twiml import Element, read_answer
from bridge.sim.twilio.webhook import Form

if TYPE_CHECKING:
    from bridge.sim.twilio.verbs import Interpreter

TONE_MS = 2000
LEAST_S = 1.0  # a document that only redirects is asked for once a second, not without end at once


class Music:
    """A play-out queue with something to fall back on when it runs dry."""

    def __init__(self) -> None:
        self._playout = Playout()
        self._loop = b""
        self._dry = asyncio.Event()

    def loop(self, ulaw: bytes) -> None:
        """Repeat this without end."""
        self._loop = ulaw

    def take(self) -> bytes:
        """The next 20 ms."""
        frame = self._playout.take()
        if not frame and self._loop:
            self._playout.add(self._loop)
            frame = self._playout.take()
        if not frame:
            self._dry.set()
        return frame

    async def play(self, ulaw: bytes) -> None:
        """Play this to its end."""
        self._dry.clear()
        self._playout.add(ulaw)
        await self._dry.wait()


async def play_url(music: Music, call: SimCall, reader: Interpreter, url: str, method: str, extra: Form) -> None:
    """Play what is at `url`. Raises Complaint."""
    loop = asyncio.get_running_loop()
    while True:
        began_s = loop.time()
        exchange = await reader.fetched(url, method, call.form() + extra)
        if is_sound(exchange):
            music.loop(await decode_sound(exchange))
            return
        following = await _perform(music, call, reader, read_answer(exchange.content_type, exchange.body, call.report))
        if following is None:
            return
        url, method = following
        await asyncio.sleep(max(0.0, began_s + LEAST_S - loop.time()))


async def _perform(
    music: Music, call: SimCall, reader: Interpreter, verbs: tuple[Element, ...]
) -> tuple[str, str] | None:
    """Play a document; where it redirects to, with which method."""
    for verb in verbs:
        if verb.name == "Redirect":
            url = reader.absolute(verb.text)
            return (url, verb.get("method", "POST")) if url else None
        if verb.name not in {"Say", "Play", "Pause"}:
            call.report(13238, f"<{verb.name}> is not for waiting and is skipped")
        elif verb.get("loop") == "0":
            music.loop(await reader.sound_once(verb))
            return None
        else:
            await music.play(await reader.sound(verb))
    return None


@cache
def soft_tone() -> bytes:
    """The music when nothing was asked for."""
    return pcm16_to_ulaw(waiting(TONE_MS, SAMPLE_RATE_HZ))
