"""What a call holds while it lasts, and what a thousand of them leave behind: counted, not timed.

Counted is what our own rooms and the server under them ask for, and not the pretend world in the same process. A
process's memory grows by about a third more: what lies between the objects, and the sockets.
"""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from pathlib import Path

import starlette
import uvicorn
from house_world import House, house

import bridge
from bridge.live.switchboard import AFTERLIFE_S
from bridge.sim import loop
from bridge.sim.script import Say, Wait

LIVE_BYTES = 62_000
"""Of a call that talks; measured: 49 kB."""
LEFT_BYTES = 1_000
"""Of a call that is over: 1 MB in a thousand."""
COUNTED = [tracemalloc.Filter(True, f"{Path(package.__path__[0])}/*") for package in (bridge, uvicorn, starlette)]
PRETEND = tracemalloc.Filter(False, f"{Path(bridge.__path__[0])}/sim/*")


def held() -> int:
    """Bytes that the house holds now."""
    gc.collect()
    found = tracemalloc.take_snapshot().filter_traces([*COUNTED, PRETEND])
    return sum(trace.size for trace in found.traces)


async def lines_up(world: House, calls: int) -> None:
    """So many calls come in, and their callers wait."""
    for _ in range(calls):
        await world.ring([Wait(8.0), Say("Hello. What are your opening hours?"), Wait(500.0)])
    await asyncio.sleep(12.0)


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
            await lines_up(world, 2)  # whatever comes with the first calls and stays
            before = held()
            await lines_up(world, 8)
            assert len(world.app.services.switchboard.live) == 10
            each = (held() - before) / 8
            await world.app.services.switchboard.end_all()
            return each

    tracemalloc.start()
    try:
        each = loop.run(story())
    finally:
        tracemalloc.stop()
    assert each < LIVE_BYTES


def test_calls_that_are_over_leave_nothing(tmp_path: Path) -> None:
    async def story() -> float:
        async with house(tmp_path, record="off") as world:
            await come_and_go(world, 5)
            before = held()
            await come_and_go(world, 20)
            assert len(world.records()) == 25
            return (held() - before) / 20

    tracemalloc.start()
    try:
        left = loop.run(story())
    finally:
        tracemalloc.stop()
    assert left < LEFT_BYTES
