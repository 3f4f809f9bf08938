"""A whole population at the other end: who picks up, when, and what they do then.

Who somebody is follows from the crowd's seed and their number alone, so the same people live at the same numbers in
every run, whatever order they are called in. Nothing is made for a number before it is called, and no sound before
somebody opens their mouth: ten thousand people who do not answer cost nothing but their ringing.

    crowd = Crowd(7, shares={"human": 0.4, "no_answer": 0.6}, mouth=Hum())
    Carrier(CarrierOptions(..., directory=crowd))
    crowd.person("+14155550123").kind      # "human", for ever
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from bridge.errors import UsageError
from bridge.sim.party import Answer, AnsweredBy, Party
from bridge.sim.phone import Phone
from bridge.sim.plan import Hum
from bridge.sim.script import Caller, ExpectHangUp, HangUp, Listen, Say, Score, Step, Tone, Wait
from bridge.sim.voice import MURMUR_MS_PER_CHARACTER, Mouth

Kind = Literal[
    "human", "voicemail", "mailbox_full", "screening", "menu", "fax", "silence",
    "no_answer", "busy", "declined", "blocked", "bad_number", "trouble", "invalid", "forbidden",
]  # fmt: skip
"""
human         a person, who says hello and stays for a word
voicemail     a greeting, a beep or none, and silence in which a message is recorded
mailbox_full  a greeting that ends in hanging up
screening     an assistant that asks who is calling and why; then the person comes, or not
menu          a telephone system that offers keys
fax           a fax machine's tone
silence       somebody or something picked up and says nothing
no_answer     rings for as long as the caller lets it
busy declined blocked bad_number trouble    SIP 486, 603, 608, 404 and 503
invalid forbidden    refused by the REST API at once (21211, 21215)
"""

KINDS: tuple[Kind, ...] = get_args(Kind)

SHARES: Mapping[Kind, float] = {
    "human": 0.30, "voicemail": 0.28, "mailbox_full": 0.02, "screening": 0.03, "menu": 0.03, "fax": 0.01,
    "silence": 0.02, "no_answer": 0.19, "busy": 0.05, "declined": 0.02, "blocked": 0.01, "bad_number": 0.03,
    "trouble": 0.01,
}  # fmt: skip
"""Roughly what a list of mixed numbers is like; made up, and every share can be set."""

_HELLOS: tuple[Score, ...] = (
    (Wait(0.5), Say("Hello?")),
    (Wait(0.3), Say("Yes?")),
    (Wait(0.7), Say("Hello, this is Sam speaking.")),
    (Wait(0.4), Say("Good morning, the Miller residence, who is calling please?")),
    (Wait(0.5), Say("Hello?"), Wait(1.6), Say("Hello? Is anybody there?")),
    (Wait(2.6), Say("Yes, hello?")),  # waits for the caller to speak first
)
_REPLIES = ("Yes, that is fine, thank you.", "No, thank you.", "Can you call me again tomorrow?")
_GREETINGS = (
    "Hi, you have reached Sam. I cannot take your call right now. Please leave a message after the tone.",
    "The person you are calling is not available. At the tone, please record your message. "
    "When you have finished recording, you may hang up.",
    "Hello, this is the voice mailbox of the Miller family. We are out. Leave your name and number and we call back.",
)
_FULL = "The mailbox is full and cannot accept any messages at this time. Goodbye."
_SCREEN = "Hi, the person you are calling uses a screening service. Please say your name and why you are calling."
_MENU = "Thank you for calling. For sales, press one. For support, press two. To hear this again, press nine."
MOST_RING_S = 20.0
"""A person who has not come by then does not come."""
LISTENS_S = 3.0
"""What a mute person takes an agent's sentence to last."""
_BEEPS_HZ = (1000.0, 440.0, 1400.0, 0.0)
"""0: a machine that records after a silence."""
_CED_HZ, _CED_S = 2100.0, 3.0  # ITU-T T.30: the called fax's answer tone


@dataclass(frozen=True, slots=True)
class Person:
    """Who lives at a number."""

    kind: Kind
    ring_s: float
    """Seconds of ringing until something happens."""
    score: Score
    """What is done after picking up."""
    answered_by: AnsweredBy = "unknown"
    """What the carrier's detection takes them for, right or wrong."""
    detect_s: float = 5.0


class Crowd:
    """A directory of people. `called` counts the calls to each number."""

    def __init__(
        self,
        seed: int = 1,
        *,
        shares: Mapping[Kind, float] | None = None,
        people: Mapping[str, Sequence[Kind]] | None = None,
        misheard: float = 0.0,
        voices: bool = True,
        mouth: Mouth | None = None,
        keep: bool = False,
    ) -> None:
        """`shares`: how many of whom, in any unit. `people`: who is at certain numbers at the first call, the second
        and so on; the last stays. `misheard`: the chance that detection is wrong. `voices` off: nobody says or waits
        for a word, they only stay as long as they would; such calls cost next to nothing while no stream is connected.
        `mouth` says what is said, and hums when none is given. `keep`: phones record both directions.

        Raises UsageError.
        """
        self.called: Counter[str] = Counter()
        self._seed = seed
        self._shares = _checked(SHARES if shares is None else shares)
        self._people = dict(people or {})
        self._misheard = misheard
        self._voices = voices
        self._mouth = mouth or Hum()
        self._keep = keep
        self._sounds: dict[Step, bytes] = {}

    def __call__(self, number: str) -> Party:
        """The telephone that rings now."""
        person = self.person(number, self.called[number])
        self.called[number] += 1
        does, sip, refusal = _UNREACHED.get(person.kind, ("answer", "", 0))
        caller = Caller(person.score, self._mouth, sounds=self._sounds) if person.score else None
        phone = Phone(caller, light=True, keep=self._keep, seed=self.called.total() % 16)
        return Party(does, person.ring_s, person.answered_by, person.detect_s, phone, sip, refusal)

    def person(self, number: str, call: int = 0) -> Person:
        """Who answers the n-th call (from 0) to a number."""
        chance = random.Random(f"{self._seed} {number}")
        kind: Kind = chance.choices(*self._shares)[0]
        told = self._people.get(number, ())
        if told:
            kind = told[min(call, len(told) - 1)]
        # The middle is 8 s, two thirds are between 5 and 14 s.
        ring_s = min(round(chance.lognormvariate(2.1, 0.5), 1), MOST_RING_S)
        if kind in _UNREACHED:
            return Person(kind, ring_s, ())
        if kind in _FORWARDED:
            ring_s = round(chance.uniform(15.0, 22.0), 1) if chance.random() < 0.8 else 2.0  # or the phone is off
        heard_as, detect_s, score = _MAKERS[kind](chance)
        if chance.random() < self._misheard:
            heard_as = "machine_end_silence" if heard_as == "human" else "human"
        return Person(kind, ring_s, score if self._voices else _mute(score), heard_as, detect_s)


_FORWARDED: frozenset[Kind] = frozenset({"voicemail", "mailbox_full"})
"""Answers only when nobody else has."""
_UNREACHED: Mapping[Kind, tuple[Answer, str, int]] = {
    "no_answer": ("no-answer", "", 0),
    "busy": ("busy", "486", 0),
    "declined": ("busy", "603", 0),
    "blocked": ("failed", "608", 0),
    "bad_number": ("failed", "404", 0),
    "trouble": ("failed", "503", 0),
    "invalid": ("failed", "", 21211),
    "forbidden": ("failed", "", 21215),
}

Made = tuple[AnsweredBy, float, Score]
"""What detection says, after how many seconds, and what there is to hear."""


def _human(chance: random.Random) -> Made:
    hello = chance.choice(_HELLOS)
    talk: Score = (Listen(patience_s=6.0), Say(chance.choice(_REPLIES)), Listen(), ExpectHangUp(10.0))
    if chance.random() < 0.15:
        talk = (Listen(patience_s=2.5), HangUp())  # in a hurry
    return "human", round(chance.uniform(1.6, 2.8), 1), (*hello, *talk)


def _voicemail(chance: random.Random) -> Made:
    greeting, beep_hz = chance.choice(_GREETINGS), chance.choice(_BEEPS_HZ)
    said_s = 0.8 + len(greeting) * MURMUR_MS_PER_CHARACTER / 1000
    if not beep_hz:
        return "machine_end_silence", said_s + 2.0, (Wait(0.8), Say(greeting), Wait(60.0), HangUp())
    score = (Wait(0.8), Say(greeting), Wait(0.6), Tone(beep_hz), Wait(60.0), HangUp())
    return "machine_end_beep", said_s + 1.2, score


def _mailbox_full(chance: random.Random) -> Made:
    said_s = 0.8 + len(_FULL) * MURMUR_MS_PER_CHARACTER / 1000
    return "machine_end_other", said_s, (Wait(0.8), Say(_FULL), Wait(1.0), HangUp())


def _screening(chance: random.Random) -> Made:
    asked: Score = (Wait(0.3), Say(_SCREEN), Listen(patience_s=12.0), Say("Thank you. Please stay on the line."))
    came: Score = (Wait(4.0), Say("Hello, yes?"), Listen(), Say(_REPLIES[0]), Listen(), ExpectHangUp(10.0))
    nobody: Score = (Wait(8.0), Say("The person is not available. Goodbye."), HangUp())
    comes, machine = chance.random() < 0.5, chance.random() < 0.5
    return "machine_end_silence" if machine else "human", 4.0, asked + (came if comes else nobody)


def _menu(chance: random.Random) -> Made:
    once: Score = (Say(_MENU), Wait(5.0))
    return "machine_end_silence", 9.0, (Wait(0.5), *once, *once, HangUp())


def _fax(chance: random.Random) -> Made:
    return "fax", 3.5, (Wait(0.5), Tone(_CED_HZ, _CED_S), Wait(3.0), Tone(_CED_HZ, _CED_S), Wait(10.0), HangUp())


def _silence(chance: random.Random) -> Made:
    return "unknown", 5.0, (Wait(round(chance.uniform(8.0, 40.0), 1)), HangUp())


_MAKERS = {
    "human": _human,
    "voicemail": _voicemail,
    "mailbox_full": _mailbox_full,
    "screening": _screening,
    "menu": _menu,
    "fax": _fax,
    "silence": _silence,
}


def _mute(score: Score) -> Score:
    """As long, and without a sound."""
    seconds = 0.0
    for step in score:
        match step:
            case Say(text):
                seconds += len(text) * MURMUR_MS_PER_CHARACTER / 1000
            case Tone(_, long_s) | Wait(long_s) | ExpectHangUp(long_s):
                seconds += long_s
            case Listen():
                seconds += LISTENS_S
    return (Wait(seconds), HangUp())


def _checked(shares: Mapping[Kind, float]) -> tuple[list[Kind], list[float]]:
    if strange := shares.keys() - set(KINDS):
        raise UsageError(f"a crowd has no {', '.join(sorted(strange))}; there are {', '.join(KINDS)}")
    if not sum(shares.values()) or min(shares.values()) < 0:
        raise UsageError("the shares of a crowd are numbers not below 0, and one of them is above")
    return list(shares), list(shares.values())


def read_shares(text: str) -> Mapping[Kind, float]:
    """`human=0.5,no_answer=0.5`: who is there, and nobody else. Raises UsageError."""
    shares = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        try:
            shares[_kind(name, "--share")] = float(value)
        except ValueError:
            raise UsageError(f"--share {part!r} wants a number, as in human=0.5") from None
    _checked(shares)
    return shares


def read_people(text: str, name: str = "people") -> Mapping[str, Sequence[Kind]]:
    """Lines of `number,kind kind ...`: who answers the first call, the second and so on; `#` begins a comment.

    Raises UsageError naming the line.
    """
    people: dict[str, Sequence[Kind]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        phone, _, kinds = line.partition("#")[0].partition(",")
        if not phone.strip() or phone.strip().lower() == "number":
            continue
        where = f"{name}, line {number}"
        if not kinds.split():
            raise UsageError(f"{where}: {line.strip()!r} does not say who is there, as in +14155550123,no_answer human")
        people[phone.strip()] = [_kind(kind, where) for kind in kinds.split()]
    return people


def _kind(name: str, where: str) -> Kind:
    for kind in KINDS:
        if kind == name:
            return kind
    raise UsageError(f"{where}: there is no {name!r}; there are {', '.join(KINDS)}")
