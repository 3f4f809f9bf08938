"""Several dialers on one database, in one process, over a carrier that only keeps a list: no house around them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.carriers.base import CallRef, DialOrder, Outcome
from bridge.dialer.evidence import ENDS, Word
from bridge.dialer.ledger import Ledger
from bridge.dialer.office import Office
from bridge.dialer.patience import Patience
from bridge.dialer.worker import Worker
from bridge.errors import CarrierError
from bridge.store.base import Attempt, Contact
from bridge.store.database import Database
from bridge.store.proof import FileProof, Proof, SessionProof

OURS = "+14155550100"
BEGAN = 1_796_068_800.0
"""Tuesday, 2026-12-01, 12:00 in California."""
ALL_DAY = {"consent": "tests", "window": "00:00-24:00", "days": "mon-sun", "attempts": 1, "breaker": {"least": 10_000}}


@dataclass
class Day:
    """A clock of the day: it goes with the loop, and somebody may set it (`off`, in seconds). For any thread."""

    loop: asyncio.AbstractEventLoop
    off: float = 0.0

    def __call__(self) -> float:
        return BEGAN + self.off + self.loop.time()


@dataclass
class Call:
    """A call that the carrier placed."""

    id: str
    to: str
    token: str
    at: float
    status: str = "queued"


@dataclass
class Listing:
    """A carrier that places what it is asked to, and tells nobody. `trouble` may raise instead of an answer: before
    the call is placed or, when called with it, after."""

    clock: Callable[[], float] = time.time
    calls: list[Call] = field(default_factory=list)
    trouble: Callable[[DialOrder, Call | None], None] = lambda order, call: None
    on_call: list[Callable[[Call], None]] = field(default_factory=list)

    async def dial(self, order: DialOrder) -> CallRef:
        self.trouble(order, None)
        token = order.answer_path.rpartition("/")[2]
        call = Call(f"CA{len(self.calls):032x}", order.to, token, self.clock())
        self.calls.append(call)
        for told in self.on_call:
            told(call)
        self.trouble(order, call)
        return CallRef(call.id)

    async def find(self, to: str, from_: str, since: float) -> list[CallRef]:
        return [CallRef(c.id) for c in reversed(self.calls) if c.to == to and c.at >= since - 1]

    async def look_up(self, call: CallRef) -> Outcome | None:
        found = next((c for c in self.calls if c.id == call.carrier_call_id), None)
        return found and Outcome(found.status, found.status in ENDS)

    async def take_back(self, call: CallRef) -> bool:
        found = next(c for c in self.calls if c.id == call.carrier_call_id)
        if found.status not in ("queued", "ringing"):
            return False
        found.status = "canceled"
        return True


@dataclass
class OpenHouse:
    """A process that takes every call."""

    room: int = 1000

    def refuses(self, phone: str) -> str:
        return ""

    async def ready(self, attempt: Attempt) -> str:
        return ""


@dataclass
class Dialing:
    """One dialer."""

    db: Database
    ledger: Ledger
    worker: Worker
    proof: Proof
    task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self.task = asyncio.create_task(self.worker.run())

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            self.task = None
        await self.ledger.settled()

    async def die(self) -> None:
        """As if the process were gone: nothing that waits is written, and its proof of life is gone."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        self.ledger.stop()
        await self.proof.close()


async def dialer(
    db: Database,
    carrier: Any,
    *,
    clock: Callable[[], float] = time.time,
    patience: Patience | None = None,
    claims: bool = True,
    **more: Any,
) -> Dialing:
    """A dialer that has proven to live, and has not begun yet. `claims`: it runs campaigns; else it is a server that
    only answers, beside one that does."""
    made: list[Proof] = []

    async def prove() -> Proof:
        path = db.address.path
        made.append(FileProof(path, alone=claims) if path is not None else await SessionProof.take(db))
        return made[-1]

    proof = await prove()
    ledger = Ledger(db, proof.owner, clock, patience)
    options = {"clock": clock, "default_number": OURS, "account_cps": 1000.0} | more
    worker = Worker(ledger, proof, prove, carrier, OpenHouse(), **options)
    worker.claims = claims
    return Dialing(db, ledger, worker, proof)


@asynccontextmanager
async def dialers(url: str, data: Path, carrier: Any, count: int, **more: Any) -> AsyncIterator[list[Dialing]]:
    """So many of them, at work."""
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(count):
            db = await Database.open(url, data)
            stack.push_async_callback(db.close)
            one = await dialer(db, carrier, **more)
            stack.push_async_callback(lambda one=one: one.worker._proof.close())
            stack.push_async_callback(one.stop)
            found.append(one)
        for one in found:
            one.begin()
        yield found


def person(n: int) -> Contact:
    return Contact(0, "", n + 2, f"+1415555{n:04d}", zones=("UTC",))


async def campaign(db: Database, count: int, clock: Callable[[], float] = time.time, **rules: Any) -> str:
    """One that runs; nobody is told."""
    office = Office(db, lambda: None, clock)
    made = await office.create("many", "", {**ALL_DAY, **rules}, "tests")
    await office.fill(made.id, [person(n) for n in range(count)], "tests")
    await office.move(made.id, "start", "tests")
    return made.id


def lives(ledger: Callable[[Call], Ledger], *, last_s: float = 0.1, ends: str = "completed") -> Callable[[Call], None]:
    """Whoever is called answers and hangs up after `last_s`; news go to the ledger that is named for the call."""

    async def live(call: Call) -> None:
        for status in ("ringing", *(("in-progress",) if ends == "completed" else ()), ends):
            await asyncio.sleep(last_s / 3)
            call.status = status
            mine = ledger(call)
            mine.note(Word(token=call.token, at=mine.now(), carrier_call_id=call.id, status=status))

    running: set[asyncio.Task[None]] = set()

    def begin(call: Call) -> None:
        task = asyncio.ensure_future(live(call))
        running.add(task)
        task.add_done_callback(running.discard)

    return begin


__all__ = [
    "ALL_DAY",
    "BEGAN",
    "Call",
    "CarrierError",
    "Day",
    "Dialing",
    "Listing",
    "campaign",
    "dialer",
    "dialers",
    "lives",
    "person",
]
