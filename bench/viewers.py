"""What people who follow calls cost the calls: `python -m bench.viewers [calls] [viewers] [seconds]`.

One process has the bridge with its pretend carrier and the local engine, in real time; another one has the viewers,
each with the words and the sound of one call. Measured is how long the loop in which all calls live
works at a time (no frame waits for longer than that), without viewers and with them, in turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TICK_S = 0.005
ROUNDS = 3


def main(calls: int = 20, viewers: int = 20, seconds: float = 12.0) -> None:
    """Measure and print."""
    sys.path[:0] = [str(ROOT / "tests" / "live")]
    asyncio.run(_measure(calls, viewers, seconds))


async def _measure(calls: int, viewers: int, seconds: float) -> None:
    from house_world import house  # type: ignore[import-not-found]

    from bridge.agents.agent import Agent
    from bridge.sim.plan import Plan
    from bridge.sim.script import Listen, Noise, Say, Wait

    agent = Agent("bench", "Talk.", greeting="Hello. " * 40)
    lags: dict[str, list[float]] = {"without": [], "with": []}
    cpu: dict[str, list[float]] = {"without": [], "with": []}
    with tempfile.TemporaryDirectory() as folder:
        async with house(Path(folder), agent=agent, brain=lambda: Plan([]), record="off") as world:
            score = (Listen(), *((Noise(1.0, -25.0), Say("Go on."), Wait(2.0)) * 200))
            for _ in range(calls):
                await world.ring(score)
                await asyncio.sleep(0.05)
            await world.until(lambda: len(world.app.services.switchboard.live) == calls)
            watched = world.app.services.switchboard.live[0]
            for _ in range(ROUNDS):
                cpu["without"].append(await _work(lags["without"], seconds / 2))
                command = [sys.executable, __file__, "view", str(world.admin_port), watched.info.call_id, str(viewers)]
                view = await asyncio.create_subprocess_exec(*command)
                try:
                    async with asyncio.timeout(30):
                        while world.app.services.audience.listeners(watched) < viewers:  # noqa: ASYNC110
                            await asyncio.sleep(0.1)
                    await asyncio.sleep(1.0)
                    cpu["with"].append(await _work(lags["with"], seconds))
                finally:
                    view.terminate()
                    await view.wait()
                    await asyncio.sleep(0.5)
    print(f"{calls} calls; {viewers} viewers of one of them, each with its words and its sound")
    for name in ("without", "with"):
        lag = sorted(lags[name])
        print(f"  {name:<8} loop busy ms: p50 {_at(lag, 0.5):.2f}  p99 {_at(lag, 0.99):.2f}  max {lag[-1]:.2f}", end="")
        print(f"   CPU {100 * sum(cpu[name]) / len(cpu[name]):.1f} % of a core")
    added = _at(sorted(lags["with"]), 0.99) - _at(sorted(lags["without"]), 0.99)
    print(f"  added at p99: {added:.2f} ms (target: under 10)")


async def _work(lags: list[float], seconds: float) -> float:
    """Notes lags for so long; what share of a core this process took."""
    began, cpu = time.perf_counter(), time.process_time()
    lags += await _lag(seconds)
    return (time.process_time() - cpu) / (time.perf_counter() - began)


async def _lag(seconds: float) -> list[float]:
    """How much the loop's thread worked between two rings of a timer, in ms of its own CPU time.

    A frame that comes meanwhile waits no longer than that. (How late the timer rings would also tell of others who use
    this machine; rings that came late by their doing are left out.)
    """
    loop = asyncio.get_running_loop()
    found = []
    end = loop.time() + seconds
    at, worked = loop.time(), time.thread_time()
    while loop.time() < end:
        await asyncio.sleep(TICK_S)
        now, work = loop.time(), time.thread_time()
        if now - at < 4 * TICK_S:
            found.append((work - worked) * 1000)
        at, worked = now, work
    return found


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


async def _view(port: int, call_id: str, viewers: int) -> None:
    import httpx2
    from websockets.asyncio.client import connect

    async def listen() -> None:
        url = f"ws://127.0.0.1:{port}/api/v1/calls/{call_id}/audio"
        async with connect(url, compression=None, proxy=None) as socket:
            async for _ in socket:
                pass

    async def read(http: httpx2.AsyncClient) -> None:
        async with http.stream("GET", f"http://127.0.0.1:{port}/feed?call={call_id}", timeout=None) as answer:
            async for _ in answer.aiter_lines():
                pass

    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(limits=limits, trust_env=False) as http:
        with contextlib.suppress(Exception):  # the house went
            await asyncio.gather(*(listen() for _ in range(viewers)), *(read(http) for _ in range(viewers)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["view"]:
        asyncio.run(_view(int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
    else:
        main(*(int(word) for word in sys.argv[1:]))
