"""A house behind a proxy, with a number of its own, and checks that look at it from a process beside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crooked_proxy import Proxy, proxy
from house_world import NUMBER, House, house

from bridge.config import Settings
from bridge.sim import loop
from bridge.sim.twilio.owned import SimNumber
from bridge.web.checks.check import Result, look
from bridge.web.checks.registry import CHECKS, check_of
from bridge.web.checks.scene import Scene


@dataclass
class CheckWorld:
    """What a story of a check has."""

    house: House
    proxy: Proxy
    settings: Settings
    """As a process beside `serve` reads them."""

    @property
    def number(self) -> SimNumber:
        """The account's number."""
        return self.house.carrier.owned[NUMBER]

    async def check(self, check_id: str, scene: Scene | None = None, **changes: Any) -> Result:
        """One check's result, by settings with these changes."""
        own = scene or Scene.of(replace(self.settings, **changes))
        check = check_of(check_id)
        assert check is not None
        try:
            return (await look(check, own)).result
        finally:
            await own.close()

    async def mend(self, check_id: str, **changes: Any) -> str:
        """Let a check mend what it found."""
        check = check_of(check_id)
        assert check is not None
        assert check.fix is not None
        return await check.fix(Scene.of(replace(self.settings, **changes)))


@asynccontextmanager
async def check_world(
    data: Path, *, carrier: dict[str, Any] | None = None, **changes: Any
) -> AsyncIterator[CheckWorld]:
    """Everything is as it should be; a story spoils one thing."""
    async with proxy() as between:
        numbers = {"owned": (SimNumber(NUMBER), SimNumber("+14155550101", voice=False))}
        base = {"public_url": between.url, "twilio_phone_number": NUMBER}
        async with house(data, carrier=numbers | (carrier or {}), **(base | changes)) as world:
            between.target = world.port
            own = replace(world.app.services.settings, host="127.0.0.1", port=world.port, admin_port=world.admin_port)
            yield CheckWorld(world, between, own)


def told(data: Path, story: Callable[[CheckWorld], Awaitable[None]], **options: Any) -> None:
    """Run a story in virtual time."""

    async def run() -> None:
        async with check_world(data, **options) as world:
            await story(world)

    loop.run(run())


ALL = [check.id for check in CHECKS]
