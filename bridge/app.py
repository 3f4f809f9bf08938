"""Puts the house together. The only file that knows every room."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

from starlette.applications import Starlette
from starlette.middleware import Middleware

from bridge.agents.agent import Agent
from bridge.agents.library import load_agent
from bridge.agents.team import Routing
from bridge.carriers.registry import CARRIERS
from bridge.config import Settings
from bridge.dialer.callers import AgentBook
from bridge.dialer.dialer import Dialer
from bridge.dialer.patience import Patience
from bridge.house import House
from bridge.live.audience import Audience
from bridge.live.farewell import Farewell
from bridge.live.people import People
from bridge.live.session import CallSession
from bridge.live.switchboard import Switchboard
from bridge.notify.courier import Courier
from bridge.records.callbook import CallBook
from bridge.records.callrecord import iso
from bridge.sim.local_engine import LocalEngine
from bridge.store.calls import CallStore
from bridge.store.database import Database
from bridge.store.disk import Disk
from bridge.store.folder import CallFolders
from bridge.store.lock import FolderLock
from bridge.tools.sources import Sources
from bridge.web import routes
from bridge.web.checks.keeper import Keeper
from bridge.web.console import console
from bridge.web.feed import Feed
from bridge.web.inspector import Inspector
from bridge.web.intake import StripPrefix
from bridge.web.services import Services

log = logging.getLogger(__name__)

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
    house = House(settings, routing, disk, folders, feed)
    switchboard = Switchboard(house.new_session, settings.limit_calls)
    people = house.people = People(carrier, switchboard.get, settings.twilio_phone_number)
    farewell = Farewell(carrier, people.way_to)
    switchboard.on_over += [farewell, people.over]
    dialer = Dialer(settings, AgentBook(routing), carrier.control, switchboard, clock, patience)
    house.outreach, house.listen = dialer, dialer.listen
    books, engine = _Books(folders, disk), LocalEngine()
    courier = house.courier = Courier(settings, clock)
    inspector = Inspector(carrier.webhook, feed.ring)
    dialer.opened += [courier.open, books.open]
    switchboard.on_over.append(books.over)
    checks = Keeper(settings, carrier, lambda: dialer.in_the_way)
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
        engine,
        checks,
        courier,
        inspector,
        _given(settings) if sources is None else sources,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "worker"))
        lock = FolderLock(settings.data)
        await _close_crashed(lock, folders)
        sources = Sources(house.sources)
        await sources.open()
        await dialer.open()
        try:
            yield
        finally:
            await switchboard.end_all()
            await checks.close()
            await house.finish()
            await people.drained()
            await books.close()
            await courier.close()
            await dialer.close()
            await house.close()
            await engine.close()
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
    inspector.app, app.admin = app, console(services)
    # A redirect turns Twilio's POST into a GET without its fields; a wrong URL is better told as one.
    app.router.redirect_slashes = app.admin.router.redirect_slashes = False
    app.services = services
    return app


async def _close_crashed(lock: FolderLock, folders: CallFolders) -> None:
    """Whoever is alone in the data folder may say that calls which are still open were left so by a killed process."""
    if lock.alone:
        closed = await asyncio.to_thread(folders.close_crashed, iso(time.time()))
        if closed:
            log.warning("closed calls that a killed process left open", extra={"calls": len(closed)})
        lock.share()


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
