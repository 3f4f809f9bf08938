"""Outbound calling of one process: the database, the ledger, the worker and the calls, opened and closed together.

A server whose database cannot be opened answers its phones all the same; `Dialer.trouble` says why nothing is dialled,
and it is tried again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from bridge.carriers.base import Control
from bridge.config import Settings
from bridge.dialer.callers import AgentBook
from bridge.dialer.elsewhere import Elsewhere
from bridge.dialer.ledger import Ledger
from bridge.dialer.lists import ContactLists
from bridge.dialer.office import Office
from bridge.dialer.outbound import Outbound
from bridge.dialer.patience import Patience
from bridge.dialer.single import SingleCalls
from bridge.dialer.voicemail import Recordings
from bridge.dialer.worker import Worker
from bridge.errors import NumberRefused, StoreError, ToolError, UsageError
from bridge.live.info import CallInfo
from bridge.live.switchboard import Switchboard
from bridge.live.taps import Subscriber
from bridge.numbers import check_number
from bridge.store.base import Attempt
from bridge.store.database import Database
from bridge.store.proof import FileProof, Proof, SessionProof

log = logging.getLogger(__name__)

AGAIN_S = 10.0
"""A database that could not be opened, or has another dialer, is tried again after this."""
CLOSE_S = 5.0
"""The last evidence has so long to be written."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What there is when the database is open."""

    db: Database
    ledger: Ledger
    outbound: Outbound | None
    """The calls; None in a process that dials and answers nothing."""
    office: Office
    lists: ContactLists
    single: SingleCalls
    worker: Worker


class Dialer:
    """The dialer of this process. `desk` is None while the database cannot be had."""

    def __init__(
        self,
        settings: Settings,
        agents: AgentBook,
        control: Control,
        switchboard: Switchboard | None,
        clock: Callable[[], float] = time.time,
        patience: Patience | None = None,
    ) -> None:
        """`switchboard`: where calls are answered; None: by other processes."""
        self.agents = agents
        self.db: Database | None = None
        self.desk: Desk | None = None
        self.trouble = "the database is not open yet"
        """Why there is no desk."""
        self.opened: list[Callable[[Database], Awaitable[None]]] = []
        """Who else needs the database, told once it is there."""
        self._settings = settings
        self._control = control
        self._switchboard = switchboard
        self._clock = clock
        self._patience = patience or Patience()
        self._proof: Proof | None = None
        self._recordings = Recordings()
        self._working: asyncio.Task[None] | None = None
        self._opening: asyncio.Task[None] | None = None

    @property
    def in_the_way(self) -> str:
        """Why nothing at all is dialled now, one sentence; empty when nothing is in the way."""
        return self.trouble if self.desk is None else self.desk.worker.seen.trouble

    async def open(self) -> None:
        """Open the database and begin to dial. What cannot be had is tried again by itself, and told once."""
        if not await self._try():
            self._opening = asyncio.create_task(self._keep_trying(), name="open the database")

    async def open_or_raise(self) -> None:
        """Open the database and begin to dial now, or not at all. Raises StoreError, one sentence."""
        await self._open_once()

    async def _keep_trying(self) -> None:
        await asyncio.sleep(AGAIN_S)
        while not await self._try():  # noqa: ASYNC110 - nobody tells when a database is there
            await asyncio.sleep(AGAIN_S)

    async def _try(self) -> bool:
        try:
            await self._open_once()
        except StoreError as error:
            if str(error) != self.trouble:
                log.warning("this process dials nothing", extra={"error": str(error)})
            self.trouble = str(error)
            return False
        return True

    async def _open_once(self) -> None:
        """Open the database, then become its dialer; what worked is kept for the next try. Raises StoreError."""
        if self.db is None:
            self.db = await Database.open(self._settings.database_url, self._settings.data)
            for tell in self.opened:
                await tell(self.db)
        self._begin(self.db, await self._prove())

    async def _prove(self) -> Proof:
        assert self.db is not None  # noqa: S101 - narrows the type
        if self.db.address.path is not None:
            return FileProof(self.db.address.path, alone=self._settings.dialer == "on")
        return await SessionProof.take(self.db)

    def _begin(self, db: Database, proof: Proof) -> None:
        settings = self._settings
        ledger = Ledger(db, proof.owner, self._clock, self._patience)
        outbound = None
        if self._switchboard is not None:
            outbound = Outbound(ledger, self._switchboard, self.agents, self._recordings, self._control, self._clock)
        number = settings.twilio_phone_number
        worker = Worker(
            ledger,
            proof,
            self._prove,
            self._control,
            self,
            clock=self._clock,
            default_number=number,
            account_cps=settings.calls_per_second,
        )
        worker.claims = settings.dialer == "on"
        if outbound is None or not db.is_sqlite:  # who answers hears how calls end
            worker.elsewhere = Elsewhere(db, self._clock, asyncio.get_running_loop().time)
        if outbound is not None:
            worker.ordering.append(outbound.remember)
        office = Office(db, worker.wake, self._clock)
        single = SingleCalls(
            ledger,
            worker,
            self.agents,
            self._recordings,
            countries=settings.countries,
            default_number=number,
            clock=self._clock,
        )
        self.trouble = ""
        self.desk = Desk(db, ledger, outbound, office, ContactLists(db, self._clock), single, worker)
        self._proof = proof
        self._working = asyncio.create_task(worker.run(), name="dialer")

    async def close(self) -> None:
        """Dial no more; what was heard of calls is written down."""
        for task in (self._opening, self._working):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if self.desk is not None:
            if self.desk.outbound is not None:
                await self.desk.outbound.close()
            try:
                async with asyncio.timeout(CLOSE_S):
                    await self.desk.ledger.settled()
            except TimeoutError:
                log.warning("the last news of some calls was not written; the next start asks the carrier for them")
            self.desk.ledger.stop()
        if self._proof is not None:
            await self._proof.close()
        if self.db is not None:
            await self.db.close()
        self.desk = self.db = None

    # ---- what calls ask for

    def listen(self, info: CallInfo, cost_usd: Callable[[], float]) -> list[Subscriber]:
        """Who learns what comes of a call, where it is one of ours."""
        outbound = self.desk.outbound if self.desk is not None else None
        return [outbound.listen(info, cost_usd)] if outbound is not None and info.order is not None else []

    async def opt_out(self, info: CallInfo, reason: str) -> None:
        """The other side does not want to be called again, ever. Raises ToolError."""
        await self._outbound().opt_out(info, reason)

    async def call_back(self, info: CallInfo, at: float, note: str) -> None:
        """Call them again at this time. Raises ToolError."""
        await self._outbound().call_back(info, at, note)

    def result(self, info: CallInfo, word: str, note: str = "") -> None:
        """What came of the call. Raises ToolError."""
        self._outbound().result(info, word, note)

    def _outbound(self) -> Outbound:
        if self.desk is None or self.desk.outbound is None:
            raise ToolError("Nothing can be written down at the moment. Say so, and offer to tell it instead.")
        return self.desk.outbound

    # ---- what the worker asks about this process

    @property
    def room(self) -> int:
        """Calls that can still be taken."""
        switchboard = self._switchboard
        if switchboard is None:  # what the processes that answer can take is in the rules: `concurrency`
            return self._settings.limit_calls
        return 0 if switchboard.draining else max(0, self._settings.limit_calls - len(switchboard.live))

    def refuses(self, phone: str) -> str:
        """Empty when this number may be dialled, else why not."""
        try:
            check_number(phone, self._settings.countries, (self._settings.twilio_phone_number,))
        except NumberRefused as error:
            return str(error)
        return ""

    async def ready(self, attempt: Attempt) -> str:
        """Empty when somebody could talk to them, else why not: the agent, or the recording to leave."""
        try:
            self.agents.get(attempt.agent)
            await self._recordings.load(str(attempt.terms.get("voicemail_file", "")))
        except UsageError as error:
            return str(error)
        return ""
