"""A dialer process that stops itself at the worst points: the real Database, Ledger and Worker, run as a program.

It freezes (SIGSTOP), at a point that chance chooses, between the committed intent and the order, between the order and
its answer, and in the middle of writing evidence; whoever started it kills it there or lets it go on. When the file
`calm` is there it freezes no more.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.carriers.base import CallRef, DialOrder, Outcome
from bridge.dialer.evidence import ENDS, Word
from bridge.dialer.ledger import Ledger
from bridge.dialer.patience import Patience
from bridge.dialer.worker import Worker
from bridge.errors import CarrierError
from bridge.store.base import Attempt, Contact
from bridge.store.database import Connection, Database
from bridge.store.proof import FileProof, Proof, SessionProof

SEND_S = 0.3
"""The order's time-out: shorter than the carrier is late."""
QUICK = Patience(
    fresh_s=0.6,
    settle_s=1.3,  # fresh_s, SEND_S, and what an order may be on its way
    round_s=0.2,
    look_again_s=0.2,
    ask_again_s=0.3,
    frozen_s=30.0,
    queue_s=-14.5,  # on top of the 15 s of ringing that rules allow at least: calls here ring for some hundredths
    talk_s=-5.5,  # the same on top of the shortest conversation, 6 s
    late_s=0.2,
    idle_s=0.1,
    trouble_s=0.2,
)


@dataclass
class Fate:
    """When this process freezes: at one of the next `within` worst points it comes to, and so on."""

    within: int
    calm: Path
    left: int = 0

    def here(self) -> None:
        self.left = (self.left or random.randint(1, self.within)) - 1
        if not self.left and not self.calm.exists():
            os.kill(os.getpid(), signal.SIGSTOP)


class LineControl:
    """The carrier's client. It freezes before an order goes out, and before its answer is read."""

    def __init__(self, port: int, fate: Fate) -> None:
        self._port = port
        self._fate = fate

    async def dial(self, order: DialOrder) -> CallRef:
        self._fate.here()
        token = order.answer_path.rpartition("/")[2]
        answer = await self._ask({"op": "dial", "to": order.to, "token": token}, freezes=True)
        if answer["status"] == 429:
            raise CarrierError("too many", status=429, placed="no", kind="rate_limited", retry_after_s=0.2)
        if answer["status"] == 500:
            raise CarrierError("broken", status=500, placed="maybe")
        return CallRef(answer["id"])

    async def find(self, to: str, from_: str, since: float) -> list[CallRef]:
        return [CallRef(found) for found in (await self._ask({"op": "find", "to": to, "since": since}))["ids"]]

    async def look_up(self, call: CallRef) -> Outcome | None:
        status = (await self._ask({"op": "look_up", "id": call.carrier_call_id}))["status"]
        return Outcome(status, status in ENDS) if status else None

    async def _ask(self, asked: dict[str, Any], *, freezes: bool = False) -> dict[str, Any]:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError as error:
            raise CarrierError("not reached", placed="no") from error
        try:
            writer.write(json.dumps(asked).encode() + b"\n")
            await writer.drain()
            if freezes:
                self._fate.here()
            async with asyncio.timeout(SEND_S):
                line = await reader.readline()
        except (OSError, TimeoutError) as error:
            raise CarrierError("no answer", placed="maybe") from error
        finally:
            writer.close()
        if not line:
            raise CarrierError("broken off", placed="maybe")
        return json.loads(line)  # type: ignore[no-any-return]


class FreezingLedger(Ledger):
    """Freezes in the middle of a transaction that writes evidence."""

    fate: Fate

    def _lay(self, conn: Connection, words: dict[str, list[Word]]) -> list[tuple[Attempt, Attempt, Contact | None]]:
        written = super()._lay(conn, words)
        self.fate.here()
        return written


class OpenHouse:
    """A process that takes every call."""

    room = 1000

    def refuses(self, phone: str) -> str:
        return ""

    async def ready(self, attempt: Attempt) -> str:
        return ""


async def listen(port: int, ledger: Ledger) -> None:
    """The carrier's news, as webhooks would bring it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b'{"op": "listen"}\n')
    while line := await reader.readline():
        news = json.loads(line)
        ledger.note(Word(token=news["token"], at=time.time(), carrier_call_id=news["id"], status=news["status"]))


async def main(url: str, data: Path, port: int, within: int) -> None:
    """Dial until killed."""
    db = await Database.open(url, data)

    async def prove() -> Proof:
        return FileProof(db.address.path) if db.address.path is not None else await SessionProof.take(db)

    proof = await prove()
    fate = Fate(within, data / "calm")
    ledger = FreezingLedger(db, proof.owner, time.time, QUICK)
    ledger.fate = fate
    worker = Worker(
        ledger,
        proof,
        prove,
        LineControl(port, fate),  # type: ignore[arg-type]
        OpenHouse(),
        clock=time.time,
        default_number="+14155550100",
        account_cps=1000.0,
    )
    await asyncio.gather(listen(port, ledger), worker.run())


if __name__ == "__main__":
    sys.stdin.readline()  # all is imported; the story begins when somebody says so
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
