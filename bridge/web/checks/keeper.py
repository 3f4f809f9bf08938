"""What the checks found last, in the process that serves: for pages that must not wait for them.

Nothing is looked at on its own: a model's session is opened and the carrier asked when somebody wants to know. What
takes no network is looked at anew when the overview is looked at, once a minute, and as soon as the process says
something else of its database than before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from bridge.carriers.registry import Carrier
from bridge.config import Settings
from bridge.web.checks.check import Check, Finding, look, look_at_all
from bridge.web.checks.registry import CHECKS, check_of
from bridge.web.checks.scene import Scene

QUIET = ("data", "database", "certificates", "admin")
"""Checks that take some milliseconds and ask nobody outside, each a thing that can break while calls go on."""
QUIET_S = 60.0
TOGETHER_S = 3.0
"""Rows of one page are asked for within this, and share what they ask the carrier."""


class Keeper:
    """Runs checks for pages, and remembers. `trouble`: what the process says of its database."""

    def __init__(self, settings: Settings, carrier: Carrier, trouble: Callable[[], str]) -> None:
        self._settings = settings
        self._carrier = carrier
        self._trouble = trouble
        self._found: dict[str, Finding] = {}
        self._scene: Scene | None = None
        self._scene_until = 0.0
        self._quiet_until = 0.0
        self._said = ""
        self._looking: asyncio.Task[list[Finding]] | None = None

    def failing(self) -> list[Finding]:
        """What failed when it was last looked at; answers at once."""
        now, said = time.monotonic(), self._trouble()
        if now >= self._quiet_until or said != self._said:
            self._quiet_until, self._said = now + QUIET_S, said
            quiet = [check for check in map(check_of, QUIET) if check is not None]
            self._looking = asyncio.get_running_loop().create_task(self.look(quiet), name="quiet checks")
        return [one for check in CHECKS if (one := self._found.get(check.id)) and one.result.level == "fail"]

    async def look(self, checks: Sequence[Check]) -> list[Finding]:
        """Look at these now."""
        found = await look_at_all(checks, self.scene())
        self._found |= {one.check.id: one for one in found}
        return found

    async def look_at(self, check: Check) -> Finding:
        """Look at one now."""
        one = await look(check, self.scene())
        self._found[check.id] = one
        return one

    def scene(self, *, fresh: bool = False) -> Scene:
        """What is looked at; `fresh`: something was changed, so nothing that was asked before counts."""
        now = time.monotonic()
        if self._scene is None or fresh or now >= self._scene_until:
            self._scene = Scene(self._settings, self._carrier, serving=True, trouble=self._trouble)
            self._scene_until = now + TOGETHER_S
        return self._scene

    async def close(self) -> None:
        """Look at nothing any more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._scene is not None:
            await self._scene.close()
