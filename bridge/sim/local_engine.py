"""The local engine beside a running house: started when somebody first wants to talk to it, in a process of its own."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from bridge.errors import BridgeError, ModelUnreachable
from bridge.sim.processes import Part

READY_S = 30.0
"""A cold start on a slow machine takes some 5 s."""
GRACE_S = 2.0


class LocalEngine:
    """`url()` says where it answers; `close()` ends it. What it thinks with is in the settings (LOCAL_LLM_URL ...)."""

    def __init__(self) -> None:
        self._part: Part | None = None
        self._url = ""
        self._starting = asyncio.Lock()

    async def url(self) -> str:
        """Where it answers, once it does. Raises ModelUnreachable, one sentence."""
        async with self._starting:
            if self._part is not None and self._part.gone:
                await self.close()
            if self._part is None:
                self._part = Part("the local engine", ["sim", "model"], os.environ, Path.cwd())
                try:
                    await self._part.start()
                    self._url = "ws:" + await self._part.says("ws:", READY_S)
                except BridgeError as error:
                    await self.close()
                    raise ModelUnreachable(str(error)) from None
                except asyncio.CancelledError:
                    await self.close()
                    raise
            return self._url

    async def close(self) -> None:
        """End it, if it runs."""
        part, self._part = self._part, None
        if part is not None:
            await part.end(GRACE_S)
