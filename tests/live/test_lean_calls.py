"""What a call holds while it lasts, and what those that are over leave behind: counted, not timed.

Counted in bytes is what our own rooms and the server under them ask for, and not the pretend world in the same
process. Sockets, asyncio's own objects and the room between objects come on top in a process's memory.
"""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections import Counter, deque
from pathlib import Path

import starlette
import uvicorn
from house_world import House, house

import bridge
from bridge.live.switchboard import AFTERLIFE_S
from bridge.sim import loop
from bridge.sim.script import Say, Wait

LIVE_BYTES = 56_000
"""Of a call whose last words are written; measured: 45 kB."""
COUNTED = [tracemalloc.Filter(True, f"{Path(package.__path__[0])}/*") for package in (bridge, uvicorn, starlette)]
PRETEND = [tracemalloc.Filter(False, f"{Path(bridge.__path__[0])}/{room}/*") for room in ("sim", "audio")]
"""With `pcmu` the house converts no sound; the callers and the engine do, and keep what they say."""

RING = {"bridge.carriers.base.RawRequest", "bridge.web.inspector.Inbound", "bridge.web.inspector.Inspector"}
"""The carrier's newest requests are kept for people to look at: so many of them and no more (`inspector.KEPT`)."""


def held() -> int:
    """Bytes that the house holds now."""
    gc.collect()
    found = tracemalloc.take_snapshot().filter_traces([*COUNTED, *PRETEND])
    return sum(trace.size for trace in found.traces)


def kept() -> Counter[str]:
    """The house's own things by their class, and how many entries the registers have that they hold."""
    gc.collect()
    found: Counter[str] = Counter()
    for thing in gc.get_objects():
        room = str(type(thing).__module__)
        if room.startswith(("bridge.", "uvicorn.")) and not room.startswith("bridge.sim."):
            name = f"{room}.{type(thing).__qualname__}"
            found[name] += 1
            registers = [part for part in gc.get_referents(thing) if isinstance(part, dict | list | set | deque)]
            found[f"{name}: entries"] += sum(map(len, registers))
    return found


async def lines_up(world: House, calls: int) -> None:
    """So many calls come in and are greeted; then nobody speaks, and all is written."""
    for _ in range(calls):
        await world.ring([Wait(500.0)])
    await asyncio.sleep(12.0)
    await world.app.services.disk.drained()


async def come_and_go(world: House, calls: int) -> None:
    """So many calls come in, say something and are forgotten."""
    rung = [await world.ring([Wait(1.0), Say("Hello.")]) for _ in range(calls)]
    for call in rung:
        await call.ended()
    await world.written()
    await asyncio.sleep(AFTERLIFE_S + 5.0)


def test_a_call_in_progress_is_lean(tmp_path: Path) -> None:
    async def story() -> float:
        async with house(tmp_path, record="off") as world:
            await lines_up(world, 1)  # whatever comes with the first calls and stays
            before = held()
            await lines_up(world, 4)
            assert len(world.app.services.switchboard.live) == 5
            each = (held() - before) / 4
            await world.app.services.switchboard.end_all()
            return each

    tracemalloc.start()
    try:
        each = loop.run(story())
    finally:
        tracemalloc.stop()
    assert each < LIVE_BYTES


def test_calls_that_are_over_leave_nothing(tmp_path: Path) -> None:
    async def story() -> tuple[Counter[str], Counter[str]]:
        async with house(tmp_path, record="off") as world:
            await come_and_go(world, 3)  # whatever comes with the first calls and stays
            before = kept()
            await come_and_go(world, 10)
            assert len(world.records()) == 13
            return before, kept()

    before, after = loop.run(story())
    more = Counter({name: count for name, count in (after - before).items() if name.partition(":")[0] not in RING})
    # Ids of calls that were answered are remembered, so many of them and no more (`web/webhooks.py`, REMEMBERED).
    assert more == Counter({"bridge.web.webhooks.Webhooks: entries": 10})
