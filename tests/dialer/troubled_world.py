"""`callbridge serve` in a process of its own, in real time: calls that go on, and a campaign that dials.

The ends of the calls are the benchmark's, so that how late a frame comes is known of every call. Beside it runs the
benchmark's floor, a relay that knows no database: two calls through it tell what the machine itself does to sound.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
import wave
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2

from bench import campaign as bench
from bench.model import Model, Session
from bench.phones import Phone
from bench.run import floor_command, free_port, quantile, started
from bridge.live.blackbox import replay
from bridge.sim.carrier import Carrier
from bridge.sim.party import Party

CALLS = 4
TONE_EVERY = 5
"""Frames: a tone each 100 ms, so that a second of four calls is forty measurements."""
CPS = 3.0
Span = tuple[float, float]


@dataclass
class World:
    """What there is. `log`: what the bridge said."""

    house: bench.Dialing
    carrier: Carrier
    data: Path
    log: Path
    campaign_id: str = ""
    pairs: list[tuple[Phone, Session]] = field(default_factory=list)
    """The calls that go on ..."""
    floor: list[tuple[Phone, Session]] = field(default_factory=list)
    """... and those that go through the relay."""
    visitors: list[Phone] = field(default_factory=list)
    url: str = ""
    """DATABASE_URL; empty: the file in the data folder."""
    ordered: list[float] = field(default_factory=list)
    """When each order to call somebody came to the carrier ..."""
    epochs: dict[str, float] = field(default_factory=dict)
    """... and by the clock of the day, whom."""
    unwritten: list[str] = field(default_factory=list)
    """Whom it was ordered to call without an intent on the disk."""

    @property
    def db(self) -> Path:
        return self.data / "callbridge.db"

    async def span(self, seconds: float) -> Span:
        """Let time pass; which it was."""
        begin = time.perf_counter()
        await asyncio.sleep(seconds)
        return begin, time.perf_counter()

    async def visitor(self) -> None:
        """Somebody rings now, is answered and spoken to, and hangs up."""
        phone = Phone()
        await phone.ring(self.house.port, "")
        await phone.talk(time.perf_counter() + 1.5, 0.0)
        await phone.hang_up()
        self.visitors.append(phone)
        assert phone.answered_s < 2.0 and phone.heard, (phone.answered_s, phone.heard)

    async def told(self, words: str, *, still: bool = True) -> None:
        """Wait until the overview says this, in one sentence of what is wrong; `still` False: until it does not."""
        found: list[str] = []
        try:
            async with asyncio.timeout(15.0), httpx2.AsyncClient(trust_env=False, timeout=20.0) as client:
                while True:
                    answer = (await client.get(f"{self.house.admin_url}/api/v1/overview")).json()
                    found = [one["detail"] for one in answer.get("failing", [answer])]
                    if any(words in one for one in found) is still:
                        break
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise AssertionError(f"the overview says {found}") from None

    async def report(self) -> dict[str, Any]:
        """The campaign's."""
        return await self.house.ask(lambda client: client.get(f"/campaigns/{self.campaign_id}"))

    def dialled(self, span: Span) -> int:
        """Orders of this span."""
        return sum(span[0] <= at < span[1] for at in self.ordered)

    async def until(self, true: Callable[[], bool], limit_s: float = 30.0) -> None:
        async with asyncio.timeout(limit_s):
            while not true():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)

    async def dials_again(self) -> None:
        """Within what a person would wait for without asking."""
        before = len(self.ordered)
        await self.until(lambda: len(self.ordered) >= before + 3, 20.0)

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database holds, asked as anybody may."""
        if not self.url:
            with closing(sqlite3.connect(f"file:{self.db}?mode=ro", uri=True)) as conn:
                return conn.execute(sql).fetchall()
        import asyncpg  # an extra: not everybody has it

        conn = await asyncpg.connect(self.url)
        found = [tuple(row) for row in await conn.fetch(sql)]
        await conn.close()
        return found


def up(pairs: list[tuple[Phone, Session]], span: Span) -> list[float]:
    """Milliseconds from the phone to the model, of each tone of this span; what never came is late without end."""
    return [_late(at, i, session.heard) for phone, session in pairs for i, at in _of(phone.said, span)]


def down(pairs: list[tuple[Phone, Session]], span: Span) -> list[float]:
    """The same from the model to the phone."""
    return [_late(at, i, phone.heard) for phone, session in pairs for i, at in _of(session.spoke, span)]


def _of(times: list[float], span: Span) -> list[tuple[int, float]]:
    return [(i, at) for i, at in enumerate(times) if span[0] <= at < span[1]]


def _late(at: float, index: int, arrivals: list[float]) -> float:
    return (arrivals[index] - at) * 1000 if index < len(arrivals) else float("inf")


GAP_MS = 40.0
HUNG_UP = "caller_hung_up"


def nobody_heard_of_it(world: World, calm: Span, trouble: Span) -> None:
    """The sound of the calls that went on came as it had come before, either way.

    19 of 20 pieces are at most two frames later than in the calm, or than what knows no database was in the trouble: a
    machine that is busy with other things delays both. And none is by half a second: nothing in the house waited for
    the database while people talked.
    """
    for way in (up, down):
        before, beside, during = way(world.pairs, calm), way(world.floor, trouble), way(world.pairs, trouble)
        assert len(before) > 20 and len(beside) > 10 and len(during) > 20, way.__name__
        was, floor, now = (quantile(times, 0.95) or 0.0 for times in (before, beside, during))
        assert now <= max(was, floor) + GAP_MS, (way.__name__, was, floor, now)
        most = max(*before, *beside)
        assert max(during) <= most + 500.0, (way.__name__, most, max(during))


def intent_on_disk(path: Path, number: str) -> bool:
    """Is there an intent to call this number, in the file as anybody finds it? (A lock on it keeps no reader out.)"""
    if not path.exists():  # where there is PostgreSQL, and in the moment in which the file is taken away
        return True
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        return bool(conn.execute("select 1 from attempts where phone = ? and state = 'intent'", [number]).fetchone())


@asynccontextmanager
async def troubled(
    folder: Path,
    url: str = "",
) -> AsyncIterator[World]:
    """Everything started, four people on the line, and the campaign dialling; ended whatever happens."""
    data, log, port, beside = folder / "data", folder / "log", free_port(), free_port()
    data.mkdir(exist_ok=True)
    found: list[World] = []

    def directory(number: str) -> Party:
        world = found[0]
        world.ordered.append(time.perf_counter())
        world.epochs[number] = time.time()
        if not intent_on_disk(world.db, number):
            world.unwritten.append(number)
        return bench.people(number)

    carrier, model = bench.carrier(port, CPS, directory), Model(deltas=2, rest_s=0.32)
    await carrier.start()
    await model.start()
    try:
        with (
            log.open("wb") as out,
            bench.dialing(
                str(data),
                out,
                model=model,
                port=port,
                carrier_url=carrier.url,
                cps=CPS,
                cores=frozenset(),
                DATABASE_URL=url,
                BRIDGE_RECORD="stereo",
            ) as house,
            started(floor_command(beside, model.url), os.environ, beside, out, frozenset()),
        ):
            world = World(house, carrier, data, log, url=url)
            found.append(world)
            world.campaign_id = await house.campaign([*bench.numbers(300)], cps=CPS)
            world.pairs = await house.ring(CALLS, TONE_EVERY)
            for _ in range(2):
                phone = Phone(TONE_EVERY)
                await phone.ring(beside, "/media")
                world.floor.append((phone, await asyncio.wait_for(model.sessions.get(), 10)))
            until = time.perf_counter() + 3600.0
            lines = [phone for phone, _ in (*world.pairs, *world.floor)]
            talking = [asyncio.ensure_future(phone.talk(until, 0.003 * n)) for n, phone in enumerate(lines)]
            await house.move(world.campaign_id, "start")
            await world.dials_again()
            try:
                yield world
                await _end(world, talking)
                await nothing_is_lost(world)
            finally:
                for one in talking:
                    one.cancel()
                await asyncio.gather(*talking, return_exceptions=True)
    finally:
        await carrier.stop()
        await model.stop()


async def _end(world: World, talking: list[asyncio.Future[None]]) -> None:
    """Nobody else is called; whoever is on the line hangs up; all that was heard is written."""
    await world.house.move(world.campaign_id, "pause")
    lines = [phone for phone, _ in (*world.pairs, *world.floor)]
    for phone in lines:
        phone.until = 0.0
    await asyncio.gather(*talking)
    for phone in lines:
        await phone.hang_up()
    async with asyncio.timeout(40.0):
        while (await world.report())["open_calls"]:  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.2)


async def nothing_works(world: World, words: str, seconds: float = 4.0) -> tuple[float, float]:
    """While nothing can be written: whoever rings is answered, nobody is dialled, and the overview says why."""
    begin, first = await world.span(1.5)
    await world.visitor()
    _, end = await world.span(seconds)
    assert world.dialled((first, end)) == 0, "no intent can be written"
    await world.told(words)
    return begin, end


async def works_again(world: World, words: str) -> None:
    """By itself, and the overview does not say this any more."""
    await world.dials_again()
    await world.told(words, still=False)


async def nothing_is_lost(world: World) -> None:
    """Who was called, who rang, and what the log says."""
    called = Counter(call.to for call in world.carrier.calls.values())
    assert set(called.values()) == {1}, "nobody twice"
    assert world.unwritten == [], "no order without an intent on the disk"
    attempts = await world.rows("select phone, state, carrier_call_id, outcome, claimed_at from attempts")
    assert {state for _, state, _, _, _ in attempts} == {"closed"}
    placed = {sid: (phone, at) for phone, _, sid, outcome, at in attempts if outcome != "not_placed"}
    assert set(placed) == set(world.carrier.calls), "what came of every call is known"
    assert all(at <= world.epochs[phone] for phone, at in placed.values()), "the intent was there before the order"
    phones = {phone.call_sid for phone, _ in world.pairs} | {phone.call_sid for phone in world.visitors}
    async with asyncio.timeout(20.0):
        while phones - await _in_the_list(world):  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.5)
    for call in (world.data / "calls").iterdir():
        record = json.loads((call / "call.json").read_text("utf-8"))
        assert record["ended_at"], call.name
        assert replay(call / "blackbox.jsonl"), "the rules can be asked again"
        if record["direction"] == "inbound":
            with wave.open(str(call / "recording.wav")) as sound:
                recorded_s = sound.getnframes() / 8000
            lasted = datetime.fromisoformat(record["ended_at"]) - datetime.fromisoformat(record["answered_at"])
            assert abs(recorded_s - lasted.total_seconds()) < 1.5, "every second of sound is kept"
    said = world.log.read_text("utf-8", "replace")
    assert "Traceback" not in said, said


async def _in_the_list(world: World) -> set[str]:
    """The carrier's ids of the calls that are listed as hung up by those who called."""
    return {sid for sid, why in await world.rows("select carrier_call_id, end_reason from calls") if why == HUNG_UP}
