"""Opens what tools come from before the first call, and keeps trying where that did not work.

A server of tools that is down when we start must not keep the phones from being answered: it is told in the log, calls
begin without its tools, and it is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from bridge.errors import ToolError
from bridge.tools.base import ToolSource

log = logging.getLogger(__name__)

AGAIN_S = 15.0
"""Pause before a source that could not be opened is tried again."""
CLOSE_S = 5.0


class Sources:
    """The sources of one process."""

    def __init__(self, sources: Sequence[ToolSource]) -> None:
        self._sources = sources
        self._open: list[ToolSource] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Try each once; those that fail are tried again in the background."""
        opened = await asyncio.gather(*(self._try(source) for source in self._sources))
        late = [source for source, there in zip(self._sources, opened, strict=True) if not there]
        self._tasks = [asyncio.create_task(self._keep_trying(source)) for source in late]

    async def _try(self, source: ToolSource) -> bool:
        try:
            await source.open()
        except ToolError as error:
            log.warning("tools cannot be had", extra={"source": source.name, "error": str(error)})
            return False
        self._open.append(source)
        log.info("tools are there", extra={"source": source.name, "tools": [tool.name for tool in source.tools]})
        return True

    async def _keep_trying(self, source: ToolSource) -> None:
        there = False
        while not there:
            await asyncio.sleep(AGAIN_S)
            there = await self._try(source)

    async def close(self) -> None:
        """Close what is open; one that does not let go is left."""
        for task in self._tasks:
            task.cancel()
        for source in self._open:
            try:
                async with asyncio.timeout(CLOSE_S):
                    await source.close()
            except (TimeoutError, ToolError) as error:
                log.warning("tools were not let go of", extra={"source": source.name, "error": str(error)})
