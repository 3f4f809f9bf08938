"""A command that runs until it is told to stop: the first signal cancels its work, which then cleans up in peace."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


def run_until_told(work: Coroutine[Any, Any, T]) -> tuple[T | None, int]:
    """Run `work`: its result and 0, or None and the number of the signal that ended it.

    SIGINT, SIGTERM and SIGHUP cancel it once; later ones are ignored, so that what it cleans up (processes, sockets)
    is cleaned up to the end. Every clean-up therefore needs a bound of its own.
    """
    return asyncio.run(_run(work))


async def _run(work: Coroutine[Any, Any, T]) -> tuple[T | None, int]:
    task = asyncio.ensure_future(work)
    told: list[int] = []

    def tell(sign: int) -> None:
        if not told:
            task.cancel()
        told.append(sign)

    on_signals(_signals(), tell)
    try:
        return await task, 0
    except asyncio.CancelledError:
        if not told:
            raise
        return None, told[0]


def on_signals(signs: Iterable[signal.Signals], tell: Callable[[int], None]) -> None:
    """Have the running loop call `tell` with the signal's number.

    By asyncio's documentation a loop on Windows cannot (not tried there): `asyncio.run` cancels its task at Ctrl-C all
    the same, so what cleans up does, but a server does not let its calls finish. README says so.
    """
    for sign in signs:
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(sign, tell, sign)


def _signals() -> list[signal.Signals]:
    found = [signal.SIGINT, signal.SIGTERM]
    # Under `nohup` SIGHUP is ignored, and is to stay so.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        found.append(signal.SIGHUP)
    return found
