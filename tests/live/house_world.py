"""The whole house in one loop: the real bridge under its real server, the local engine, the pretend carrier."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.agents.agent import Agent
from bridge.app import Bridge, create_app
from bridge.cli.serve import listen
from bridge.config import Settings
from bridge.quiet_server import QuietServer
from bridge.sim.brain import Brain
from bridge.sim.carrier import Carrier, CarrierOptions
from bridge.sim.engine.record import SessionRecord
from bridge.sim.model import ModelOptions, ModelServer
from bridge.sim.network import Network
from bridge.sim.phone import Phone
from bridge.sim.plan import Hum
from bridge.sim.script import Caller, Score
from bridge.sim.twilio.call import SimCall
from bridge.store.folder import TIMELINE, TRANSCRIPT
from bridge.web.server import server

ACCOUNT, TOKEN = "AC" + "0" * 32, "a-token-of-the-tests"
PUBLIC_URL = "https://bridge.example.com"
CALLER, NUMBER = "+14155550123", "+14155550100"


@dataclass
class House:
    """The running house and its pretend world."""

    app: Bridge
    carrier: Carrier
    model: ModelServer
    port: int
    admin_port: int
    data: Path
    between: Network
    """The way between the carrier and us, when asked for."""

    async def ring(self, score: Score = (), *, phone: Phone | None = None) -> SimCall:
        """A call comes in; its caller follows the score."""
        caller = Caller(score, self.carrier.mouth)
        await caller.prepare()
        return await self.carrier.ring(CALLER, NUMBER, phone=phone or Phone(caller))

    @property
    def session(self) -> SessionRecord:
        """The first session the model saw."""
        return self.model.sessions[0]

    def told(self, call: SimCall, words: str) -> bool:
        """Did an answer document of ours hold these words?"""
        return any(words.encode() in exchange.body for exchange in call.webhooks)

    async def written(self) -> None:
        """Everything is on the disk, and every session is closed."""
        await self.until(lambda: not self.app.services.switchboard.live)
        await self.until(lambda: all(s.close is not None for s in self.model.sessions))
        await self.until(lambda: not self.app.services.analyst.running)
        await asyncio.sleep(0)
        await self.app.services.disk.drained()

    async def until(self, true: Callable[[], bool], limit_s: float = 60.0) -> None:
        """Wait, in the loop's time, for something to become true."""
        async with asyncio.timeout(limit_s):
            while not true():  # noqa: ASYNC110 - any condition, in virtual time
                await asyncio.sleep(0.01)

    def records(self) -> list[dict[str, Any]]:
        """Every call's record, oldest first."""
        folders = self.app.services.folders
        return [folders.read(call_id) for call_id in reversed(folders.ids())]

    def transcript(self, index: int = 0) -> list[dict[str, Any]]:
        """One call's transcript, in order of turns."""
        lines = self.app.services.folders.lines(self.records()[index]["id"], TRANSCRIPT)
        return sorted(lines, key=lambda line: line["turn"])

    def timeline(self, index: int = 0) -> list[dict[str, Any]]:
        """One call's timeline."""
        return list(self.app.services.folders.lines(self.records()[index]["id"], TIMELINE))


def settings(data: Path, model_url: str, **changes: Any) -> Settings:
    """Settings of a house on loopback."""
    fields: dict[str, Any] = {
        "openai_api_key": "sk-tests",
        "realtime_url": model_url,
        "realtime_audio": "pcmu",
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": TOKEN,
        "public_url": PUBLIC_URL,
        "data": data,
        "record": "stereo",
    }
    return Settings(**(fields | changes))


@asynccontextmanager
async def house(
    data: Path,
    *,
    agent: Agent | None = None,
    model: ModelOptions | None = None,
    model_url: str = "",
    carrier: dict[str, Any] | None = None,
    networked: bool = False,
    lane: bool = True,
    brain: Callable[[], Brain] | None = None,
    clock: Callable[[], float] = time.time,
    **changes: Any,
) -> AsyncIterator[House]:
    """Open everything, and close it again. `brain` thinks in place of the engine's script, and hums what it says."""
    engine = ModelServer(model or ModelOptions(ears="energy", keep=True), brain=brain, mouth=Hum() if brain else None)
    await engine.start()
    public, admin = listen("127.0.0.1", 0, "PORT"), listen("127.0.0.1", 0, "BRIDGE_ADMIN_PORT")
    port, admin_port = public.getsockname()[1], admin.getsockname()[1]
    between = Network(("127.0.0.1", port))
    await between.start()
    options: dict[str, Any] = {
        "public_url": changes.get("public_url", PUBLIC_URL),
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "connect": between.address if networked else ("127.0.0.1", port),
        "on_problem": lambda sid, problem: None,
    }
    pretend = Carrier(CarrierOptions(**(options | (carrier or {}))))
    await pretend.start()
    app = create_app(settings(data, model_url or engine.url, twilio_api_url=pretend.url, **changes), agent, clock=clock)
    servers: list[QuietServer] = [server(app, lifespan="on", lane=lane), server(app.admin, lifespan="off")]
    tasks = [asyncio.create_task(s.serve([sock])) for s, sock in zip(servers, (public, admin), strict=True)]
    world = House(app, pretend, engine, port, admin_port, data, between)
    try:
        await world.until(lambda: all(s.started for s in servers))
        yield world
    finally:
        await pretend.stop()
        await between.stop()
        for s in servers:
            s.end()
        await asyncio.gather(*tasks)
        await engine.stop()
