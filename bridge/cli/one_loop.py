"""The whole house in one loop: the bridge under its real servers, the local engine and the pretend carrier.

For tests of agents (`bridge.testing`) and for simulated campaigns; in virtual time where the loop is a virtual one.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bridge.agents.agent import Agent
from bridge.agents.team import Routing
from bridge.app import Bridge, create_app
from bridge.cli.serve import listen
from bridge.config import Settings
from bridge.dialer.patience import Patience
from bridge.sim.brain import Brain
from bridge.sim.carrier import Carrier, CarrierOptions
from bridge.sim.model import ModelOptions, ModelServer
from bridge.sim.plan import Hum
from bridge.sim.voice import Mouth
from bridge.web.server import server

PUBLIC_URL = "https://inner.callbridge.example"
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class OneLoop:
    """The running parts."""

    app: Bridge
    carrier: Carrier
    engine: ModelServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What the house is like. Nothing in it needs a key or a number."""

    data: Path
    agent: Agent | Routing | None = None
    """None: the bundled reception."""
    model: ModelOptions
    brain: Callable[[], Brain] | None = None
    """Thinks in place of the engine's script."""
    mouth: Callable[[], Mouth] = Hum
    """What the engine speaks with."""
    carrier: Callable[[CarrierOptions], CarrierOptions] = lambda options: options
    """Changes what the carrier is set up with."""
    settings: dict[str, Any] = field(default_factory=dict)
    clock: Callable[[], float] = time.time
    patience: Patience = field(default_factory=Patience)
    """How long the dialer waits for what."""


@contextlib.asynccontextmanager
async def one_loop(plot: Plot) -> AsyncIterator[OneLoop]:
    """Open everything, and close it again."""
    account, token = "AC" + secrets.token_hex(16), secrets.token_hex(16)
    public, admin = listen(_HOST, 0, "PORT"), listen(_HOST, 0, "BRIDGE_ADMIN_PORT")
    engine = ModelServer(plot.model, brain=plot.brain, mouth=plot.mouth())
    await engine.start()
    connect = (_HOST, int(public.getsockname()[1]))
    options = CarrierOptions(PUBLIC_URL, account, token, connect, on_problem=_kept)
    carrier = Carrier(plot.carrier(options), mouth=Hum())
    await carrier.start()
    settings = Settings(
        openai_api_key="sk-" + token,
        realtime_url=engine.url,
        realtime_audio="pcmu",
        supervisor_url=engine.text_url,
        supervisor_model="local-engine",
        twilio_account_sid=account,
        twilio_auth_token=token,
        twilio_api_url=carrier.url,
        public_url=PUBLIC_URL,
        data=plot.data,
    )
    app = create_app(replace(settings, **plot.settings), plot.agent, clock=plot.clock, patience=plot.patience)
    servers = [server(a, lifespan=on) for a, on in ((app, "on"), (app.admin, "off"))]
    tasks = [asyncio.create_task(s.serve([sock])) for s, sock in zip(servers, (public, admin), strict=True)]
    try:
        while not all(s.started for s in servers):  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(0.01)
        yield OneLoop(app, carrier, engine)
    finally:
        await carrier.stop()
        for one in servers:
            one.end()
        await asyncio.gather(*tasks)
        await engine.stop()
        carrier.mouth.close()


def _kept(sid: str, problem: object) -> None:
    """Problems are kept with their calls; nothing is printed."""
