"""What the dialer itself costs: CPU of one attempt on SQLite. How long a claim takes is `bench.claims`.

python -m bench.dialer [--attempts 1000]
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bridge.carriers.base import CallRef, DialOrder
from bridge.dialer.evidence import Word
from bridge.dialer.ledger import Ledger
from bridge.dialer.office import Office
from bridge.dialer.worker import Worker
from bridge.store import attempts, contacts
from bridge.store.base import Attempt, Contact
from bridge.store.database import Database
from bridge.store.proof import FileProof

OURS = "+14155550100"
RULES = {
    "consent": "bench",
    "window": "00:00-24:00",
    "days": "mon-sun",
    "attempts": 1,
    "cps": 1000,
    "concurrency": 100,
    "breaker": {"least": 10_000},
}


class AtOnce:
    """A carrier that answers at once, and whose five words about a call come one after the other."""

    def __init__(self) -> None:
        self.ledger: Ledger | None = None
        self.cpu_s = 0.0
        self._count = 0

    async def dial(self, order: DialOrder) -> CallRef:
        self._count += 1
        call_id = f"CA{self._count:032x}"
        asyncio.get_running_loop().create_task(self._tell(order.answer_path.rpartition("/")[2], call_id))
        return CallRef(call_id)

    async def _tell(self, token: str, call_id: str) -> None:
        assert self.ledger is not None
        words = (
            {"status": "initiated"},
            {"status": "ringing"},
            {"status": "in-progress"},
            {"answered_by": "human"},
            {"status": "completed", "sip": 200, "carrier_usd": 0.014},
        )
        for word in words:
            await asyncio.sleep(0.1)  # each webhook looks its attempt up, and is written by itself
            assert await self.ledger.attempt(token) is not None
            said = Word(token=token, at=time.time(), carrier_call_id=call_id, **word)
            self.ledger.note(said)


class OpenHouse:
    """A process that takes every call."""

    room = 10_000

    def refuses(self, phone: str) -> str:
        return ""

    async def ready(self, attempt: Attempt) -> str:
        return ""


def people(count: int, first: int = 0) -> Iterator[Contact]:
    """Fictional numbers, as many as wanted."""
    for n in range(first, first + count):
        yield Contact(0, "", n + 2, f"+1{n:010d}", variables={"name": f"Ada {n}"}, zones=("UTC",))


async def campaign(db: Database, count: int) -> str:
    """One that runs."""
    office = Office(db, lambda: None, time.time)
    made = await office.create("bench", "", RULES, "bench")
    for first in range(0, count, 20_000):
        await office.fill(made.id, people(min(20_000, count - first), first), "bench")
    await office.move(made.id, "start", "bench")
    return made.id


async def cost_of_attempts(count: int, data: Path) -> float:
    """CPU of this process for each attempt, in milliseconds: claim, order, and five words of evidence."""
    db = await Database.open("", data)
    assert db.address.path is not None
    campaign_id = await campaign(db, count)
    proof = FileProof(db.address.path)
    carrier = AtOnce()
    carrier.ledger = ledger = Ledger(db, proof.owner, time.time)

    async def prove() -> FileProof:
        return proof

    worker = Worker(
        ledger,
        proof,
        prove,
        carrier,  # type: ignore[arg-type]  # nothing else is asked of it
        OpenHouse(),
        clock=time.time,
        default_number=OURS,
        account_cps=1000.0,
    )
    began, cpu = time.monotonic(), time.process_time()
    running = asyncio.create_task(worker.run())
    while await db.read(contacts.unfinished, campaign_id):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.5)
    spent = time.process_time() - cpu
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    placed = await db.read(attempts.count, campaign_id)
    assert placed == count, f"{placed} of {count}"
    print(f"  {count / (time.monotonic() - began):.0f} attempts a second")
    await proof.close()
    await db.close()
    return spent / count * 1000


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--attempts", type=int, default=1000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spent_ms = asyncio.run(cost_of_attempts(given.attempts, Path(folder)))
        print(f"CPU for each attempt: {spent_ms:.2f} ms")


if __name__ == "__main__":
    main()
