"""Where one test's database is, and how to run a story with it open.

Not in conftest.py: a spawned process imports by name, and there is more than one module of that name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bridge.sim import loop
from bridge.store.database import Database


@dataclass
class House:
    """Where one test's database is, and how to run a story with it open."""

    url: str
    data: Path

    @property
    def is_sqlite(self) -> bool:
        return not self.url

    def run(self, story: Callable[[Database], Awaitable[None]]) -> None:
        """Open the database, tell the story, close it."""

        async def whole() -> None:
            db = await Database.open(self.url, self.data)
            try:
                await story(db)
            finally:
                await db.close()

        if self.is_sqlite:
            loop.run(whole())
        else:
            asyncio.run(whole())
