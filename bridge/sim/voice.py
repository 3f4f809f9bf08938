"""The mouth of the pretend world: text in, sound out, for the local engine and for the simulated caller.

Three ways, tried in this order:

1. A **speech endpoint** (`LOCAL_TTS_URL`), when one is configured: an OpenAI-compatible `POST /v1/audio/speech`.
2. **Prompts** rendered ahead and shipped (`prompts/`, by `render_prompts.py`): everything the bundled scripts say.
3. **eSpeak NG**, when the extra `local` is installed, for any other sentence; in a process of its own.

Without all three a sentence becomes a murmur of its likely length. Nobody is told that this is speech, but it can be
heard, interrupted and measured; the transcript carries the words all the same.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import math
import re
from array import array
from pathlib import Path
from typing import Literal

from bridge.audio.wav import read_wav
from bridge.sim.child import Child
from bridge.sim.endpoints import SpeechEndpoint

Voice = Literal["agent", "caller"]

RATE_HZ = 24000
"""PCM16 mono at this rate comes out of every mouth."""

PROMPTS = Path(__file__).with_name("prompts")

MURMUR_MS_PER_CHARACTER = 65
"""English read aloud has about fifteen characters a second."""

_CACHED_SENTENCES = 256


class Mouth:
    """Says sentences. Sentences said before come from memory; `close` ends the helper process."""

    def __init__(self, speech: SpeechEndpoint | None = None) -> None:
        self._speech = speech
        self._espeak: Child | None = None
        if importlib.util.find_spec("espeakng_loader") is not None:
            self._espeak = Child(Path(__file__).with_name("espeak_child.py"))
        self._said: dict[tuple[str, str], bytes] = {}

    async def say(self, text: str, *, voice: Voice = "agent") -> bytes:
        """`text` as PCM16 mono at 24 kHz. Raises ChildError or EndpointError when speaking fails."""
        key = (normalised(text), voice)
        if not key[0]:
            return b""
        if key not in self._said:
            if len(self._said) >= _CACHED_SENTENCES:
                self._said.pop(next(iter(self._said)))
            self._said[key] = await self._speak(text, voice)
        return self._said[key]

    def known(self, text: str, voice: Voice = "agent") -> bool:
        """True when a rendered prompt says exactly this, so that no speech synthesis is needed."""
        return normalised(text) in _index()[voice]

    def close(self) -> None:
        """End the helper process."""
        if self._espeak is not None:
            self._espeak.close()

    async def _speak(self, text: str, voice: Voice) -> bytes:
        if self._speech is not None:
            return await self._speech.say(text, voice)
        if self.known(text, voice):
            return read_wav(PROMPTS / _index()[voice][normalised(text)], RATE_HZ)
        if self._espeak is not None:
            _, pcm16 = await self._espeak.ask({"text": text, "voice": voice})
            return pcm16
        return murmur(len(text) * MURMUR_MS_PER_CHARACTER)


def normalised(text: str) -> str:
    """What makes two sentences the same to the ear: small letters, no punctuation, single blanks."""
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))


def murmur(duration_ms: int) -> bytes:
    """A soft hum with the rhythm of syllables, PCM16 at 24 kHz: 150 Hz, four syllables a second, about -20 dBFS."""
    syllable = array("h")
    samples = RATE_HZ // 4
    for n in range(samples):
        swell = math.sin(math.pi * n / samples)
        syllable.append(round(4600 * swell * math.sin(2 * math.pi * 150 * n / RATE_HZ)))
    wanted_bytes = 2 * (duration_ms * RATE_HZ // 1000)
    one = syllable.tobytes()
    return (one * (wanted_bytes // len(one) + 1))[:wanted_bytes]


@functools.cache
def _index() -> dict[str, dict[str, str]]:
    """voice -> normalised sentence -> file name in `prompts/`."""
    index: dict[str, dict[str, str]] = json.loads((PROMPTS / "index.json").read_text("utf-8"))
    return index
