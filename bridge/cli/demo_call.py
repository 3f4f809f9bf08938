"""The demo's one call: rung by the pretend carrier, followed on the bridge's feed until it is over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2

from bridge.call import facts
from bridge.cli.caller_wish import CallerWish
from bridge.cli.demo_world import DemoWorld
from bridge.cli.feed_reader import feed_events
from bridge.cli.live_view import fact_of
from bridge.errors import BridgeError

T = TypeVar("T")

STALL_S = 45.0
"""No fact for so long (beside a WAV that plays): the call stands still. The longest turn of the score takes 10 s."""
SETTLE_S = 10.0
"""How long the carrier may take to see that a call is over, its last webhooks included."""
PREPARE_S = 60.0
"""Rendering what the caller says, before it rings."""


@dataclass(frozen=True, slots=True)
class DemoCall:
    """What became of the call, as both sides saw it."""

    call_id: str
    carrier: dict[str, Any]


async def place_call(world: DemoWorld, wish: CallerWish, see: Callable[[facts.Fact], None]) -> DemoCall:
    """Ring, tell `see` every fact, wait for the end. Raises BridgeError when a part dies or the call stands still."""
    return await _while_alive(world, _place(world, wish, see))


async def _place(world: DemoWorld, wish: CallerWish, see: Callable[[facts.Fact], None]) -> DemoCall:
    # Nothing of the user's proxies: everything is on this machine.
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=SETTLE_S) as http,
        contextlib.aclosing(feed_events(http, world.admin_url, world.admin_token)) as events,
    ):
        await anext(events)  # "Watching": from here on nothing is missed
        sid = await _ring(http, world, wish)
        call_id = await _follow(events, STALL_S + wish.wav_s, see)
        return DemoCall(call_id, await _carrier_report(http, world, sid))


async def _ring(http: httpx2.AsyncClient, world: DemoWorld, wish: CallerWish) -> str:
    answer = await http.post(f"{world.carrier_url}/sim/calls", json=wish.as_request(), timeout=PREPARE_S)
    body: dict[str, Any] = answer.json()
    if answer.status_code != 201:
        raise BridgeError(f"the pretend carrier could not place the call: {body.get('error', answer.status_code)}")
    return str(body["sid"])


async def _follow(events: AsyncIterator[dict[str, Any]], stall_s: float, see: Callable[[facts.Fact], None]) -> str:
    call_id = ""
    while True:
        try:
            async with asyncio.timeout(stall_s):
                event = await anext(events)
        except TimeoutError:
            what = "the call stands still" if call_id else "the call never reached the bridge"
            raise BridgeError(f"{what}: nothing happened for {stall_s:.0f} s") from None
        except StopAsyncIteration:
            raise BridgeError("the bridge closed its feed in the middle of the call") from None
        fact = fact_of(event)
        if fact is None:
            continue
        see(fact)
        if isinstance(fact, facts.CallBegan):
            call_id = fact.call_id
        elif isinstance(fact, facts.CallEnded):
            return call_id


async def _carrier_report(http: httpx2.AsyncClient, world: DemoWorld, sid: str) -> dict[str, Any]:
    """What the carrier has to say, once it knows that the call is over."""
    try:
        async with asyncio.timeout(SETTLE_S):
            while True:
                report: dict[str, Any] = (await http.get(f"{world.carrier_url}/sim/calls/{sid}")).json()
                if report["status"] not in ("queued", "ringing", "in-progress"):
                    return report
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise BridgeError("the bridge ended the call, but the carrier's line stayed open") from None


async def _while_alive(world: DemoWorld, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, unless a part of the world dies first."""
    task = asyncio.create_task(work)
    deaths = [asyncio.create_task(part.died()) for part in world.parts]
    try:
        await asyncio.wait([task, *deaths], return_when=asyncio.FIRST_COMPLETED)
        if task.done() and not isinstance(task.exception(), httpx2.HTTPError):
            return task.result()
        # A broken connection is told from the side of the part that broke it, if one did.
        done, _ = await asyncio.wait(deaths, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
        for death in done:
            raise death.result()
        raise BridgeError(f"a connection within the demo broke: {task.exception()!r}")
    finally:
        for one in (task, *deaths):
            one.cancel()
        await asyncio.gather(task, *deaths, return_exceptions=True)
