"""A house that dials in real time, in a thread, for commands that run as processes of their own."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / "live"), str(Path(__file__).parents[1] / "dialer")]
from dialing_world import NOON, OURS, dialing  # noqa: E402

from bridge.sim.party import Party  # noqa: E402


def somebody(number: str) -> Party:
    """Who is at a number, within a moment: odd ones do not exist, even ones are busy; 9 rings."""
    last = int(number[-1])
    return Party(does="no-answer" if last == 9 else "failed" if last % 2 else "busy", after_s=0.1)


@contextmanager
def dialing_serve(data: Path, **more: Any) -> Iterator[dict[str, str]]:
    """The environment in which commands find it. It is noon in California, whenever this is."""
    ready, stop = threading.Event(), threading.Event()
    found: dict[str, str] = {}
    trouble: list[BaseException] = []

    async def live() -> None:
        options = {"carrier": {"directory": somebody}, "at": NOON, **more}
        async with dialing(data, **options) as (house, _):
            found["BRIDGE_ADMIN_URL"] = f"http://127.0.0.1:{house.admin_port}"
            ready.set()
            while not stop.is_set():  # noqa: ASYNC110 - set in another thread
                await asyncio.sleep(0.02)

    def run() -> None:
        try:
            asyncio.run(live())
        except BaseException as error:
            trouble.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="serve")
    thread.start()
    try:
        assert ready.wait(20), "the house did not open"
        if trouble:
            raise trouble[0]
        yield found | {"BRIDGE_COUNTRIES": "US", "TWILIO_PHONE_NUMBER": OURS, "BRIDGE_DATA": str(data)}
    finally:
        stop.set()
        thread.join(20)


def until(true: Any, limit_s: float = 20.0) -> None:
    """Wait for something that another process or thread does."""
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)
