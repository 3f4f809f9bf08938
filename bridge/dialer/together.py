"""Many who ask at the same time are answered by one transaction.

While an answer is under way, whoever else asks waits for the next one, and that one answers them all. So nobody waits
longer than for two transactions, and under load a transaction is shared by as many as there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Answer = TypeVar("Answer")


class Together(Generic[Key, Answer]):
    """`answer` is asked for some keys at once; what it raises, everybody who asked is told."""

    def __init__(self, answer: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Answer]]]) -> None:
        self._answer = answer
        self._waiting: dict[Key, asyncio.Future[Answer | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def ask(self, key: Key) -> Answer | None:
        """The answer for this key; None when there is none."""
        found = self._waiting.get(key)
        if found is None:
            found = self._waiting[key] = asyncio.get_running_loop().create_future()
            # Whoever asked may be cancelled, and then nobody is there to be told.
            found.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await asyncio.shield(found)

    async def _run(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting, {}
            try:
                answers = await self._answer(list(asked))
            except BaseException as error:
                for future in asked.values():
                    future.set_exception(error if isinstance(error, Exception) else asyncio.CancelledError())
                if not isinstance(error, Exception):
                    raise
            else:
                for key, future in asked.items():
                    future.set_result(answers.get(key))
