"""Makes a call's session with everything that hangs on it: rules, links, tools, and everybody who listens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bridge.agents.agent import Agent
from bridge.agents.team import Routing, Team
from bridge.agents.thinker import Thinker
from bridge.audio.g711 import SAMPLE_RATE_HZ, pcm16_to_ulaw
from bridge.audio.music import hold_music
from bridge.audio.path import make_path
from bridge.audio.tones import waiting
from bridge.call.core import CallCore
from bridge.config import Settings
from bridge.live.analyst import Analyst
from bridge.live.approvals import Approvals
from bridge.live.blackbox import BlackBox
from bridge.live.blackbox import lines as blackbox_lines
from bridge.live.briefing import Briefing
from bridge.live.ensemble import Ensemble
from bridge.live.glances import Glances
from bridge.live.info import CallInfo, LiveCall, known
from bridge.live.listener import Ears
from bridge.live.model import Connect, ModelLink, Socket
from bridge.live.outreach import Outreach
from bridge.live.people import People
from bridge.live.session import CallSession
from bridge.live.taps import Subscriber
from bridge.live.visit import ENGINE
from bridge.notify.courier import Courier
from bridge.observe.timeline import Timeline
from bridge.observe.timeline import lines as timeline_lines
from bridge.realtime.connection import OnClose, OnMessages, connect
from bridge.realtime.credentials import session_headers, session_url
from bridge.realtime.dialect import DIALECTS
from bridge.realtime.prices import price_of
from bridge.realtime.wire import RealtimeWire
from bridge.records.callrecord import CallRecord, iso
from bridge.records.costs import Costs
from bridge.records.recorder import Recorder
from bridge.records.transcript import Transcript
from bridge.records.transcript import lines as transcript_lines
from bridge.store import folder
from bridge.store.disk import Disk, GrowingFile
from bridge.store.folder import CallFolders
from bridge.tools.base import ToolSource
from bridge.tools.phone import destination_gate
from bridge.tools.runner import Approve
from bridge.web.feed import Feed

Listen = Callable[[CallInfo, Callable[[], float]], list[Subscriber]]
TONE_MS = 400
"""The soft sound in a wait."""
MOST_ORDERED = 64
"""Teams of outbound calls that are kept; who loads an agent anew for each call shall not fill the memory."""


class House:
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
        # What a conversion of sound needs is loaded (0.2 s) and worked out now, not while the first caller waits.
        make_path(settings.input_audio, settings.output_audio)
        self._running: set[asyncio.Task[None]] = set()
        self.approvals = Approvals()
        self.glances = Glances()
        self.people: People | None = None
        self.outreach: Outreach | None = None
        self.courier: Courier | None = None
        self.listen: Listen | None = None
        """Makes whoever learns what comes of a call that we place."""
        self.thinker = Thinker.of(settings)
        self._thinkers: dict[str, Thinker] = {}
        """Those of local engines, by where these are."""
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
        made = {"made_at": iso(time.time()), **found}
        name = self._folders.path(call_id) / folder.ANALYSIS
        self._disk.submit(lambda: self._folders.write(call_id, made, folder.ANALYSIS), name)
        if self.courier is not None:
            self.courier.analyzed(call_id, made)

    def new_session(self, info: CallInfo) -> CallSession:
        """One call: rules, links, tools and everybody who listens."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        team = self._team(info)
        settings = self._settings if info.visit is None else info.visit.settings(self._settings)
        model = (team.first.model if settings.realtime_model != ENGINE else "") or settings.realtime_model
        briefing = Briefing(
            team,
            settings,
            known(info),
            tone_ms=TONE_MS,
            music_ms=len(self._music) // 8,
            order=info.order,
            words=info.visit is not None,
        )
        closed = briefing.is_closed(datetime.fromtimestamp(info.began_at, UTC))
        terms = briefing.closed_terms() if closed else briefing.terms()
        place = self._folders.path(info.call_id)
        self._disk.submit(lambda: place.mkdir(mode=0o700, parents=True, exist_ok=True), place)

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
            ModelLink(_wire(settings, briefing, info), _connect(settings, model), timeline),
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
            line=None if info.visit is not None else self.people,
            allowed=self._allowed,
            thinker=self._thinker(settings),
            outreach=None if info.visit is not None else self.outreach,
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
        """Who speaks: whom the call's order or its visitor names, else who answers its number. Raises AgentError."""
        wanted = info.order or info.visit
        if wanted is None:
            return self._teams[id(self._routing.agent_for(info.to_number))]
        agent = wanted.agent
        if id(agent) in self._teams:
            return self._teams[id(agent)]
        if id(agent) not in self._ordered:
            while len(self._ordered) >= MOST_ORDERED:
                del self._ordered[next(iter(self._ordered))]
            self._ordered[id(agent)] = (agent, Team(agent))
        return self._ordered[id(agent)][1]

    def _approver(self, call_id: str) -> Approve:
        return lambda tool, arguments: self.approvals.ask(call_id, tool, arguments, time.time())

    def _thinker(self, settings: Settings) -> Thinker:
        """The text model beside a call: a local engine that answers it thinks for it too."""
        if settings.realtime_url == self._settings.realtime_url:
            return self.thinker
        if settings.realtime_url not in self._thinkers:
            self._thinkers[settings.realtime_url] = Thinker.of(settings)
        return self._thinkers[settings.realtime_url]

    async def close(self) -> None:
        """Let go of connections."""
        for thinker in (self.thinker, *self._thinkers.values()):
            await thinker.close()


def _wire(settings: Settings, briefing: Briefing, info: CallInfo) -> RealtimeWire:
    path = make_path(settings.input_audio, settings.output_audio)
    wide = info.visit.wide if info.visit is not None else None
    return RealtimeWire(
        DIALECTS[settings.realtime_dialect], path, briefing.config, keep=None if wide is None else wide.keep
    )


def _connect(settings: Settings, model: str) -> Connect:
    headers, url = session_headers(settings), session_url(settings, model)

    async def open_socket(on_messages: OnMessages, on_close: OnClose) -> Socket:
        return await connect(url, headers, on_messages, on_close, timeout_s=4.0)

    return open_socket


def _wall(info: CallInfo, loop: asyncio.AbstractEventLoop, began: float) -> float:
    """The wall time of a call's moment, by the loop's clock: true in virtual time too, and never jumping back."""
    return info.began_at + loop.time() - began
