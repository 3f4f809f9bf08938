"""What the header of every page tells: where this is, how many calls there are, what today has cost."""

from __future__ import annotations

import asyncio
import time

from starlette.requests import Request

from bridge.config import is_loopback, origin
from bridge.errors import StoreError
from bridge.store.figures import Figures, day_begin
from bridge.web.render import part
from bridge.web.services import Services

KEEP_S = 2.0
"""A sum is taken again after this, however many people watch."""


class Pulse:
    """The figures; `spend_usd` is None until it is known, and while the database cannot be asked."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._good_until = 0.0
        self.spend_usd: float | None = None
        settings = services.settings
        local = is_loopback(origin(settings.realtime_url)[1])
        self.environment = "dev" if settings.insecure_dev else "demo" if local else "live"
        """dev: no signatures; demo: the model is one on this machine; live: callers meet the real thing."""

    @property
    def calls(self) -> int:
        """Live calls of this process."""
        return len(self._s.switchboard.live)

    @property
    def draining(self) -> bool:
        """No more calls are taken."""
        return self._s.switchboard.draining

    async def refresh(self) -> None:
        """Ask the database, unless that was done just now."""
        now = asyncio.get_running_loop().time()
        if now < self._good_until:
            return
        self._good_until = now + KEEP_S
        try:
            self.spend_usd = await Figures(self._s.db).spent(day_begin(time.time()))
        except StoreError:
            self.spend_usd = None

    async def part(self, _: Request) -> str:
        """The live part of every page."""
        await self.refresh()
        return part("parts/pulse.html", "pulse", self)
