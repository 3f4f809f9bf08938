"""A bridge and a pretend carrier of one's own in this process, on free ports of this machine: for one call or some."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

from bridge.agents.agent import Agent
from bridge.agents.team import Routing
from bridge.app import Bridge, create_app
from bridge.cli.serve import listen, server
from bridge.config import Settings
from bridge.dialer.patience import Patience
from bridge.sim.carrier import Carrier, CarrierOptions
from bridge.sim.voice import Mouth

PUBLIC_URL = "https://bridge.example.com"
"""A name that nobody has: signatures are made for it, and it is reached on this machine."""
SETTLE_S = 600.0
"""Seconds for the files of a call that is over, its analysis among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """In what the world is another one than usual."""

    carrier: Callable[[CarrierOptions], CarrierOptions] = lambda options: options
    """Changes what the carrier is set up with."""
    clock: Callable[[], float] = time.time
    patience: Patience = field(default_factory=Patience)
    """How long the dialer waits for what."""
    tick_s: float = 0.1
    """See `cli.serve.server`."""


@contextlib.asynccontextmanager
async def own_world(
    settings: Settings, agent: Agent | Routing | None, *, mouth: Mouth | None = None, manner: Manner | None = None
) -> AsyncIterator[tuple[Bridge, Carrier]]:
    """Both, running. Of `settings` the carrier's part is replaced; the model's is used as it is.

    `agent`: None is the one that the settings name.
    """
    how = manner or Manner()
    account, token = "AC" + secrets.token_hex(16), secrets.token_hex(16)
    public, admin = listen("127.0.0.1", 0, "PORT"), listen("127.0.0.1", 0, "BRIDGE_ADMIN_PORT")
    connect = ("127.0.0.1", int(public.getsockname()[1]))
    options = CarrierOptions(PUBLIC_URL, account, token, connect, on_problem=_kept)
    carrier = Carrier(how.carrier(options), mouth=mouth)
    await carrier.start()
    own = replace(
        settings,
        twilio_account_sid=account,
        twilio_auth_token=token,
        twilio_api_url=carrier.url,
        public_url=PUBLIC_URL,
    )
    app = create_app(own, agent, clock=how.clock, patience=how.patience)
    servers = [server(one, lifespan=on, tick_s=how.tick_s) for one, on in ((app, "on"), (app.admin, "off"))]
    tasks = [asyncio.create_task(s.serve([sock])) for s, sock in zip(servers, (public, admin), strict=True)]
    try:
        while not all(s.started for s in servers):  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(0.01)
        yield app, carrier
    finally:
        await carrier.stop()
        for one in servers:
            one.should_exit = True
        await asyncio.gather(*tasks)


async def settled(app: Bridge) -> None:
    """Every call is over, and all that is written of it is on the disk."""
    async with asyncio.timeout(SETTLE_S):
        while app.services.switchboard.live or app.services.analyst.running:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0)
    await app.services.disk.drained()


def _kept(sid: str, problem: object) -> None:
    """Problems are in `call.problems`; nothing is printed."""
