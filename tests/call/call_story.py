"""A call told as a story: a real core, a physical phone, and a clock that jumps from one thing to the next."""

from __future__ import annotations

import math
from typing import TypeVar

from call_judge import Judge
from phone_model import PlayingPhone

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.core import CallCore
from bridge.call.limits import Terms

FRAME_S = 0.02
FRAME = ev.PhoneAudio(b"\xff" * 160)

C = TypeVar("C", bound=do.Command)
F = TypeVar("F", bound=facts.Fact)


def voice(ms: int, seed: int = 1) -> bytes:
    """Audio in which every place can be told from its neighbours."""
    return bytes((i * 7 + seed * 31) % 251 for i in range(ms * 8))


class Story:
    """One call. `tell` makes things happen now; `wait` lets time pass, with its marks, frames and deadlines."""

    def __init__(self, terms: Terms | None = None, phone: PlayingPhone | None = None, at: float = 100.0) -> None:
        self.now = at
        self.core = CallCore(terms or Terms(), at)
        self.judge = Judge(self.core)
        self.phone = phone or PlayingPhone()
        self.frames = True
        self.told: list[do.Command] = []
        self._on_line = False
        self._next_frame_at = math.inf

    @classmethod
    def talking(cls, terms: Terms | None = None, phone: PlayingPhone | None = None) -> Story:
        """A call whose model is ready and whose caller is on the line."""
        story = cls(terms, phone)
        story.tell(ev.ModelOpened("sess_1"), ev.ModelConfigured(), ev.PhoneAttached("MZ1"))
        return story

    def tell(self, *events: ev.Event) -> list[do.Command]:
        """These happen now; returns what follows."""
        out: list[do.Command] = []
        for event in events:
            if isinstance(event, ev.PhoneAttached):
                self._on_line, self._next_frame_at = True, self.now + FRAME_S
            elif isinstance(event, ev.PhoneLost | ev.PhoneStopped):
                self._leave()
            self.judge.happens(event)
            out += self._carry_out(self.core.receive(event, self.now))
        return out

    def wait(self, seconds: float) -> list[do.Command]:
        """Let time pass; returns what was decided meanwhile."""
        out: list[do.Command] = []
        until = self.now + seconds
        while True:
            mark_at = self.phone.next_mark_at()
            wake_at = deadline if (deadline := self.core.deadline()) is not None else math.inf
            frame_at = self._next_frame_at if self._on_line and self.frames else math.inf
            at = min(mark_at, wake_at, frame_at)
            if at > until:
                self.now = until
                return out
            self.now = max(self.now, at)
            if at == mark_at:
                out += self.tell(ev.PhoneMark(self.phone.take_mark()))
            elif at == frame_at:
                self._next_frame_at += FRAME_S
                out += self.tell(FRAME)
            else:
                out += self._carry_out(self.core.wake(self.now))

    def _carry_out(self, commands: list[do.Command]) -> list[do.Command]:
        self.judge.decided(commands, self.now)
        for command in commands:
            if isinstance(command, do.Play):
                assert self._on_line, "played to a phone that is not there"
                self.phone.play(command.audio, command.mark, self.now)
            elif isinstance(command, do.Flush):
                self.phone.clear(self.now)
            elif isinstance(command, do.Detour | do.HandOver):
                self._leave()
        self.told += commands
        return commands

    def _leave(self) -> None:
        self._on_line = False
        old, self.phone = self.phone, PlayingPhone()
        self.phone.start_delay_s, self.phone.mark_delay_s = old.start_delay_s, old.mark_delay_s

    # ---- what the model does

    def begin(self, response: str, item: str, ms: int, *, text: str = "", delta_ms: int = 200, seed: int = 1) -> None:
        """A response begins and says `ms` of `item`, all at once, as models do: faster than it is played."""
        self.tell(ev.ResponseCreated(response))
        self.say(response, item, ms, text=text, delta_ms=delta_ms, seed=seed)

    def say(self, response: str, item: str, ms: int, *, text: str = "", delta_ms: int = 200, seed: int = 1) -> None:
        """More audio of an item."""
        sound = voice(ms, seed)
        for at in range(0, len(sound), delta_ms * 8):
            piece = sound[at : at + delta_ms * 8]
            self.tell(ev.ModelAudio(response, item, 0, piece, len(piece) / 8))
        if text:
            self.tell(ev.AgentText(response, item, text, final=True))

    def finish(self, response: str, *items: str, status: str = "completed") -> list[do.Command]:
        """The response is generated."""
        for item in items:
            self.tell(ev.ModelAudioDone(response, item, 0))
        return self.tell(ev.ResponseDone(response, status))

    def answer(self, response: str, item: str, ms: int, *, text: str = "", seed: int = 1) -> None:
        """A whole response of one item."""
        self.begin(response, item, ms, text=text, seed=seed)
        self.finish(response, item)

    # ---- what was told

    def all(self, kind: type[C]) -> list[C]:
        """Every command of this kind so far."""
        return only(self.told, kind)

    def facts(self, kind: type[F]) -> list[F]:
        """Every fact of this kind so far."""
        return only_facts(self.told, kind)

    @property
    def phases(self) -> list[str]:
        """The phases the call went through."""
        return [f.phase for f in self.facts(facts.PhaseChanged)]

    @property
    def end(self) -> do.End | None:
        """How it ended, None while it lives."""
        ends = self.all(do.End)
        assert len(ends) <= 1
        assert bool(ends) is self.core.over
        return ends[0] if ends else None


def only(commands: list[do.Command], kind: type[C]) -> list[C]:
    """The commands of one kind."""
    return [c for c in commands if isinstance(c, kind)]


def only_facts(commands: list[do.Command], kind: type[F]) -> list[F]:
    """The facts of one kind."""
    return [c.fact for c in commands if isinstance(c, do.Publish) and isinstance(c.fact, kind)]
