"""A conversation as a score: what a caller says, waits for, presses and expects.

A score is a list of steps, built in Python or read from a text of one step a line:

    # comment
    listen                      until the agent has spoken and been silent for 900 ms (`listen 1500` for another)
    wait 2                      two seconds
    say "Hello."                and wait until it is said
    play question.wav           a mono WAV file instead
    noise 3 -40                 three seconds of noise at -40 dBFS (default -30)
    tone 1000 0.4               a beep of 1000 Hz for 0.4 s
    interrupt 2.5 "Sorry?"      after 2.5 s of the agent's speech, over it
    press 4271#
    hang up
    expect hang-up 15           the agent hangs up within 15 s, else we do

When the steps are over the caller hangs up.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from bridge.audio.g711 import SAMPLE_RATE_HZ, pcm16_to_ulaw
from bridge.audio.tones import noise, sine
from bridge.audio.wav import read_wav
from bridge.errors import UsageError
from bridge.sim.phone import KEYS, Phone
from bridge.sim.speech import phone_speech
from bridge.sim.voice import Mouth

TURN_SILENCE_MS = 900.0  # longer than the pauses between an agent's sentences, shorter than anybody's patience
PATIENCE_S = 20.0  # how long a caller waits for the agent to begin
ATTENTION_S = 120.0  # and how long for it to finish
HANG_UP_LIMIT_S = 15.0


@dataclass(frozen=True, slots=True)
class Say:
    """Speak a sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class PlayFile:
    """Speak a WAV file (mono)."""

    path: Path


@dataclass(frozen=True, slots=True)
class Noise:
    """Be in a noisy place."""

    seconds: float
    level_dbfs: float = -30.0


@dataclass(frozen=True, slots=True)
class Tone:
    """A pure tone, as machines give it."""

    hz: float
    seconds: float = 0.4


@dataclass(frozen=True, slots=True)
class Listen:
    """Let the agent begin (up to `patience_s`) and finish (silence of `silence_ms`)."""

    silence_ms: float = TURN_SILENCE_MS
    patience_s: float = PATIENCE_S


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Let the agent speak for `after_s`, then speak over it."""

    after_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys."""

    keys: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """Put the receiver down."""


@dataclass(frozen=True, slots=True)
class ExpectHangUp:
    """The agent should hang up within `limit_s`; a caller left on the line hangs up itself."""

    limit_s: float = HANG_UP_LIMIT_S


Step = Say | PlayFile | Noise | Tone | Listen | Wait | Interrupt | Press | HangUp | ExpectHangUp
Score = tuple[Step, ...]

DEMO: Score = (
    Listen(),
    Say("Hello. What are your opening hours?"),
    Interrupt(2.5, "Sorry, can you check my order please?"),
    Listen(),
    Press("4271#"),
    Listen(),
    Say("Thank you. Goodbye."),
    ExpectHangUp(),
)
"""What `demo` plays when nothing else is asked for."""


def saying(texts: Sequence[str]) -> Score:
    """After the greeting say each text in turn, waiting for the answer, then hang up."""
    return (Listen(), *(step for text in texts for step in (Say(text), Listen())), HangUp())


def playing(path: str | Path) -> Score:
    """After the greeting play a WAV file, wait for the answer, then hang up."""
    return (Listen(), PlayFile(Path(path)), Listen(), HangUp())


def read_score(text: str, name: str = "score") -> Score:
    """A score from its text. Raises UsageError naming the line that cannot be understood."""
    steps = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                steps.append(_step(shlex.split(line)))
            except (ValueError, IndexError) as error:
                raise UsageError(f"{name}, line {number}: {line.strip()!r} is no step of a score ({error})") from error
    if not steps:
        raise UsageError(f"{name}: there is no step in it")
    return tuple(steps)


def _step(words: list[str]) -> Step:
    name, values = words[0].lower(), words[1:]
    if name in {"hang", "expect"}:
        what = values.pop(0)
        if (name, what) not in {("hang", "up"), ("expect", "hang-up")}:
            raise ValueError(f"there is no {name} {what}")
    try:
        build, least, most = _STEPS[name]
    except KeyError:
        raise ValueError(f"there are {', '.join(sorted(_STEPS))}") from None
    if not least <= len(values) <= most:
        raise ValueError(f"it wants {least if least == most else f'{least} to {most}'} values, not {len(values)}")
    return build(values)


def _press(values: list[str]) -> Step:
    if not set(values[0]) <= KEYS:
        raise ValueError("keys are 0-9, *, # and A-D")
    return Press(values[0])


_STEPS: Mapping[str, tuple[Callable[[list[str]], Step], int, int]] = {
    "say": (lambda values: Say(values[0]), 1, 1),
    "play": (lambda values: PlayFile(Path(values[0])), 1, 1),
    "noise": (lambda values: Noise(*map(float, values)), 1, 2),
    "tone": (lambda values: Tone(*map(float, values)), 1, 2),
    "listen": (lambda values: Listen(*map(float, values)), 0, 1),
    "wait": (lambda values: Wait(float(values[0])), 1, 1),
    "interrupt": (lambda values: Interrupt(float(values[0]), values[1]), 2, 2),
    "press": (_press, 1, 1),
    "hang": (lambda values: HangUp(), 0, 0),
    "expect": (lambda values: ExpectHangUp(*map(float, values)), 0, 1),
}


class Caller:
    """A person who plays a score on a phone. Events it adds to the phone's: said, too_late, no_answer, left_on_line."""

    def __init__(self, score: Score, mouth: Mouth, *, sounds: dict[Step, bytes] | None = None) -> None:
        """`sounds`: what has been rendered already, shared by callers who have the same mouth and say the same."""
        self.score = score
        self._mouth = mouth
        self._sounds = {} if sounds is None else sounds

    async def prepare(self) -> None:
        """Render everything that will be said, so that nothing waits for it in the call. Raises what rendering does."""
        for step in self.score:
            if step in self._sounds:
                continue
            if isinstance(step, Say | Interrupt):
                self._sounds[step] = await phone_speech(self._mouth, step.text, "caller")
            elif isinstance(step, PlayFile):
                self._sounds[step] = pcm16_to_ulaw(read_wav(step.path, SAMPLE_RATE_HZ))
            elif isinstance(step, Noise):
                sound = noise(step.seconds * 1000, SAMPLE_RATE_HZ, seed=1, rms_dbfs=step.level_dbfs)
                self._sounds[step] = pcm16_to_ulaw(sound)
            elif isinstance(step, Tone):
                self._sounds[step] = pcm16_to_ulaw(sine(step.hz, step.seconds * 1000, SAMPLE_RATE_HZ))

    async def perform(self, phone: Phone) -> None:
        """Play the score."""
        await self.prepare()
        for step in self.score:
            if not phone.connected:
                return
            await self._play(step, phone)

    async def _play(self, step: Step, phone: Phone) -> None:
        match step:
            case Say() | PlayFile() | Noise() | Tone():
                await self._speak(step, phone)
            case Listen():
                await _listen(step, phone)
            case Wait(seconds):
                await phone.rest(seconds)
            case Interrupt():
                await self._interrupt(step, phone)
            case Press(keys):
                phone.press(keys)
                await phone.until(lambda: not phone.saying)
            case HangUp():
                phone.hang_up()
            case ExpectHangUp(limit_s):
                await phone.rest(limit_s)
                if phone.connected:
                    phone.tell("left_on_line", f"the agent did not hang up within {limit_s:g} s")
                    phone.hang_up()
            case _:
                assert_never(step)

    async def _speak(self, step: Say | PlayFile | Noise | Tone | Interrupt, phone: Phone) -> None:
        phone.tell("saying", _words(step))
        phone.say(self._sounds[step])
        await phone.until(lambda: not phone.saying)
        phone.tell("said", _words(step))

    async def _interrupt(self, step: Interrupt, phone: Phone) -> None:
        if not await phone.until(lambda: phone.agent_speaking, PATIENCE_S):
            phone.tell("no_answer")
        began_s = phone.now_s - phone.agent_spoke_for_ms / 1000
        # Not into a pause between two sentences: either it goes on, or the silence grows so long that we come too late.
        await phone.until(
            lambda: (
                (phone.agent_speaking and phone.now_s - began_s >= step.after_s)
                or phone.agent_silent_for_ms >= TURN_SILENCE_MS
            ),
            ATTENTION_S,
        )
        if phone.agent_silent_for_ms >= TURN_SILENCE_MS:
            phone.tell("too_late", step.text)
        await self._speak(step, phone)


async def _listen(step: Listen, phone: Phone) -> None:
    if not await phone.until(lambda: phone.agent_speaking, step.patience_s):
        if phone.connected:
            phone.tell("no_answer", f"the agent said nothing for {step.patience_s:g} s")
        return
    await phone.until(lambda: phone.agent_silent_for_ms >= step.silence_ms, ATTENTION_S)


def _words(step: Say | PlayFile | Noise | Tone | Interrupt) -> str:
    match step:
        case Say(text) | Interrupt(_, text):
            return text
        case PlayFile(path):
            return path.name
        case Noise(seconds):
            return f"noise, {seconds:g} s"
        case Tone(hz, seconds):
            return f"{hz:g} Hz, {seconds:g} s"
        case _:
            assert_never(step)
