"""What a call has running beside its events: the model's socket being opened, tools, and what is looked up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)


def _nobody() -> None:
    """Is told, and does nothing."""


class Chores:
    """The tasks of one call. One that fails by a fault of ours is logged, and `failed` is told."""

    __slots__ = ("_call_id", "_failed", "_tasks")

    def __init__(self, call_id: str, failed: Callable[[], None]) -> None:
        self._call_id = call_id
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Awaitable[None]) -> None:
        """Begin, and let go when it is done."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a call's task failed", exc_info=task.exception(), extra={"call_id": self._call_id})
            self._failed()

    def end(self) -> None:
        """Cancel what still runs; nobody is told any more."""
        self._failed = _nobody
        for task in self._tasks:
            task.cancel()
