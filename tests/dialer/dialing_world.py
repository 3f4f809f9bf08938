"""A whole house that dials: the real bridge and its dialer, the pretend carrier and its people, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from house_world import House, house

from bridge.agents.agent import Agent
from bridge.dialer.dialer import Desk
from bridge.sim.brain import Brain
from bridge.sim.plan import Plan
from bridge.store.base import Contact

OURS = "+14155550100"
NOON = 1_796_068_800.0
"""Tuesday, 2026-12-01, 12:00 in California."""
AGENT = Agent("caller", instructions="Call people.", greeting="Hello, is this a good time?")


def epoch(at: float = NOON) -> Callable[[], float]:
    """A clock that shows `at` now, and goes with the loop; it may be read in any thread."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    return lambda: at + loop.time() - began


def person(n: int, **more: Any) -> Contact:
    """The `n`th contact: +1 415 555 0200 and on."""
    return Contact(0, "", n + 2, f"+1415555{200 + n:04d}", zones=("America/Los_Angeles",), **more)


@asynccontextmanager
async def dialing(
    data: Path, *, at: float = NOON, brain: Callable[[], Brain] | None = None, **more: Any
) -> AsyncIterator[tuple[House, Desk]]:
    """The house with its dialer open."""
    options = {
        "agent": AGENT,
        "brain": brain or (lambda: Plan([])),
        "countries": frozenset({"US"}),
        "twilio_phone_number": OURS,
        "calls_per_second": 50.0,
        "clock": epoch(at),
        "record": "off",
    }
    carrier = {"calls_per_second": 50.0, **more.pop("carrier", {})}
    async with house(data, carrier=carrier, **(options | more)) as world:
        await world.until(lambda: world.app.services.dialer.desk is not None)
        desk = world.app.services.dialer.desk
        assert desk is not None
        yield world, desk


async def campaign(desk: Desk, people: list[Contact], **rules: Any) -> str:
    """A running campaign with these people."""
    made = await desk.office.create(
        "spring", "", {"consent": "customers", "concurrency": 20, "cps": 50, **rules}, "tests"
    )
    await desk.office.fill(made.id, people, "tests")
    await desk.office.move(made.id, "start", "tests")
    return made.id


async def over(world: House, desk: Desk, campaign_id: str, limit_s: float = 7200.0) -> None:
    """Wait until the campaign is done."""
    async with asyncio.timeout(limit_s):
        while (await desk.office.find(campaign_id)).state == "running":  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(5.0)
    await desk.ledger.settled()
