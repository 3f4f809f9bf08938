"""How long a claim takes among very many contacts, while other dialers claim for the same campaign. PostgreSQL alone.

python -m bench.claims fill --url postgresql://... [--contacts 1000000] [--people waiting|done|later|shared]
python -m bench.claims time --url postgresql://... [--dialers 4] [--claims 250] [--pause 0.2]

Each dialer is a process of its own. What is timed is `Ledger.claim`: from asking until the intents of five people are
on the server's disk, waiting for other dialers' claims included. Three rounds, all dialers at once in each:
a claim and in the pause after it the floor, for disks that stall do it to both; claims back to back; the floor back to
back. The floor is the least that can be on the disk: one row of a table of its own is changed and committed, by the
same way to the server.
Calls stay open until their round is over, so that there are more of them with each claim: in life they end.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import queue
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from bridge.dialer.ledger import Ledger
from bridge.dialer.office import Office
from bridge.store import attempts
from bridge.store.base import Campaign
from bridge.store.database import Connection, Database

People = Literal["waiting", "done", "later", "shared"]
"""
waiting  everybody is due now
done     everybody but one in fifty is done
later    everybody but one in fifty is due tomorrow
shared   two campaigns have the same numbers in another order, and every second dialer works for the other one
"""
Act = Callable[[], Awaitable[None]]
OURS = "+14155550100"
FIVE = 5
"""Contacts of one claim."""
MOST_MS = 20.0
"""What a claim may take."""
RULES = {
    "consent": "bench",
    "window": "00:00-24:00",
    "days": "mon-sun",
    "attempts": 1,
    "cps": 1000,
    "concurrency": 10_000,
    "breaker": {"least": 10_000},
}
_DAY_S = 86_400
_FILL = """
insert into contacts (campaign_id, line, phone, name, variables, zones, priority, state, outcome, due_at)
select :campaign_id, n, '+1' || lpad(n::text, 10, '0'), 'Ada ' || n, json_build_object('name', 'Ada ' || n), '["UTC"]',
    5, case when n % :rare = 0 then 'waiting' else :state end, '',
    :due_at + case when n % :rare = 0 then 0 else :more end
from generate_series(1, :count) n order by n * :turn
"""
_ENDED = sa.text("update attempts set state = 'closed', outcome = 'completed', ended_at = :now where state = 'intent'")
_FLOOR = sa.text("update bench_floor set n = n + 1 where dialer = :dialer")


async def fill(url: str, count: int, people: People, *, fresh: bool = False) -> None:
    """Empty tables and put so many contacts into them. `fresh`: the server has not come to look at them yet."""
    db = await Database.open(url, Path())
    assert not db.is_sqlite, "only PostgreSQL has several dialers"
    await db.write(_emptied)
    names = ["bench 0", "bench 1"] if people == "shared" else ["bench 0"]
    office = Office(db, lambda: None, time.time)
    state, more = {"done": ("done", 0), "later": ("retry_at", _DAY_S)}.get(people, ("waiting", 0))
    for turn, name in zip((1, -1), names, strict=False):
        made = await office.create(name, "", RULES, "bench")
        given = {"campaign_id": made.id, "count": count // len(names), "rare": 50, "turn": turn}
        await db.write(_filled, {**given, "state": state, "more": more, "due_at": time.time()})
        await office.move(made.id, "start", "bench")
    await db.close()
    if not fresh:
        await settle(url)


async def settle(url: str) -> None:
    """What a server does by itself in the minutes after: statistics, and what is in its memory goes to the disk."""
    import asyncpg

    conn = await asyncpg.connect(url)
    await conn.execute("vacuum (analyze) contacts, attempts")
    await conn.execute("checkpoint")
    await conn.close()


def _emptied(conn: Connection) -> None:
    conn.execute(sa.text("truncate campaigns, contacts, attempts, spend, do_not_call"))
    conn.execute(sa.text("create table if not exists bench_floor (dialer int primary key, n int)"))
    conn.execute(sa.text("truncate bench_floor"))
    conn.execute(sa.text("insert into bench_floor select n, 0 from generate_series(0, 99) n"))


def _filled(conn: Connection, given: dict[str, object]) -> None:
    conn.execute(sa.text(_FILL), given)


@dataclass(frozen=True, slots=True)
class Plan:
    """What every dialer does."""

    url: str
    claims: int
    pause_s: float


@dataclass(frozen=True, slots=True)
class Times:
    """Of one dialer, in milliseconds. `first`: its first claim, which prepares its statements."""

    first: float
    rounds: dict[str, list[float]]
    cpu_ms: float
    """CPU time of its process for each claim back to back."""


class Dialer:
    """One process's part."""

    def __init__(self, db: Database, campaign_id: str, n: int) -> None:
        self._db = db
        self._campaign_id = campaign_id
        self._n = n
        self._ledger = Ledger(db, f"bench-{n}", time.time)

    async def claim(self) -> None:
        """Five people."""
        claim = await self._ledger.claim(self._campaign_id, lambda standing: [OURS] * FIVE)
        assert claim.looked_at == FIVE, "there are not enough people left: fill again"

    async def floor(self) -> None:
        """The least."""
        await self._db.write(lambda conn: conn.execute(_FLOOR, {"dialer": self._n}))


async def timed(acts: Sequence[Act], count: int, pause_s: float) -> list[list[float]]:
    """Milliseconds of each, one act after the other, so many times; the pause is between two of the same."""
    times: list[list[float]] = [[] for _ in acts]
    for _ in range(count):
        for act, so_far in zip(acts, times, strict=True):
            began = time.perf_counter()
            await act()
            so_far.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(pause_s / len(acts))
    return times


async def part(plan: Plan, n: int, together: Barrier) -> Times:
    """Everything that one dialer does."""
    db = await Database.open(plan.url, Path())
    running: list[Campaign] = sorted(
        (c for c in await Office(db, lambda: None, time.time).every() if c.name.startswith("bench")),
        key=lambda campaign: campaign.name,
    )
    dialer = Dialer(db, running[n % len(running)].id, n)
    ((first,),) = await timed([dialer.claim], 1, 0.0)
    await timed([dialer.floor], 5, 0.0)
    rounds: dict[str, list[float]] = {}
    cpu_ms = 0.0
    for pause_s, acts in (
        (plan.pause_s, {"claims, paused": dialer.claim, "floor, paused": dialer.floor}),
        (0.0, {"claims, back to back": dialer.claim}),
        (0.0, {"floor, back to back": dialer.floor}),
    ):
        await asyncio.to_thread(together.wait)
        if n == 0:
            await db.write(lambda conn: conn.execute(_ENDED, {"now": time.time()}))
        await asyncio.to_thread(together.wait)
        await asyncio.sleep(pause_s * n / together.parties)
        cpu = time.process_time()
        rounds |= zip(acts, await timed(list(acts.values()), plan.claims, pause_s), strict=True)
        if "claims, back to back" in acts:
            cpu_ms = (time.process_time() - cpu) / plan.claims * 1000
    await db.close()
    return Times(first, rounds, cpu_ms)


def _process(plan: Plan, n: int, together: Barrier, found: multiprocessing.Queue[Times]) -> None:
    found.put(asyncio.run(part(plan, n, together)))


def measure(plan: Plan, dialers: int) -> list[Times]:
    """Of each dialer. Ends with all of them when one fails: it would be waited for for ever."""
    spawn = multiprocessing.get_context("spawn")
    together, found = spawn.Barrier(dialers), spawn.Queue()
    started = [spawn.Process(target=_process, args=(plan, n, together, found)) for n in range(dialers)]
    for process in started:
        process.start()
    times: list[Times] = []
    while len(times) < dialers:
        try:
            times.append(found.get(timeout=0.5))
        except queue.Empty:
            if any(process.exitcode for process in started):
                for process in started:
                    process.terminate()
                raise SystemExit("a dialer failed, see above") from None
    for process in started:
        process.join()
    return times


async def server(url: str) -> str:
    """What decides how long a commit takes, and how many calls are open."""
    db = await Database.open(url, Path())

    def ask(conn: Connection) -> str:
        names = ("server_version", "fsync", "synchronous_commit", "shared_buffers")
        shown = [f"{name} {conn.execute(sa.text(f'show {name}')).scalar()}" for name in names]
        people = conn.execute(sa.text("select count(*) from contacts")).scalar()
        return f"{', '.join(shown)}; {people:,} contacts, {attempts.count_open(conn):,} open calls"

    found = await db.read(ask)
    await db.close()
    return found


def show(times: list[float]) -> str:
    """p50, p99, max, and how many took longer than they may."""
    p99 = statistics.quantiles(times, n=100, method="inclusive")[98]
    return f"{statistics.median(times):7.1f} {p99:7.1f} {max(times):7.1f} {sum(ms > MOST_MS for ms in times):6}"


def report(found: list[Times]) -> None:
    """A line for every round and dialer."""
    print(f"{'ms':30} {'p50':>7} {'p99':>7} {'max':>7} {f'> {MOST_MS:.0f}':>6}")
    for name in found[0].rounds:
        print(f"{name + ', all':30} {show([ms for times in found for ms in times.rounds[name]])}")
        for n, times in enumerate(found):
            print(f"{f'  dialer {n}':30} {show(times.rounds[name])}")
    print(f"first claim of each process: {', '.join(f'{times.first:.0f}' for times in found)} ms")
    print(f"CPU of a dialer for each claim back to back: {statistics.mean(t.cpu_ms for t in found):.1f} ms")


def main() -> None:
    """Do what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("fill", "time"))
    parser.add_argument("--url", required=True)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--people", choices=("waiting", "done", "later", "shared"), default="waiting")
    parser.add_argument("--fresh", action="store_true", help="time it right after: no statistics, much to write")
    parser.add_argument("--dialers", type=int, default=4)
    parser.add_argument("--claims", type=int, default=250)
    parser.add_argument("--pause", type=float, default=0.2)
    given = parser.parse_args()
    if given.what == "fill":
        asyncio.run(fill(given.url, given.contacts, given.people, fresh=given.fresh))
        return
    print(f"{given.dialers} dialers, claims of {FIVE}; {asyncio.run(server(given.url))}")
    report(measure(Plan(given.url, given.claims, given.pause), given.dialers))
    print(asyncio.run(server(given.url)))


if __name__ == "__main__":
    main()
