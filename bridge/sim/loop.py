"""Virtual time: an event loop whose clock jumps to the next timer when nothing is left to do.

A minute of telephone call takes milliseconds, and timers fire in an order that does not depend on the machine.
The rules:

1. The clock moves only when the loop would sleep. Callbacks take no time.
2. Sockets are real. Before a jump the selector is polled a few times without waiting: on loopback, with both ends in
   this process, whatever has been written is already readable, so nothing is overtaken by a timer. That holds for
   sockets with TCP_NODELAY, which asyncio sets on its own ones; Nagle's algorithm would hold data back in real time.
3. A thread (`asyncio.to_thread`, `run_in_executor`, `loop.hold()`) cannot be seen by the selector. While one is at
   work the clock stands still and the loop waits for real; after `FREEZE_S` real seconds the clock goes on at real
   pace, because the thread may be waiting for a timer of this very loop.
4. A child process lives in real time, so while one runs the clock goes at real pace.
5. Timers of the same instant fire in the order in which they were set (the standard heap does not promise that).
6. A peer in another process that is not a child of this loop cannot be seen at all: use the ordinary loop for that.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, TypeVarTuple

from bridge.errors import BridgeError

T = TypeVar("T")
Args = TypeVarTuple("Args")

POLLS = 3  # looks at the sockets before each jump
FREEZE_S = 2.0  # how long (real) the clock stands still for a thread before it goes on at real pace
LEAK_GRACE_S = 1.0  # how long (virtual) tasks may take to end after the main one has


class VirtualTimeError(BridgeError):
    """Virtual time ran away, stood still, or a task was left behind."""


class _Clock(selectors.DefaultSelector):
    """The selector that owns the clock: where an ordinary one would sleep, this one moves `now`."""

    def __init__(self, freeze_s: float) -> None:
        super().__init__()
        self.now = 0.0
        self._freeze_s = freeze_s
        self.limit_s: float | None = None
        self.stall_s: float | None = None
        self.jobs = 0  # threads at work
        self.job_news = 0.0  # real time when one of them last began or ended
        self.processes: list[asyncio.SubprocessTransport] = []
        self._moved = time.monotonic()  # real time of the last progress

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            self._check_stall()
            return super().select(0)
        for _ in range(POLLS):
            if ready := super().select(0):
                return ready
            time.sleep(0)
        self.processes = [child for child in self.processes if child.get_returncode() is None]
        if self.jobs or self.processes or timeout is None:
            return self._wait(timeout)
        self._advance(timeout)
        return []

    def _wait(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """Sleep for real; returns early with nothing so that guards are looked at now and then."""
        frozen = not self.processes and time.monotonic() - self.job_news < self._freeze_s
        pause = 0.25 if frozen or timeout is None else min(timeout, 0.25)
        began = time.monotonic()
        ready = super().select(pause)
        self._check_stall()
        if timeout is not None and not frozen:
            slept = time.monotonic() - began
            self._advance(min(timeout, slept) if ready else min(timeout, max(slept, pause)))
        return ready

    def _advance(self, by_s: float) -> None:
        self.now += by_s
        self._moved = time.monotonic()
        if self.limit_s is not None and self.now > self.limit_s:
            limit, self.limit_s = self.limit_s, None
            raise VirtualTimeError(f"virtual time ran past its limit of {limit:g} s: something waits for ever")

    def _check_stall(self) -> None:
        if self.stall_s is not None and time.monotonic() - self._moved > self.stall_s:
            stall, self.stall_s = self.stall_s, None
            waiting = f"{self.jobs} thread jobs and {len(self.processes)} processes are at work"
            raise VirtualTimeError(f"virtual time has stood still at {self.now:g} s for {stall:g} real s: {waiting}")


class _Timer(asyncio.TimerHandle):
    """A timer that remembers when it was set, so that equals keep their order."""

    __slots__ = ("_order",)
    _counter = itertools.count()

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context | None,
    ) -> None:
        super().__init__(when, callback, args, loop, context)
        self._order = next(self._counter)

    def __lt__(self, other: object) -> bool:
        if isinstance(other, _Timer):
            return (self.when(), self._order) < (other.when(), other._order)
        return NotImplemented


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time; `time()` starts at 0. See the rules at the top of this file."""

    def __init__(self, *, freeze_s: float = FREEZE_S) -> None:
        self._clock = _Clock(freeze_s)
        super().__init__(self._clock)
        self._clock_resolution = 1e-9  # read by the base class: timers due within it are due now

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._clock.now

    def guard(self, *, limit_s: float | None, stall_s: float | None) -> None:
        """Let the loop raise `VirtualTimeError` past `limit_s` virtual, or `stall_s` real seconds without progress."""
        self._clock.limit_s = limit_s
        self._clock.stall_s = stall_s

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep the clock from jumping while something outside the loop (a thread of a library) is at work."""
        self._job(+1)
        try:
            yield
        finally:
            self._job(-1)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Args], object],
        *args: *Args,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        # Nanoseconds, so that 0.1 + 0.2 and 0.3 are one instant.
        timer = _Timer(round(when, 9), callback, args, self, context)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]  # the base class's own timer heap
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def run_in_executor(  # type: ignore[override]  # the stub's overloads differ between Python versions
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self._job(+1)
        future.add_done_callback(lambda _: self._job(-1))
        return future

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        # From Python 3.12 on this arms a timer of five minutes, which virtual time would jump to.
        with self.hold():
            await super().shutdown_default_executor(*args, **kwargs)

    async def subprocess_exec(self, *args: Any, **kwargs: Any) -> Any:
        with self.hold():
            transport, protocol = await super().subprocess_exec(*args, **kwargs)
        self._clock.processes.append(transport)
        return transport, protocol

    async def subprocess_shell(self, *args: Any, **kwargs: Any) -> Any:
        with self.hold():
            transport, protocol = await super().subprocess_shell(*args, **kwargs)
        self._clock.processes.append(transport)
        return transport, protocol

    def _job(self, change: int) -> None:
        self._clock.jobs += change
        self._clock.job_news = time.monotonic()


def run(main: Coroutine[Any, Any, T], *, limit_s: float = 3600.0, stall_s: float = 30.0) -> T:
    """Run `main` in virtual time, like `asyncio.run`.

    Raises `VirtualTimeError` when virtual time passes `limit_s`, when it stands still for `stall_s` real seconds,
    or when `main` leaves tasks behind that do not end within `LEAK_GRACE_S`.
    """
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualTimeLoop)  # noqa: S101  # the factory above
        loop.guard(limit_s=limit_s, stall_s=stall_s)
        try:
            return runner.run(_without_leaks(main))
        finally:
            loop.guard(limit_s=None, stall_s=None)  # the clean-up below must not be guarded twice


async def _without_leaks(main: Coroutine[Any, Any, T]) -> T:
    result = await main
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        _, left = await asyncio.wait(left, timeout=LEAK_GRACE_S)
    if left:
        names = ", ".join(sorted(f"{task.get_name()} ({task.get_coro()})" for task in left if task is not None))
        raise VirtualTimeError(f"{len(left)} tasks were left behind: {names}")
    return result
