"""Puts the house together. The only file that knows every room."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware

from bridge.agents.agent import Agent
from bridge.agents.library import load_agent
from bridge.agents.team import Routing, Team
from bridge.agents.thinker import Thinker
from bridge.audio.g711 import SAMPLE_RATE_HZ, pcm16_to_ulaw
from bridge.audio.music import hold_music
from bridge.audio.path import make_path
from bridge.audio.tones import waiting
from bridge.call.core import CallCore
from bridge.carriers.registry import CARRIERS
from bridge.config import Settings
from bridge.dialer.callers import AgentBook
from bridge.dialer.dialer import Dialer
from bridge.dialer.patience import Patience
from bridge.live.analyst import Analyst
from bridge.live.approvals import Approvals
from bridge.live.audience import Audience
from bridge.live.blackbox import BlackBox
from bridge.live.blackbox import lines as blackbox_lines
from bridge.live.briefing import Briefing
from bridge.live.ensemble import Ensemble
from bridge.live.farewell import Farewell
from bridge.live.glances import Glances
from bridge.live.info import CallInfo, LiveCall, known
from bridge.live.listener import Ears
from bridge.live.model import Connect, ModelLink, Socket
from bridge.live.outreach import Outreach
from bridge.live.people import People
from bridge.live.session import CallSession
from bridge.live.switchboard import Switchboard
from bridge.live.taps import Subscriber
from bridge.notify.courier import Courier
from bridge.observe.timeline import Timeline
from bridge.observe.timeline import lines as timeline_lines
from bridge.realtime.connection import OnClose, OnMessages, connect, with_model
from bridge.realtime.dialect import DIALECTS
from bridge.realtime.prices import price_of
from bridge.realtime.wire import RealtimeWire
from bridge.records.callbook import CallBook
from bridge.records.callrecord import CallRecord, iso
from bridge.records.costs import Costs
from bridge.records.recorder import Recorder
from bridge.records.transcript import Transcript
from bridge.records.transcript import lines as transcript_lines
from bridge.store import folder
from bridge.store.calls import CallStore
from bridge.store.database import Database
from bridge.store.disk import Disk, GrowingFile
from bridge.store.folder import CallFolders
from bridge.store.lock import FolderLock
from bridge.tools.base import ToolSource
from bridge.tools.phone import destination_gate
from bridge.tools.runner import Approve
from bridge.tools.sources import Sources
from bridge.web import routes
from bridge.web.console import console
from bridge.web.feed import Feed
from bridge.web.inspector import Inspector
from bridge.web.intake import StripPrefix
from bridge.web.services import Services

log = logging.getLogger(__name__)

Listen = Callable[[CallInfo, Callable[[], float]], list[Subscriber]]
TONE_MS = 400
"""The soft sound in a wait."""
MOST_ORDERED = 64
"""Teams of outbound calls that are kept; who loads an agent anew for each call shall not fill the memory."""
THREADS = 64
"""Sync tools and REST requests run in threads; one that hangs must not keep the others waiting."""


class Bridge(Starlette):
    """The public ASGI app. `admin` is the other listener's app; both live by this one's lifespan."""

    admin: Starlette
    services: Services


def create_app(
    settings: Settings,
    agent: Agent | Routing | None = None,
    *,
    clock: Callable[[], float] = time.time,
    patience: Patience | None = None,
    sources: Mapping[str, str] | None = None,
) -> Bridge:
    """The public app with its `admin` app beside it. A user may mount the public one alone.

    `agent`: who answers, or who answers which number; None: whom the settings name. `clock`: the time of day that
    calls are placed by, in epoch seconds. `patience`: how long the dialer waits for what. `sources`: where each setting
    came from, for the settings page.

    Raises:
        UsageError: a setting or the agent cannot be used.
    """
    answers = agent or load_agent(settings.agent)
    routing = answers if isinstance(answers, Routing) else Routing({}, answers)
    disk, feed = Disk(), Feed()
    folders = CallFolders(settings.data)
    carrier = CARRIERS["twilio"](settings)
    house = _House(settings, routing, disk, folders, feed)
    switchboard = Switchboard(house.new_session, settings.limit_calls)
    people = house.people = People(carrier, switchboard.get, settings.twilio_phone_number)
    farewell = Farewell(carrier, people.way_to)
    books = _Books(folders, disk)
    switchboard.on_over += [farewell, people.over, books.over]
    dialer = Dialer(settings, AgentBook(routing), carrier.control, switchboard, clock, patience)
    house.outreach, house.listen = dialer, dialer.listen
    courier = house.courier = Courier(settings, clock)
    dialer.opened += [courier.open, books.open]
    services = Services(
        settings,
        routing,
        carrier,
        switchboard,
        folders,
        disk,
        feed,
        house.approvals,
        house.glances,
        Audience(),
        people,
        house.analyst,
        dialer,
        courier,
        Inspector(carrier.webhook),
        _given(settings) if sources is None else sources,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "worker"))
        lock = FolderLock(settings.data)
        if lock.alone:
            closed = await asyncio.to_thread(folders.close_crashed, iso(time.time()))
            if closed:
                log.warning("closed calls that a killed process left open", extra={"calls": len(closed)})
            lock.share()
        sources = Sources(house.sources)
        await sources.open()
        await dialer.open()
        try:
            yield
        finally:
            await switchboard.end_all()
            await house.finish()
            await people.drained()
            await books.close()
            await courier.close()
            await dialer.close()
            await house.thinker.close()
            await sources.close()
            farewell.cancel()
            feed.close()
            await disk.drained()
            disk.close()
            lock.close()

    app = Bridge(
        routes=routes.public(services),
        middleware=[Middleware(StripPrefix, public_url=settings.public_url)],
        lifespan=lifespan,
    )
    services.inspector.app = app
    app.admin = console(services)
    # A redirect turns Twilio's POST into a GET without its fields; a wrong URL is better told as one.
    app.router.redirect_slashes = app.admin.router.redirect_slashes = False
    app.services = services
    return app


def _given(settings: Settings) -> dict[str, str]:
    """Where settings came from that a program made by itself."""
    return {f.name: "program" for f in fields(Settings) if getattr(settings, f.name) != f.default}


class _Books:
    """Writes ended calls into the database, as soon as there is one."""

    def __init__(self, folders: CallFolders, disk: Disk) -> None:
        self._folders = folders
        self._disk = disk
        self._book: CallBook | None = None

    async def open(self, db: Database) -> None:
        """The database is there; what ended before is written first. Raises StoreError."""
        self._book = CallBook(CallStore(db), self._folders, self._disk)
        await self._book.sync()

    def over(self, session: CallSession) -> None:
        """A call is over. (Before there is a database, its folder waits to be found.)"""
        if self._book is not None:
            self._book.over(session.info.call_id)

    async def close(self) -> None:
        """Write what waits."""
        if self._book is not None:
            await self._book.close()


class _House:
    """Makes a call's session with everything that hangs on it."""

    def __init__(self, settings: Settings, routing: Routing, disk: Disk, folders: CallFolders, feed: Feed) -> None:
        self._settings = settings
        self._allowed = destination_gate(settings)
        self._routing = routing
        self._teams = {id(agent): Team(agent) for agent in routing.agents}
        self._ordered: dict[int, tuple[Agent, Team]] = {}
        """Teams of agents that outbound calls brought, by the agent's id (which is its own as long as we keep it)."""
        self._disk = disk
        self._folders = folders
        self._feed = feed
        self._tone = pcm16_to_ulaw(waiting(TONE_MS, SAMPLE_RATE_HZ))
        waits = {tool.manner.wait for team in self._teams.values() for one in team.agents for tool in team.tools(one)}
        self._music = pcm16_to_ulaw(hold_music(SAMPLE_RATE_HZ)) if "music" in waits else b""
        self._running: set[asyncio.Task[None]] = set()
        self.approvals = Approvals()
        self.glances = Glances()
        self.people: People | None = None
        self.outreach: Outreach | None = None
        self.courier: Courier | None = None
        self.listen: Listen | None = None
        """Makes whoever learns what comes of a call that we place."""
        self.thinker = Thinker.of(settings)
        self.analyst = Analyst(self.thinker, self._keep_analysis)

    @property
    def sources(self) -> list[ToolSource]:
        """Where tools of these agents come from, each once."""
        return list({id(s): s for team in self._teams.values() for s in team.sources}.values())

    async def finish(self, seconds: float = 5.0) -> None:
        """What goes on after calls is waited for: analyses for their own time, hooks a little. Then it is ended."""
        await self.analyst.finish()
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        for task in self._running:
            task.cancel()

    def _keep_analysis(self, call_id: str, found: dict[str, Any]) -> None:
        made = {"model": self.thinker.model, "made_at": iso(time.time()), **found}
        self._disk.submit(lambda: self._folders.write(call_id, made, folder.ANALYSIS))
        if self.courier is not None:
            self.courier.analyzed(call_id, made)

    def new_session(self, info: CallInfo) -> CallSession:
        """One call: rules, links, tools and everybody who listens."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        team = self._team(info)
        model = team.first.model or self._settings.realtime_model
        briefing = Briefing(
            team, self._settings, known(info), tone_ms=TONE_MS, music_ms=len(self._music) // 8, order=info.order
        )
        closed = briefing.is_closed(datetime.fromtimestamp(info.began_at, UTC))
        terms = briefing.closed_terms() if closed else briefing.terms()
        place = self._folders.path(info.call_id)
        self._disk.submit(lambda: place.mkdir(mode=0o700, parents=True, exist_ok=True))

        timeline_file = GrowingFile(self._disk, place / folder.TIMELINE, timeline_lines)
        timeline = Timeline(timeline_file, loop.time)
        timeline_file.before = timeline.fold
        transcript_file = GrowingFile(self._disk, place / folder.TRANSCRIPT, transcript_lines)
        box_file = GrowingFile(self._disk, place / folder.BLACKBOX, blackbox_lines)
        record = CallRecord(
            self._folders, self._disk, Costs(price_of(model)), info.began_at, lambda: _wall(info, loop, now)
        )
        subscribers: list[Subscriber] = [
            timeline,
            Transcript(transcript_file),
            record,
            self.glances.subscriber(info),
            self._feed.subscriber(info.call_id),
        ]
        if self.courier is not None and self.courier.listened_to:
            subscribers.append(self.courier.subscriber(info))
        if self.listen is not None:  # behind the record, which has added up the costs by then
            subscribers += self.listen(info, lambda: float(record.fields.get("cost_usd") or 0.0))
        recorder = Recorder(place / folder.RECORDING, self._disk) if self._settings.record == "stereo" else None
        box = BlackBox(box_file, terms, info.began_at, now)
        timeline.heard = box.heard
        session = CallSession(
            info,
            CallCore(terms, now, self._tone, self._music, briefing.recording),
            ModelLink(self._wire(briefing), self._connect(model), timeline),
            box,
            timeline,
            subscribers,
            recorder,
        )
        for file in (timeline_file, transcript_file, box_file):
            session.over.add_done_callback(lambda _, file=file: file.finish())  # type: ignore[misc]
        if recorder is not None:
            session.over.add_done_callback(lambda _: recorder.close())
        call = LiveCall(
            info,
            session.handle,
            loop,
            line=self.people,
            allowed=self._allowed,
            thinker=self.thinker,
            outreach=self.outreach,
            running=self._running,
        )
        ensemble = Ensemble(briefing, call, session.handle, self._running, self._approver(info.call_id))
        session.subscribers += ensemble.subscribers()
        session.subscribers.append(self.analyst.subscriber(call, lambda: ensemble.analysis))
        session.crew = ensemble
        # The rules are told in the loop's next round: no event may slip in between a decision and its last command.
        ears = Ears(
            lambda name: briefing.agent(name).turn_detection,
            session.model.feed,
            lambda event: loop.call_soon(session.handle, event),
        )
        session.ears = ears.of
        return session

    def _team(self, info: CallInfo) -> Team:
        """Who speaks: whom the call's order names, else who answers its number. Raises AgentError."""
        if info.order is None:
            return self._teams[id(self._routing.agent_for(info.to_number))]
        agent = info.order.agent
        if id(agent) in self._teams:
            return self._teams[id(agent)]
        if id(agent) not in self._ordered:
            while len(self._ordered) >= MOST_ORDERED:
                del self._ordered[next(iter(self._ordered))]
            self._ordered[id(agent)] = (agent, Team(agent))
        return self._ordered[id(agent)][1]

    def _approver(self, call_id: str) -> Approve:
        return lambda tool, arguments: self.approvals.ask(call_id, tool, arguments, time.time())

    def _wire(self, briefing: Briefing) -> RealtimeWire:
        path = make_path(self._settings.input_audio, self._settings.output_audio)
        return RealtimeWire(DIALECTS[self._settings.realtime_dialect], path, briefing.config)

    def _connect(self, model: str) -> Connect:
        settings = self._settings
        headers = dict(DIALECTS[settings.realtime_dialect].headers)
        if settings.openai_api_key:
            headers["Authorization"] = f"Bearer {settings.openai_api_key}"
        url = with_model(settings.realtime_url, model)

        async def open_socket(on_messages: OnMessages, on_close: OnClose) -> Socket:
            return await connect(url, headers, on_messages, on_close, timeout_s=4.0)

        return open_socket


def _wall(info: CallInfo, loop: asyncio.AbstractEventLoop, began: float) -> float:
    """The wall time of a call's moment, by the loop's clock: true in virtual time too, and never jumping back."""
    return info.began_at + loop.time() - began
