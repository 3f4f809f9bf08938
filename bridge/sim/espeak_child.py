"""Helper process: text in, PCM16 out, by eSpeak NG (extra `local`). Run as a script by `child.py`; imports none of us.

eSpeak NG is under the GPLv3. It is loaded here and nowhere else, so that the rest keeps its own licence.
Source of the calls and constants: eSpeak NG's `speak_lib.h`.
"""

from __future__ import annotations

import ctypes
import json
import sys
from array import array

AUDIO_OUTPUT_SYNCHRONOUS = 2
CHARS_UTF8 = 1
PARAMETER_RATE, PARAMETER_PITCH = 1, 3
OUR_RATE_HZ = 24000
VOICES = {"agent": (b"en-us+f3", 165, 55), "caller": (b"en-us", 160, 45)}
"""Voice name, words per minute, pitch 0-100: two that are told apart on a phone line."""

Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """The loaded library. Raises OSError when it does not start, ImportError when it is not installed."""

    def __init__(self) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data_path = str(espeakng_loader.get_data_path()).encode()
        self.rate_hz = self._library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, data_path, 0)
        if self.rate_hz <= 0:
            raise OSError("eSpeak NG did not start")
        self._spoken = array("h")
        self._callback = Callback(self._keep)  # held here: the library keeps only a bare pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def _keep(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._spoken.extend(samples[:count])
        return 0  # 0: go on

    def say(self, text: str, voice: str) -> array[int]:
        name, words_per_minute, pitch = VOICES[voice]
        self._spoken = array("h")
        self._library.espeak_SetVoiceByName(name)
        self._library.espeak_SetParameter(PARAMETER_RATE, words_per_minute, 0)
        self._library.espeak_SetParameter(PARAMETER_PITCH, pitch, 0)
        raw = text.encode()
        self._library.espeak_Synth(raw, len(raw) + 1, 0, 0, 0, CHARS_UTF8, None, None)
        return self._spoken


def at_rate(samples: array[int], source_hz: int, target_hz: int) -> array[int]:
    """The same sound at another rate, by cubic interpolation through four neighbours.

    Between 22 050 and 24 000 Hz the images stay above 10 kHz, which no telephone carries.
    """
    if source_hz == target_hz or not samples:
        return samples
    padded = [samples[0], *samples, samples[-1], samples[-1]]
    out = array("h")
    for n in range(len(samples) * target_hz // source_hz):
        whole, rest = divmod(n * source_hz, target_hz)
        x = rest / target_hz
        a, b, c, d = padded[whole : whole + 4]
        # Catmull-Rom spline between b and c.
        value = b + 0.5 * x * (c - a + x * (2 * a - 5 * b + 4 * c - d + x * (3 * (b - c) + d - a)))
        out.append(max(-32768, min(32767, round(value))))
    return out


def main() -> None:
    """Answer questions `{"text", "voice"}` until the pipe closes."""
    reply, ask = sys.stdout.buffer, sys.stdin.buffer
    try:
        espeak = Espeak()
    except (ImportError, OSError) as error:
        reply.write(json.dumps({"error": f"eSpeak NG cannot be used: {error}"}).encode() + b"\n")
        reply.flush()
        return
    reply.write(b'{"ready": true}\n')
    reply.flush()
    while line := ask.readline():
        question = json.loads(line)
        pcm16 = at_rate(espeak.say(question["text"], question["voice"]), espeak.rate_hz, OUR_RATE_HZ).tobytes()
        reply.write(json.dumps({"bytes": len(pcm16)}).encode() + b"\n" + pcm16)
        reply.flush()


if __name__ == "__main__":
    main()
