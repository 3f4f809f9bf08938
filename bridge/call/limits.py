"""Numbers a call lives by, and its timers.

`Terms` are agreed before the call; `Timers` know which of them runs out first. Neither reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class ToolTerms:
    """How one tool behaves towards the people on the line; see `tools/base.py` `Manner`."""

    say: str = ""
    speak_after: str = "always"
    interruptible: bool = True
    idempotent: bool = False
    wait: str = "tone"


@dataclass(frozen=True, slots=True)
class AnswerTerms:
    """What an outbound call does about whoever, or whatever, picks up. All in seconds unless the name says otherwise.

    How the judgement comes about stands in `answering.py`.
    """

    on_machine: Literal["hang_up", "message", "recording"] = "hang_up"
    """An answering machine: hang up, or leave a message after its beep, spoken by the model or a recording."""
    message: str = ""
    """What is left, word for word (`message`). Empty: hang up."""
    recording: bytes = b""
    """What is left (`recording`): mu-law at 8 kHz, played by ourselves. Empty: hang up."""
    screening: str = ""
    """What a call-screening assistant is told, word for word: who calls and why. Empty: it hears the greeting."""
    on_menu: Literal["go_on", "hang_up"] = "go_on"
    """A menu of a telephone system: the agent goes on (it may press keys), or hangs up."""
    wait_s: float = 2.0
    """How long a first "hello" is waited for before the agent speaks."""
    pause_s: float = 0.4
    """So much silence after a short utterance is a person who waits for an answer. In steps of 0.1 s."""
    longest_greeting_s: float = 45.0
    """A machine whose beep nobody heard is spoken to after this, counted from the pick-up."""
    person_s: float = 60.0
    """How long a person is waited for after a screening assistant was told who calls."""
    ring_s: float = 120.0
    """Dialled -> picked up. The carrier's own ring time is shorter, so its word comes first."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What this call is allowed, all in seconds unless the name says otherwise."""

    greeting: str = ""
    """Instructions for the first response. Empty: the caller speaks first."""
    goodbye: str = "Say a short, friendly goodbye."
    """Instructions for a goodbye when the agent hangs up without one."""
    resume: str = "The line was broken for a moment. Say sorry in a few words and go on where you were cut off."
    """Instructions when a stream that was lost while the agent spoke is connected again."""
    opted_out: str = "They do not want to be called again. Say that they will not be, and say goodbye."
    """Instructions when the key was pressed that says so."""
    silence_goodbye: str = "Nobody has spoken for a while. Say that you are hanging up now, and say goodbye."
    longest_goodbye: str = "The time for this call is up. Say so in one friendly sentence, and say goodbye."
    model_interrupts: bool = True
    """The server cancels its own response when the caller speaks (`interrupt_response`); else we do."""
    model_answers: bool = True
    """The server answers by itself at the end of a caller turn (`create_response`); else we ask."""
    commits: bool = False
    """Turns are detected here: each is committed to the server, which knows of none by itself."""
    lead_in_ms: int = 0
    """Audio before the caller's first sound that the server counts into a turn (`prefix_padding_ms`)."""
    lead_out_ms: int = 0
    """Silence after the caller's last sound that the server counts into a turn (`silence_duration_ms`)."""
    recorded: bool = True
    """Somebody wants to have the agent's audio as it was heard (`Heard`)."""
    ring_s: float = 10.0
    """Answer document fetched -> stream attached. Past it the warm model socket is given up."""
    connect_s: float = 8.0
    """Phone attached -> model configured. Past it the caller hears an apology instead of silence."""
    respond_s: float = 6.0
    """`response.create` sent -> `response.created`. The field's default notices after 50 s (ping timeout)."""
    answer_s: float = 12.0
    """Caller's turn over -> the server begins an answer by itself; semantic turn detection may wait 8 s."""
    progress_s: float = 20.0
    """An active response that says nothing at all for this long is stuck; reasoning models may pause some seconds."""
    frames_s: float = 10.0
    """No caller audio for this long: the leg is dead. Frames come every 20 ms, in silence too."""
    away_s: float = 0.9
    """A leg lost without a word may be back at once by way of the after document; longer is a lost call."""
    hand_over_s: float = 60.0
    """Leg sent away to somebody else: the carrier lets their phone ring for 25 s, and may take its time."""
    handing_over: str = "Say in a few words that you are connecting the caller now."
    """Instructions when the agent hands the caller over on their last word."""
    taken_back: str = "Nobody could take the call ({why}). Say so in a few words, and offer what else you can do."
    """Instructions when the caller comes back."""
    detour_s: float = 40.0
    """Leg sent away on purpose (digits): 32 digits with pauses and the way back."""
    keys_s: float = 1.5
    """Pause after the last key that ends an entry; # ends it at once."""
    silence_s: float = 120.0
    """Neither side speaks for this long (after the last question, if there are some): say goodbye."""
    silence_after_s: float = 30.0
    """Neither side speaks for this long: ask the next question."""
    silence_say: tuple[str, ...] = ()
    """Questions into the silence, word for word, one after the other."""
    warn_s: float = 0.0
    """So long before the longest time is up the agent says so; 0: it does not."""
    warning: str = "The time for this call is nearly up. Say so in half a sentence, and go on."
    leave_after_greeting: bool = False
    """The greeting is all there is to say (closed, for one)."""
    protect_greeting: bool = False
    """Nothing the caller says stops the greeting."""
    doubt_s: float = 0.0
    """How long a sound of the caller may be no word before the agent goes on where it was stopped; 0: no doubt."""
    words: bool = False
    """Somebody wants to read along (`WordsSaid`)."""
    menu: dict[str, str] = field(default_factory=dict)
    """What a single key means; keys that are not in it are entries as ever."""
    tools: dict[str, ToolTerms] = field(default_factory=dict)
    """How the tools behave towards the people on the line, by name."""
    tone_ms: int = 0
    """How long the soft sound is that tells the caller that the line is alive; 0: there is none."""
    music_ms: int = 0
    """How long one round of the music on hold is; 0: there is none."""
    filler_s: float = 0.8
    """A tool that takes longer is spoken about."""
    quiet_s: float = 1.2
    """While a tool runs nobody listens to more silence than this."""
    same_calls: int = 5
    """So many identical tool calls in a row are a loop, and the call is ended kindly."""
    loop_goodbye: str = "Something does not work here. Say that you are sorry, that they may call again, and goodbye."
    prepare_s: float = 0.0
    """How long the session's configuration waits for what is looked up about the caller; 0: nothing is."""
    answer: AnswerTerms | None = None
    """An outbound call: what is done about who picks up. None: somebody called us, and is there. The recording is kept
    apart (see `CallCore`): a call's black box holds its terms."""
    recording_ms: int = 0
    """How long the recording for answering machines is."""
    longest_s: float = 1800.0
    """Longest call: say goodbye."""
    leave_s: float = 20.0
    """Longest wait for a goodbye to be generated, on top of the time its audio needs to be heard."""
    settle_s: float = 2.0
    """How late the last mark may be before a goodbye counts as heard."""
    tool_s: float = 60.0
    """A tool that never reports is answered for after this; its runner's own time-out comes earlier."""


class Timers:
    """A handful of named deadlines. Times are seconds of whatever clock the driver uses."""

    __slots__ = ("_at", "_next")

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._next: float | None = None

    def set(self, name: str, at: float) -> None:
        """Set or move a deadline."""
        self._at[name] = at
        self._next = min(self._at.values())

    def clear(self, name: str) -> None:
        """Forget a deadline, set or not."""
        if self._at.pop(name, None) is not None:
            self._next = min(self._at.values()) if self._at else None

    def clear_all(self) -> None:
        """Forget every deadline."""
        self._at.clear()
        self._next = None

    def __contains__(self, name: object) -> bool:
        return name in self._at

    def next(self) -> float | None:
        """The earliest deadline, or None."""
        return self._next

    def due(self, now: float) -> list[str]:
        """Take out every deadline that has passed, earliest first."""
        if self._next is None or now < self._next:
            return []
        names = sorted((n for n, at in self._at.items() if at <= now), key=self._at.__getitem__)
        for name in names:
            del self._at[name]
        self._next = min(self._at.values()) if self._at else None
        return names
