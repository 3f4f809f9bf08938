"""A pretend carrier and a reference bridge in one loop, for stories."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from reference_bridge import ACCOUNT, PUBLIC_URL, TOKEN, ReferenceBridge
from starlette.routing import Mount

from bridge.sim.carrier import Carrier, CarrierOptions
from bridge.sim.server import Server

CALLER, NUMBER = "+14155550100", "+14155550199"


@asynccontextmanager
async def world(bridge: ReferenceBridge, **options: Any) -> AsyncIterator[Carrier]:
    server = Server([Mount("/", bridge.app())], "127.0.0.1", 0, websockets=True)
    await server.start()
    place = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    defaults: dict[str, Any] = {
        "public_url": PUBLIC_URL,
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "connect": place,
        "calls_per_second": 100.0,
        "on_problem": lambda sid, problem: None,
    }
    carrier = Carrier(CarrierOptions(**(defaults | options)))
    await carrier.start()
    try:
        yield carrier
    finally:
        await carrier.stop()
        await server.stop()
