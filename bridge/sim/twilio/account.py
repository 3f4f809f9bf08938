"""One pretend account: its keys, its clock, how it reaches the application, and who is at which number."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bridge.sim.party import Directory, Party
from bridge.sim.speech import phone_speech
from bridge.sim.twilio.problems import Problem
from bridge.sim.twilio.stream import StreamOptions
from bridge.sim.twilio.weather import FAIR, CallbackWeather
from bridge.sim.twilio.webhook import Post
from bridge.sim.voice import Mouth

if TYPE_CHECKING:
    from bridge.sim.twilio.conference import Conference


def print_problem(call_sid: str, problem: Problem) -> None:
    """The default for complaints: one line on stderr."""
    sys.stderr.write(f"carrier: {call_sid} {problem}\n")


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to a call, for people who look at it later; `at_s` is the loop's time."""

    call_sid: str
    at_s: float
    what: str
    detail: str


@dataclass(slots=True)
class Account:
    """What all calls of a carrier share."""

    account_sid: str
    auth_token: str
    post: Post
    directory: Directory = field(default=lambda number: Party())
    stream_options: StreamOptions = field(default_factory=StreamOptions)
    mouth: Mouth = field(default_factory=Mouth)
    strict: bool = False
    phone_latency_ms: float = 0.0
    on_problem: Callable[[str, Problem], None] = print_problem
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    callbacks: CallbackWeather = FAIR
    price_minute_usd: float = 0.014
    price_after_s: float = 2.0
    """What a call costs for every minute begun, and how long after its end the resource tells it."""
    late: set[asyncio.Task[None]] = field(default_factory=set)
    """Callbacks that will be posted later than they should, perhaps when their call is long over."""
    conferences: list[Conference] = field(default_factory=list)
    """Every conference there was, the newest last."""
    watchers: set[asyncio.Queue[Moment]] = field(default_factory=set)
    """Whoever follows everything that happens; a full queue loses the newest."""
    _epoch: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """The time of day, which moves with the loop's clock, virtual or real."""
        now_s = asyncio.get_running_loop().time()
        if self._epoch is None:
            self._epoch = (datetime.now(UTC), now_s)
        began, began_s = self._epoch
        return began + timedelta(seconds=now_s - began_s)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside everything else, until the carrier stops."""
        task = asyncio.create_task(work, name="late callback")
        self.late.add(task)
        task.add_done_callback(self.late.discard)

    def publish(self, moment: Moment) -> None:
        """Tell whoever watches."""
        for queue in self.watchers:
            if not queue.full():
                queue.put_nowait(moment)

    async def announce(self, text: str) -> bytes:
        """`<Say>` as mu-law at 8 kHz. Raises what the mouth raises."""
        return await phone_speech(self.mouth, text, "agent")
