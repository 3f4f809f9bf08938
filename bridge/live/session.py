"""One call in progress: drives one core between two links. The hot path; it holds no rule.

A caller's frame: `web/media.py` text -> `PhoneLink.receive` -> `handle(PhoneAudio)` -> core -> `ModelLink.send(Feed)`;
by the lane, the same in fewer steps: `hear` -> `Wire.sound` -> core -> `ModelLink.feed`.
A model's delta:  `Connection` -> `ModelLink` -> `handle(ModelAudio)` -> `core.speak` -> `PhoneLink.play`, then books.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, assert_never

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.core import CallCore
from bridge.call.phases import Phase
from bridge.carriers.base import AnswerPlan
from bridge.live.blackbox import BlackBox
from bridge.live.chores import Chores
from bridge.live.info import CallInfo
from bridge.live.model import ModelLink
from bridge.live.phone import PhoneLink
from bridge.live.taps import AudioTap, Subscriber, WireTap
from bridge.tools.base import Tool, ToolResult

if TYPE_CHECKING:
    from bridge.live.pickup import PickupEars

log = logging.getLogger(__name__)


Feed = Callable[[bytes], None]
EarsOf = Callable[[str], Feed]


class Crew(Protocol):
    """What a session needs of the agents; `live.ensemble.Ensemble` is one."""

    async def prepare(self) -> None:
        """Look up what is to be known before the first word."""

    async def run_tool(self, name: str, arguments: str) -> ToolResult:
        """What the model shall read. Never raises but CancelledError."""

    async def opt_out(self, reason: str) -> None:
        """The other side does not want to be called again."""

    def bring(self, owner: object, tools: Sequence[Tool]) -> None:
        """Tools from outside, instead of those that `owner` brought before."""

    @property
    def team(self) -> Sequence[str]:
        """Who may speak in this call; the one it began with first."""

    def become(self, agent: str, why: str) -> None:
        """Have another agent of the team go on, because a person wants it. Raises AgentError."""


def _no_leg(message: bytes) -> bytes | None:
    """Stands for the leg that is not there."""


def _deaf(_: str) -> Feed:
    """The ears of a call that is over."""
    return lambda audio: None


def _nobody_listens(word: object) -> None:
    """The words of a leg that was left."""


def _record(recorder: AudioTap, event: ev.Event, now: float) -> None:
    if type(event) is ev.PhoneAudio:
        recorder.caller(event.audio, now)
    elif type(event) is ev.PhoneGap:
        recorder.caller_gap(event.ms)


class CallSession:
    """One call, from its webhook to its record. Made by `app.py`; found through the switchboard."""

    # What few calls come to stands here: with more than thirty fields of its own a session would need a table of its
    # own for them, 1 kB, and each look into it would take longer.
    end: do.End | None = None
    detour = ""
    """Keys that the next answer document must send before it connects the stream again."""
    handing_to = ""
    """Whom the next answer document must connect the caller to."""
    resumes = 0
    """How often a lost stream was connected again."""
    after_path = ""
    """Where the carrier asks what comes next."""
    handed_path = ""
    """Where the carrier tells that whoever the caller is handed to picked up."""
    after_asked = False
    """The carrier has asked what comes next (and follows what it was told)."""
    carrier_knows = False
    """The carrier itself said that the call is over."""

    def __init__(
        self,
        info: CallInfo,
        core: CallCore,
        model: ModelLink,
        blackbox: BlackBox,
        timeline: WireTap,
        subscribers: list[Subscriber],
        recorder: AudioTap | None,
    ) -> None:
        self.info = info
        self.core = core
        self.model = model
        self.phone: PhoneLink | None = None
        self.crew: Crew | None = None
        """The agents at work; until the call is over."""
        self.dialled: dict[str, AnswerPlan] = {}
        """What the carrier was told after a leg of a transfer, by that leg's id."""
        self.subscribers = subscribers
        self._blackbox = blackbox
        self._timeline = timeline
        self.recorder = recorder
        self._loop = asyncio.get_running_loop()
        self._clock = self._loop.time
        self._timer: asyncio.TimerHandle | None = None
        self._armed_at = float("inf")
        self._holding = False
        self._sound: Callable[[bytes], bytes | None] = _no_leg
        self._hears = core.hear
        self._ears: PickupEars | None = None
        if core.listens:
            from bridge.live.pickup import PickupEars  # numpy comes with it, which no other call needs

            self._ears = PickupEars(core, self.handle, self._heard_enough)
            self._hears = self._ears.hear
        self._feed: Feed = model.feed
        self.ears: EarsOf = lambda agent: model.feed
        """Who hears the caller for this agent: the model, or somebody here who detects their turns for it."""
        self._chores = Chores(info.call_id, self._chore_failed)
        self.over: asyncio.Future[do.End] = self._loop.create_future()
        model.on_event = self.handle
        model.on_together = self._together

    # ---- the driver

    def start(self) -> None:
        """Tell that the call is known, and open the model's socket: it shall be warm when the caller is there."""
        i = self.info
        self._publish(facts.CallBegan(i.call_id, i.carrier_call_id, i.direction, i.from_number, i.to_number, i.agent))
        self._chores.start(self.model.open())
        if self.crew is not None:
            self._chores.start(self.crew.prepare())
        self._arm()

    def handle(self, event: ev.Event) -> None:
        """Decide and act without an await between: no other event can slip in.

        Whoever is told of what was decided must not call this before it returns: they tell the loop, and it tells us.
        """
        if self.end is not None:
            return
        now = self._clock()
        if type(event) is ev.CarrierReported:
            self.carrier_knows = True
        elif self.recorder is not None:
            _record(self.recorder, event, now)
        try:
            if type(event) is ev.ModelAudio:
                self._speak(event, now)
            else:
                self._act(self.core.receive(event, now))
        finally:  # whatever became of it; and afterwards, because a first sound does not wait for the books
            self._blackbox.event(event, now)
        self._arm()

    def _speak(self, event: ev.ModelAudio, now: float) -> None:
        """A piece of the agent's sound; the first of a turn leaves before anything is told of it."""
        core, phone = self.core, self.phone
        plays = core.speak(event, now)
        if plays and phone is not None:
            phone.play(plays, at_once=core.begins)
        if core.begins:
            self._act(core.began())

    def hear(self, message: bytes) -> bool:
        """20 ms of the caller, fifty times a second: what becomes of a frame that is just the next one.

        The same as the long way by `PhoneLink.receive` and `handle(PhoneAudio)`, in fewer steps; False: take that way.
        """
        # Looked up first and called then: `self._sound(message)` would search the class for a method too.
        sound, clock, hear = self._sound, self._clock, self._hears
        audio = sound(message)
        if audio is None:
            return False
        now = clock()
        box = self._blackbox
        if len(audio) == box.size:
            box.times.append(now)
        else:
            box.frame(len(audio), now)
        if self.recorder is not None:
            self.recorder.caller(audio, now)
        if hear(audio, now):
            self._feed(audio)
        return True  # a frame only moves deadlines away; the timer finds that out itself

    def _act(self, commands: list[do.Command]) -> None:
        if len(commands) < 2:
            for command in commands:
                self._do(command)
            return
        self._together(True)
        try:
            for command in commands:
                self._do(command)
        finally:
            self._together(False)

    def _do(self, command: do.Command) -> None:
        match command:
            case do.Play() | do.Flush():
                if self.phone is not None:
                    self.phone.send(command)
            case do.Heard(audio, at_ms):
                if self.recorder is not None:
                    self.recorder.heard(audio, at_ms)
            case do.Publish(fact):
                holding = self._holding
                self._together(False)  # what the links hold shall not wait for those who watch
                self._publish(fact)
                self._together(holding)
            case do.Feed() | do.Configure() | do.Commit() | do.Respond():
                self._to_model(command)
            case do.Cancel() | do.Truncate() | do.AddText() | do.ReturnTool():
                self.model.send(command)
            case do.RunTool() | do.OptOut():
                self._chores.start(self._for_crew(command))
            case do.Detour(digits):
                self.detour = digits
                self._leave_stream()
            case do.HandOver(to):
                self.handing_to = to
                self._leave_stream()
            case do.End():
                self._finish(command)
            case _:
                assert_never(command)

    def _to_model(self, command: do.ModelCommand) -> None:
        if type(command) is do.Feed:
            self._feed(command.audio)
            return
        if type(command) is do.Configure:
            self._feed = self.ears(command.agent)
        self.model.send(command)

    def _together(self, begins: bool) -> None:
        """Messages or commands come together: what they make a link send leaves as one write."""
        if begins is self._holding:
            return
        self._holding = begins
        for link in (self.model, self.phone):
            if link is not None and begins:
                link.hold()
            elif link is not None:
                link.release()

    def _arm(self) -> None:
        """One timer a call, re-armed only when the deadline came nearer; one that rings early arms itself again."""
        deadline = self.core.deadline()
        if deadline is None or deadline >= self._armed_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed_at = deadline
        self._timer = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        now = max(self._clock(), self._armed_at)  # a loop may ring a clock tick early
        self._armed_at = float("inf")
        deadline = self.core.deadline()
        if deadline is not None and deadline <= now:
            self._blackbox.wake(now)
            self._act(self.core.wake(now))
        self._arm()

    def _publish(self, fact: facts.Fact) -> None:
        for subscriber in self.subscribers:
            try:
                subscriber(fact)
            except Exception:  # the boundary to those who watch: a watcher's fault never ends a call
                log.exception("a subscriber failed", extra={"call_id": self.info.call_id, "fact": type(fact).__name__})

    # ---- the phone's legs

    def attach_phone(self, link: PhoneLink) -> bool:
        """A leg that proved to be this call's. False when a leg is on already (the newest is refused) or it is over."""
        if self.end is not None or self.phone is not None or link.start is None:
            return False
        self.phone = link
        link.watch(self._timeline)
        if self.recorder is not None:
            self.recorder.attached(self._clock())
        link.on_event = self.handle if self._ears is None else self._ears.handle
        self._sound = link.sound
        link.on_together = self._together
        self.handle(ev.PhoneAttached(link.start.stream_id))
        return True

    def _heard_enough(self) -> None:
        """Whoever picked up is known: their line needs no ears of ours any more."""
        self._ears, self._hears = None, self.core.hear
        if self.phone is not None:
            self.phone.on_event = self.handle

    def detach_phone(self, link: PhoneLink, detail: str) -> None:
        """The leg's socket is gone."""
        if link is self.phone:
            self._let_go()
            self.handle(ev.PhoneLost(detail))

    def _let_go(self) -> PhoneLink | None:
        """The leg is no longer ours: whatever it says from now on means nothing."""
        link, self.phone = self.phone, None
        if link is not None:
            link.on_event = link.on_together = _nobody_listens
        self._sound = _no_leg
        return link

    def _leave_stream(self) -> None:
        self._together(False)
        link = self._let_go()
        if link is not None:
            link.close()

    # ---- tools

    async def _for_crew(self, command: do.RunTool | do.OptOut) -> None:
        assert self.crew is not None  # noqa: S101 - app.py sets it before the call starts
        if isinstance(command, do.OptOut):
            await self.crew.opt_out(command.how)
            return
        result = await self.crew.run_tool(command.name, command.arguments)
        self.handle(ev.ToolFinished(command.call_id, result.output, result.ok, result.speak, result.note))

    def _chore_failed(self) -> None:
        self.handle(ev.ModelLost("an internal error", fatal=True))

    # ---- the end

    def _finish(self, end: do.End) -> None:
        self.end = end
        self._sound = _no_leg
        self._together(False)
        if self._timer is not None:
            self._timer.cancel()
        self._chores.end()
        self.model.close()
        self.crew = self._ears = None
        self._hears = self.core.hear
        self.ears = _deaf  # ears know us
        self._feed = self.model.feed
        self.subscribers = []  # they have been told of the end, and some of them know us
        link = self._let_go()
        if link is not None:
            link.close()
        if not self.over.done():
            self.over.set_result(end)

    @property
    def awaits_question(self) -> bool:
        """The call is over, its line may not be, and the carrier has not asked what comes next."""
        return self.end is not None and self.end.by != "caller" and not self.after_asked and not self.carrier_knows

    @property
    def phase(self) -> Phase:
        """What people see of the call."""
        return self.core.phase
