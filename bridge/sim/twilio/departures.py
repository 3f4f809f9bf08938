"""The carrier's queue: outbound calls leave it one by one, at the account's calls per second, in the order they came.

A call that is called off while it waits gives its place to those behind it.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Departures:
    """The queue of one account."""

    def __init__(self, calls_per_second: float) -> None:
        self._every_s = 1 / calls_per_second
        self._next_s = 0.0
        """When the next one may leave, by the loop's clock."""
        self._waiting: deque[asyncio.Future[None]] = deque()

    def enter(self) -> tuple[asyncio.Future[None], float]:
        """A call's turn to leave, done when it has come (cancel it to step out), and in how many seconds that is."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        if not self._waiting and loop.time() >= self._next_s:
            turn.set_result(None)
            self._next_s = loop.time() + self._every_s
            return turn, 0.0
        if not self._waiting:
            loop.call_at(self._next_s, self._leave)
        ahead = sum(not other.done() for other in self._waiting)
        self._waiting.append(turn)
        return turn, self._next_s + ahead * self._every_s - loop.time()

    def _leave(self) -> None:
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()
        if self._waiting:
            self._waiting.popleft().set_result(None)
            self._next_s += self._every_s
        if self._waiting:
            asyncio.get_running_loop().call_at(self._next_s, self._leave)
