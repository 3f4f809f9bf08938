"""Dialers that are killed and frozen at the worst points, and what must hold afterwards.

python tests/dialer/kill/killing.py --contacts 2000 --kills 20 --freezes 30 --url postgresql://...
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.dialer.office import Office
from bridge.store import attempts, contacts
from bridge.store.base import FINAL, Attempt, Contact
from bridge.store.database import Database

HERE = Path(__file__).parent
PARALLEL = 20
OPEN_ALL_DAY = {"window": "00:00-24:00", "days": "mon-sun"}


@dataclass(frozen=True)
class Plan:
    """What happens to the dialers."""

    contacts: int = 200
    kills: int = 6
    freezes: int = 6
    dialers: int = 1
    within: int = 30
    """A dialer freezes at one of so many worst points that it comes to: a contact has three of them, or more."""
    spite: float = 0.06
    """Share of orders with which the carrier does something nasty."""
    seed: int = 1
    limit_s: float = 240.0


@dataclass
class Result:
    """What came of it."""

    calls: list[dict[str, Any]]
    attempts: list[Attempt]
    contacts: list[Contact]
    kills: int = 0
    freezes: int = 0
    seconds: float = 0.0

    @property
    def twice(self) -> dict[str, int]:
        """Numbers that were called more than once."""
        return {to: n for to, n in Counter(call["to"] for call in self.calls).items() if n > 1}

    @property
    def forgotten(self) -> list[Contact]:
        """Who is neither decided nor shown to a person."""
        return [c for c in self.contacts if c.state not in (*FINAL, "review")]

    @property
    def review(self) -> int:
        return sum(c.state == "review" for c in self.contacts)

    @property
    def unwritten(self) -> list[str]:
        """Calls without an intent that is older than they are."""
        written = {attempt.token: attempt.claimed_at for attempt in self.attempts}
        return [call["token"] for call in self.calls if written.get(call["token"], float("inf")) > call["at"]]

    @property
    def holds(self) -> bool:
        """Nobody twice, nobody forgotten, no call without an intent, and few for a person to decide."""
        return not (self.twice or self.forgotten or self.unwritten) and self.review <= self.kills * PARALLEL

    def __str__(self) -> str:
        states = dict(Counter(c.state for c in self.contacts))
        return (
            f"{len(self.contacts)} contacts, {len(self.calls)} calls, {self.kills} killed, {self.freezes} frozen, "
            f"twice {len(self.twice)}, forgotten {len(self.forgotten)}, review {self.review}, "
            f"without intent {len(self.unwritten)}, {states}, {self.seconds:.1f} s"
        )


@dataclass
class Herd:
    """The dialer processes, and their herdsman's bad intentions."""

    command: list[str]
    plan: Plan
    rng: random.Random
    log: Path
    living: list[subprocess.Popen[bytes]] = field(default_factory=list)
    spare: subprocess.Popen[bytes] | None = None
    frozen: dict[int, float] = field(default_factory=dict)
    """Until when (monotonic seconds)."""
    kills: int = 0
    freezes: int = 0

    def start(self) -> None:
        """Let the spare one begin; the next spare one has all imported when it is needed."""
        child = self.spare or self._new()
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.close()
        self.living.append(child)
        self.spare = self._new()

    def _new(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(self.command, stdin=subprocess.PIPE, stderr=log)

    def tick(self) -> None:
        """Look after those that have frozen: kill them, or let them go on after a while."""
        for child in list(self.living):
            if child.pid in self.frozen:
                if time.monotonic() >= self.frozen[child.pid]:
                    del self.frozen[child.pid]
                    os.kill(child.pid, signal.SIGCONT)
            elif _is_stopped(child):
                self._decide(child)
            elif child.poll() is not None:
                raise AssertionError(f"a dialer ended by itself: {self.log.read_text()[-2000:]}")

    def _decide(self, child: subprocess.Popen[bytes]) -> None:
        left = (self.plan.kills - self.kills, self.plan.freezes - self.freezes)
        if sum(left) > 0 and self.rng.random() * sum(left) < left[0]:
            self.kills += 1
            child.kill()
            child.wait()
            self.living.remove(child)
            self.start()
            return
        self.freezes += 1
        # At times longer than an intent is fresh, or than it takes to dial again what a dead dialer left.
        self.frozen[child.pid] = time.monotonic() + self.rng.choice((0.1, 0.3, 1.0, 3.5))

    @property
    def satisfied(self) -> bool:
        return self.kills >= self.plan.kills and self.freezes >= self.plan.freezes

    def end(self) -> None:
        if self.spare is not None:
            self.living.append(self.spare)
        for child in self.living:
            child.kill()
            child.wait()
            if child.stdin is not None:
                child.stdin.close()


def _is_stopped(child: subprocess.Popen[bytes]) -> bool:
    try:
        return Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] in ("T", "t")
    except OSError:
        return False


@contextmanager
def pretend_carrier(plan: Plan) -> Iterator[int]:
    """The carrier's process: its port."""
    command = [sys.executable, str(HERE / "pretend_carrier.py"), str(plan.seed), str(plan.spite)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


async def ask(port: int, asked: dict[str, Any]) -> dict[str, Any]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**26)
    writer.write(json.dumps(asked).encode() + b"\n")
    answer = json.loads(await reader.readline())
    writer.close()
    await writer.wait_closed()
    return answer  # type: ignore[no-any-return]


async def fill(db: Database, plan: Plan) -> str:
    """A campaign that runs: everybody may be called once."""
    office = Office(db, lambda: None, time.time)
    rules = {
        "consent": "tests",
        "concurrency": PARALLEL,
        "cps": 1000,
        "attempts": 1,
        "ring_s": 15,
        "max_minutes": 0.1,
        "breaker": {"least": 10_000},
        **OPEN_ALL_DAY,
    }
    made = await office.create("kill", "", rules, "tests")
    people = [Contact(0, "", n + 2, f"+1415555{n:04d}", zones=("UTC",)) for n in range(plan.contacts)]
    await office.fill(made.id, people, "tests")
    await office.move(made.id, "start", "tests")
    return made.id


async def run(url: str, data: Path, plan: Plan) -> Result:
    """Dial everybody while dialers die."""
    db = await Database.open(url, data)
    began = time.monotonic()
    with pretend_carrier(plan) as port:
        try:
            campaign_id = await fill(db, plan)
            command = [sys.executable, str(HERE / "dialer_child.py"), url, str(data), str(port), str(plan.within)]
            herd = Herd(command, plan, random.Random(plan.seed), data / "dialers.log")
            try:
                for _ in range(plan.dialers):
                    herd.start()
                await _watch(db, campaign_id, herd, data)
            finally:
                herd.end()
            calls = (await ask(port, {"op": "journal"}))["calls"]
            rows = await db.read(attempts.of_campaign, campaign_id)
            people = await db.read(_people, campaign_id)
        finally:
            await db.close()
    return Result(calls, list(rows), people, herd.kills, herd.freezes, time.monotonic() - began)


async def _watch(db: Database, campaign_id: str, herd: Herd, data: Path) -> None:
    """Until everybody is decided and nothing hangs."""
    deadline, look_at = time.monotonic() + herd.plan.limit_s, 0.0
    while True:
        herd.tick()
        if herd.satisfied:
            (data / "calm").touch()
        now = time.monotonic()
        if now >= look_at:
            look_at = now + 0.3
            if not herd.frozen and await db.read(_is_over, campaign_id):
                return
        if now > deadline:
            return  # the result will show who was forgotten
        await asyncio.sleep(0.01)


def _is_over(conn: Any, campaign_id: str) -> bool:
    open_ones = [row for row in attempts.open_ones(conn, campaign_id) if row.state != "review"]
    return not open_ones and contacts.next_due(conn, campaign_id) is None


def _people(conn: Any, campaign_id: str) -> list[Contact]:
    return list(contacts.page(conn, campaign_id, most=10**9))


def main() -> int:
    """As a program: one run, told in a line; 1 when anybody was called twice or forgotten."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="")
    for name in ("contacts", "kills", "freezes", "dialers", "seed", "within"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Plan, name))
    for name in ("spite", "limit_s"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(Plan, name))
    given = vars(parser.parse_args())
    url = given.pop("url")
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(run(url, Path(folder), Plan(**given)))
    sys.stdout.write(f"{result}\n")
    return int(not result.holds)


if __name__ == "__main__":
    sys.exit(main())
