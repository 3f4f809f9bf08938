"""One call at the pretend phone company: what is known about it, and the handles to end or change it.

    queued -> (initiated) -> ringing -> in-progress -> completed
                                |-> busy | no-answer | failed | canceled

What drives it from state to state is `lifecycle.py`; what its TwiML does is `verbs.py`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from bridge.sim.heard import Heard
from bridge.sim.line import Line
from bridge.sim.phone import Phone
from bridge.sim.twilio.account import Account, Moment
from bridge.sim.twilio.forms import call_form, stream_form
from bridge.sim.twilio.problems import CATALOGUE, CallRefused, Level, Problem
from bridge.sim.twilio.stream import MediaStream
from bridge.sim.twilio.webhook import Exchange, Form

if TYPE_CHECKING:
    from bridge.sim.twilio.conference import Conference

Status = Literal["queued", "ringing", "in-progress", "completed", "busy", "no-answer", "failed", "canceled"]
Direction = Literal["inbound", "outbound-api", "outbound-dial"]
TERMINAL: frozenset[Status] = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class Fetch:
    """TwiML to be asked for at a URL."""

    url: str
    method: str = "POST"
    extra: Form = ()
    fallback_url: str = ""
    fallback_method: str = "POST"


@dataclass(frozen=True, slots=True)
class Inline:
    """TwiML handed over with a REST request; `live` when the call was already going on."""

    twiml: str
    live: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """The end of the call, and whose doing it was."""

    reason: str


Plan = Fetch | Inline
Change = Plan | Stop


@dataclass(eq=False)
class SimCall:
    """One call. Await `ended()`, then look at `heard`, `problems`, `webhooks`, `streams`, `timeline`."""

    account: Account
    from_: str
    to: str
    direction: Direction
    phone: Phone
    parent_sid: str = ""
    sid: str = field(default_factory=lambda: "CA" + secrets.token_hex(16))
    status: Status = "queued"
    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)
    webhooks: list[Exchange] = field(default_factory=list)
    streams: list[MediaStream] = field(default_factory=list)
    conferences: list[Conference] = field(default_factory=list)
    timeline: list[Moment] = field(default_factory=list)
    created_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: str = ""
    answered_by: str = ""
    sip_code: str = ""
    """The network's code for why nobody was reached; empty for the usual one of its status."""
    queue_time_ms: int = 0
    time_limit_s: float = 14_400.0
    line: Line | None = None
    answered_s: float | None = None
    line_task: asyncio.Task[None] | None = None
    task: asyncio.Task[None] | None = None
    _changes: deque[Change] = field(default_factory=deque)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.created_at = self.account.now()
        self.phone.watch(self._on_phone)
        self.note("created", f"{self.from_} -> {self.to}")

    @property
    def heard(self) -> Heard:
        """What the phone of this call has heard, and when."""
        return self.phone.heard

    @property
    def over(self) -> bool:
        """Has it ended, whichever way?"""
        return self.status in TERMINAL

    @property
    def duration_s(self) -> float:
        """Seconds from answer to end (or now); 0 when it never was answered."""
        if self.answered_at is None:
            return 0.0
        return ((self.ended_at or self.account.now()) - self.answered_at).total_seconds()

    async def ended(self) -> SimCall:
        """Wait for the end, callbacks included. Raises CallRefused on a strict carrier when there were problems."""
        if self.task is not None:
            await asyncio.shield(self.task)
        if self.account.strict and self.problems:
            raise CallRefused(self.problems)
        return self

    def hang_up(self, reason: str = "carrier") -> None:
        """End the call from the carrier's side."""
        self.change(Stop(reason))

    def change(self, change: Change) -> None:
        """Abandon the TwiML now running for something else; ignored when the call is over."""
        if not self.over:
            self._changes.append(change)
            self._changed.set()

    async def next_change(self) -> Change:
        """Wait for a change from outside."""
        while not self._changes:
            self._changed.clear()
            await self._changed.wait()
        return self._changes.popleft()

    def answer(self) -> Line:
        """The line of this call; the first one to ask for it picks up the phone."""
        if self.line is None:
            self.line = Line(self.phone, self.account.phone_latency_ms)
            self.line_task = asyncio.create_task(self.line.run(), name=f"line of {self.sid}")
            self.line_task.add_done_callback(self._line_ended)
            self.answered_at = self.account.now()
            self.answered_s = asyncio.get_running_loop().time()
            self.set_status("in-progress")
        return self.line

    async def close_line(self) -> None:
        """Put the phone down and stop the line's clock."""
        self.phone.put_down()
        if self.line_task is not None:
            self.line_task.cancel()
            await asyncio.wait({self.line_task})

    async def settled(self) -> None:
        """Wait for the person at the phone to be done; raises what went wrong with it or with the line."""
        await self.phone.settled()
        if self.line_task is not None and not self.line_task.cancelled():
            self.line_task.result()

    def set_status(self, status: Status) -> None:
        """Move on to a status."""
        self.status = status
        self.note("status", status)

    def note(self, what: str, detail: str = "") -> None:
        """Write something into the timeline."""
        self._add(Moment(self.sid, asyncio.get_running_loop().time(), what, detail))

    def report(self, code: int, text: str, level: Level | None = None) -> None:
        """Complain, with the carrier's number. A strict carrier ends the call for it."""
        problem = Problem(code, text, asyncio.get_running_loop().time(), level or CATALOGUE[code][0])
        self.note("problem", str(problem))
        if problem.level == "notice":
            self.notices.append(problem)
            return
        self.problems.append(problem)
        self.account.on_problem(self.sid, problem)
        if self.account.strict:
            self.change(Stop("refused"))

    def form(self, status: str | None = None) -> Form:
        """What every request about this call carries."""
        return tuple(
            call_form(
                self.account.account_sid,
                self.sid,
                self.from_,
                self.to,
                direction=self.direction,
                status=status or self.status,
                parent_sid=self.parent_sid,
            )
        )

    async def post(self, url: str, method: str, form: Form) -> Exchange:
        """Send a signed request about this call and remember what came back."""
        return await self.account.post.request(url, form, self._seen, method=method)

    async def stream_event(self, stream: MediaStream, event: str, error: str = "") -> None:
        """Post a `<Stream statusCallback>`, if one was asked for."""
        self.note(event, stream.sid)
        noun = stream.noun
        if noun.status_callback:
            now = self.account.now()
            form = stream_form(self.account.account_sid, self.sid, stream.sid, noun.name, event, now, error)
            exchange = await self.post(noun.status_callback, noun.status_method, form)
            if exchange.failure:
                self.report(11200, f"the stream status callback {noun.status_callback}: {exchange.reason}")

    def _add(self, moment: Moment) -> None:
        self.timeline.append(moment)
        self.account.publish(moment)

    def _on_phone(self, what: str, at_s: float, detail: str) -> None:
        self._add(Moment(self.sid, at_s, f"phone.{what}", detail))

    def _seen(self, exchange: Exchange) -> None:
        self.webhooks.append(exchange)
        self.note("webhook", f"{exchange.method} {exchange.url} -> {exchange.status or exchange.reason}")

    def _line_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is None:
            self.change(Stop("caller_hung_up" if self.direction == "inbound" else "callee_hung_up"))
        elif not task.cancelled():
            self.change(Stop("crashed"))  # lifecycle awaits the line and raises what it died of
