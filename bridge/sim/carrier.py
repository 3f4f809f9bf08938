"""A pretend phone company: strict where the real one is strict, so that what works here works there.

It signs with the account's real token for the real PUBLIC_URL and reaches it at a loopback address. `ring` lets a phone
call the application; the REST API (`twilio/rest.py`) lets the application call a phone. Whatever the real one would
refuse ends up, by its own error number, in `call.problems`. Who is at the other end says the
`directory`: one party, or a whole population (`crowd.py`); what goes wrong by chance says `twilio/weather.py`.

    carrier = Carrier(CarrierOptions(public_url="https://voice.example.test", connect=("127.0.0.1", 8080), ...))
    await carrier.start()
    call = await carrier.ring("+14155550100", "+14155550199", phone=Phone(score))
    await call.ended()
    assert call.problems == []
    await carrier.stop()
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bridge.errors import BridgeError
from bridge.sim.party import Directory, Party
from bridge.sim.phone import Phone
from bridge.sim.server import Server
from bridge.sim.twilio.account import Account, print_problem
from bridge.sim.twilio.call import Fetch, SimCall
from bridge.sim.twilio.conference import Conference
from bridge.sim.twilio.control import control_routes
from bridge.sim.twilio.departures import Departures
from bridge.sim.twilio.fields import Refusal
from bridge.sim.twilio.lifecycle import Order, run_inbound, run_outbound
from bridge.sim.twilio.owned import SimNumber
from bridge.sim.twilio.problems import Problem
from bridge.sim.twilio.progress import Progress
from bridge.sim.twilio.rest import rest_routes
from bridge.sim.twilio.stream import StreamOptions
from bridge.sim.twilio.texts import Text, report_progress
from bridge.sim.twilio.weather import CALM, FAIR, CallbackWeather, DialWeather, RestFault
from bridge.sim.twilio.webhook import Address, Exchange, Post
from bridge.sim.voice import Mouth


@dataclass(frozen=True, slots=True)
class CarrierOptions:
    """How the pretend carrier is set up; the first four are the application's own settings."""

    public_url: str
    account_sid: str
    auth_token: str
    connect: tuple[str, int] | None = None
    """Where PUBLIC_URL really listens (loopback only); None when PUBLIC_URL itself is on this machine."""
    host: str = "127.0.0.1"
    port: int = 0
    """Where the REST API listens; 0 takes any free port, None in `port` of the running carrier tells which."""
    voice_path: str = "/twilio/voice"
    fallback_path: str = ""
    status_path: str = "/twilio/status"
    """The webhooks of the pretend numbers, under PUBLIC_URL; empty for none."""
    numbers: frozenset[str] | None = None
    """Caller ids the account owns; None owns every number."""
    owned: tuple[SimNumber, ...] = ()
    """Numbers of the account as its API lists them; their calls go where their own webhooks say. Other numbers that
    ring go to the paths above."""
    trial: bool = False
    verified: tuple[str, ...] = ()
    """A trial account calls verified numbers alone (21219)."""
    account_status: Literal["active", "suspended", "closed"] = "active"
    api_keys: tuple[tuple[str, str], ...] = ()
    """API key SID and secret pairs that open the REST API beside the account's own token."""
    strict: bool = False
    """Let a call fail at its first problem, and `ended()` raise CallRefused."""
    stream: StreamOptions = field(default_factory=StreamOptions)
    phone_latency_ms: float = 0.0
    """The way between carrier and phone, each direction, in steps of 20 ms."""
    calls_per_second: float = 1.0
    """Outbound calls started each second; more wait in the queue, as at the real one."""
    concurrency: int | None = None
    """Outbound calls at once, those in the queue included; more are refused (10004). None for any number."""
    rest_concurrency: int = 100
    """REST requests at once before 429 (20429)."""
    dialing: DialWeather = CALM
    callbacks: CallbackWeather = FAIR
    """What goes wrong by chance with orders to call somebody, and with status and detection callbacks."""
    list_lag_s: float = 0.0
    """How long a new call is not in the list yet."""
    price_minute_usd: float = 0.014
    price_after_s: float = 2.0
    """What a minute of an outbound call costs, and how long after its end the price is known."""
    directory: Directory = field(default=lambda number: Party())
    """Who picks up when a number is called."""
    on_problem: Callable[[str, Problem], None] = print_problem
    recordings: Path | None = None
    """Where the control door writes what phones heard; None for nowhere."""
    seed: int = 1


class Carrier:
    """One phone company with one account."""

    def __init__(self, options: CarrierOptions, *, mouth: Mouth | None = None) -> None:
        """`mouth` speaks `<Say>` and scores; one of its own is made when none is given."""
        self.options = options
        self.mouth = mouth or Mouth()
        self._own_mouth = mouth is None
        self.calls: dict[str, SimCall] = {}
        self.account = Account(
            options.account_sid,
            options.auth_token,
            Post(Address(options.public_url, options.connect), options.auth_token),
            directory=options.directory,
            stream_options=options.stream,
            mouth=self.mouth,
            strict=options.strict,
            phone_latency_ms=options.phone_latency_ms,
            on_problem=options.on_problem,
            rng=random.Random(options.seed),
            callbacks=options.callbacks,
            price_minute_usd=options.price_minute_usd,
            price_after_s=options.price_after_s,
        )
        self.owned = {one.number: one for one in options.owned}
        self.dialled: Counter[str] = Counter()
        """How many calls were placed to each number."""
        self.messages: list[Text] = []
        """The text messages the application has sent."""
        self.text_webhooks: list[Exchange] = []
        """What was posted about them."""
        self._text_tasks: set[asyncio.Task[None]] = set()
        self.rest_faults: deque[RestFault] = deque()
        """What the next REST requests meet; empty is a healthy API."""
        self.dial_faults: deque[RestFault | None] = deque()
        """The same for the next orders to call somebody alone; None is a healthy one."""
        self._dial_rng = random.Random(options.seed)
        self._departures = Departures(options.calls_per_second)
        self.open_calls = 0
        """Outbound calls that are not over."""
        self._server = Server([*rest_routes(self), *control_routes(self)], options.host, options.port)

    @property
    def url(self) -> str:
        """The REST API's base URL (`TWILIO_API_URL`), once started."""
        return self._server.url

    @property
    def conferences(self) -> list[Conference]:
        """Every conference there was, the newest last."""
        return self.account.conferences

    async def start(self) -> None:
        """Open the REST API and the control door."""
        await self._server.start()

    async def stop(self) -> None:
        """Hang up what is still going on and close everything. Raises what went wrong inside a call, once."""
        for call in self.calls.values():
            call.hang_up("carrier")
        tasks = [call.task for call in self.calls.values() if call.task is not None]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        beside = self._text_tasks | self.account.late
        for task in beside:
            task.cancel()
        results += await asyncio.gather(*beside, return_exceptions=True)
        await self._server.stop()
        await self.account.post.close()
        if self._own_mouth:
            self.mouth.close()
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, BridgeError | asyncio.CancelledError):
                raise result

    async def ring(self, from_: str, to: str, *, phone: Phone | None = None) -> SimCall:
        """Somebody at `from_` calls the application's number `to`. The call goes on by itself."""
        call = SimCall(self.account, from_, to, "inbound", phone or Phone())
        plan, progress = self._hooks(call)
        self._keep(call)
        call.task = asyncio.create_task(run_inbound(call, plan, progress), name=f"call {call.sid}")
        return call

    def _hooks(self, call: SimCall) -> tuple[Fetch, Progress]:
        """Whom an incoming call is told to."""
        options, absolute = self.options, self.account.post.address.absolute
        own = self.owned.get(call.to)
        if own is not None:
            plan = Fetch(
                "" if own.voice_application_sid or own.trunk_sid else own.voice_url,
                own.voice_method,
                fallback_url=own.voice_fallback_url,
                fallback_method=own.voice_fallback_method,
            )
            return plan, Progress(call, own.status_callback, method=own.status_callback_method)
        fallback = absolute(options.fallback_path) if options.fallback_path else ""
        status = absolute(options.status_path) if options.status_path else ""
        return Fetch(absolute(options.voice_path), fallback_url=fallback), Progress(call, status)

    def dial(
        self,
        from_: str,
        to: str,
        order: Order,
        *,
        status_url: str = "",
        status_method: str = "POST",
        events: frozenset[str] = frozenset({"completed"}),
        time_limit_s: float | None = None,
    ) -> SimCall:
        """The application calls `to`; the call waits in the queue first. Raises Refusal."""
        if self.options.concurrency is not None and self.open_calls >= self.options.concurrency:
            raise Refusal(400, 10004, "Call concurrency limit exceeded")
        if self.options.trial and to not in self.options.verified:
            raise Refusal(400, 21219, f"The number {to} is unverified. Trial accounts may only call verified numbers.")
        party = self.options.directory(to)
        if party.refusal:
            raise Refusal(400, party.refusal, f"The number {to} is not called")
        self.dialled[to] += 1
        call = SimCall(self.account, from_, to, "outbound-api", party.phone)
        if time_limit_s is not None:
            call.time_limit_s = time_limit_s
        turn, queued_s = self._departures.enter()
        call.queue_time_ms = round(queued_s * 1000)
        progress = Progress(call, status_url, method=status_method, events=events)
        self._keep(call)
        self.open_calls += 1
        call.task = asyncio.create_task(run_outbound(call, order, party, progress, turn), name=f"call {call.sid}")
        call.task.add_done_callback(self._closed)
        return call

    def next_dial_fault(self) -> RestFault | None:
        """What the next order to call somebody meets: as planned, else by chance."""
        if self.dial_faults:
            return self.dial_faults.popleft()
        return self.options.dialing.draw(self._dial_rng)

    async def posted(self) -> None:
        """Wait for the callbacks that are late."""
        while self.account.late:
            await asyncio.wait(self.account.late)

    def send_text(self, text: Text) -> None:
        """The application sends a message: it is kept, and its callback told how it fares."""
        self.messages.append(text)
        if text.callback:
            task = asyncio.create_task(
                report_progress(self.account, text, self.text_webhooks.append), name=f"message {text.sid}"
            )
            self._text_tasks.add(task)
            task.add_done_callback(self._text_tasks.discard)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self.open_calls -= 1

    def _keep(self, call: SimCall) -> None:
        self.calls[call.sid] = call


async def serve(options: CarrierOptions, ready: Callable[[str], None], mouth: Mouth | None = None) -> None:
    """Run a carrier until cancelled; `ready` is told the REST API's URL."""
    carrier = Carrier(options, mouth=mouth)
    await carrier.start()
    try:
        ready(carrier.url)
        await asyncio.Event().wait()
    finally:
        await carrier.stop()
