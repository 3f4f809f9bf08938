"""Python's collector of garbage has little to look at while people speak, and everything when nobody does."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house_world import house

from bridge.call import events as ev
from bridge.call.limits import Terms
from bridge.cli.collector import AGAIN_S, QUIET_S, Collector
from bridge.live.blackbox import BlackBox
from bridge.observe.timeline import Timeline
from bridge.sim import loop
from bridge.sim.script import Wait


@pytest.fixture
def as_before() -> Iterator[None]:
    """What a server makes of the collector ends with the test."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_everything_is_looked_at_when_nobody_is_on_the_line(tmp_path: Path, as_before: None) -> None:
    looked: list[float] = []

    async def story() -> list[int]:
        now = asyncio.get_running_loop().time

        def told(phase: str, info: dict[str, int]) -> None:
            if phase == "start" and info["generation"] == 2:
                looked.append(now())

        async with house(tmp_path, record="off") as world:
            Collector(world.app.services.switchboard).begin()
            gc.callbacks.append(told)
            try:
                short, long = await world.ring((Wait(2.0),)), await world.ring((Wait(30.0),))
                seen = []
                await short.ended()
                await asyncio.sleep(QUIET_S + 1.0)
                seen.append(len(looked))
                await long.ended()
                await asyncio.sleep(QUIET_S - 1.0)
                seen.append(len(looked))
                await asyncio.sleep(2.0)
                seen.append(len(looked))
                await asyncio.sleep(60.0)
                seen.append(len(looked))
                await asyncio.sleep(AGAIN_S)
                seen.append(len(looked))
                return seen
            finally:
                gc.callbacks.remove(told)

    assert loop.run(story()) == [0, 0, 1, 1, 2], "while one speaks, at once, after a while, then now and then"


class Paper:
    """A growing file without a disk."""

    def __init__(self) -> None:
        self.parts: list[Any] = []

    def append(self, *parts: Any, size: int = 64) -> None:
        self.parts += parts


def test_what_waits_to_be_written_is_nothing_for_the_collector() -> None:
    """Tens of thousands of entries wait at any time when there are some hundred calls; few may be more than values."""
    paper, now = Paper(), 100.0
    box = BlackBox(paper, Terms(), 0.0, now)  # type: ignore[arg-type]
    line = Timeline(paper, lambda: now)  # type: ignore[arg-type]
    for number in range(100):
        for _ in range(10):
            now += 0.02
            box.event(ev.PhoneAudio(bytes(160)), now)
        for event in (
            ev.ModelAudio("resp_1", "item_1", 0, bytes(1600), 200.0),
            ev.AgentText("resp_1", "item_1", f" word {number}"),
            ev.PhoneMark(f"item_1:{number}"),
        ):
            line.message("model", "in", b'{"type":"any"}')
            box.event(event, now)
    assert len(paper.parts) > 2_000
    assert sum(map(gc.is_tracked, paper.parts)) <= 1, "the terms at its beginning"
