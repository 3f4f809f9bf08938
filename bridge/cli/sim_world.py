"""`callbridge sim world`: the whole pretend world, kept running, so that every other command has somebody to talk to.

Local engine, bridge and pretend carrier, each in a process of its own, at the ports where commands look by themselves;
people answer when they are called.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from bridge.cli.demo_world import WorldPlan, demo_world
from bridge.cli.given import for_server
from bridge.cli.stopping import run_until_told


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldWish:
    """What the world shall be like."""

    data: Path
    agent: str = ""
    port: int = 8080
    admin_port: int = 8081
    seed: int = 1
    share: str = ""
    cps: float = 1.0
    countries: str = "US"


def run(wish: WorldWish) -> int:
    """Keep it running until told to stop."""
    here = replace(wish, data=wish.data.resolve(), agent=for_server(wish.agent))
    _, sign = run_until_told(_keep(here))
    print("stopped; nothing is left running", file=sys.stderr)
    return 128 + sign if sign and sign != 2 else 0


async def _keep(wish: WorldWish) -> None:
    people = ["--crowd", str(wish.seed), "--cps", f"{wish.cps:g}"] + (["--share", wish.share] if wish.share else [])
    settings = {
        "BRIDGE_COUNTRIES": wish.countries,
        "BRIDGE_CPS": f"{wish.cps:g}",
        "TWILIO_PHONE_NUMBER": "+14155550100",
        "BRIDGE_DRAIN_S": "2",
    }
    if wish.agent:
        settings["BRIDGE_AGENT"] = wish.agent
    plan = WorldPlan(
        data=wish.data,
        public_port=wish.port,
        admin_port=wish.admin_port,
        open_admin=True,
        carrier_flags=tuple(people),
        settings=settings,
    )
    async with demo_world(plan, _tell) as world:
        print(f"talk to the agent: {world.admin_url}/talk", flush=True)
        print(f"admin {world.admin_url}   carrier {world.carrier_url}   from +14155550100; Ctrl-C ends it", flush=True)
        watching = [asyncio.ensure_future(part.died("has ended")) for part in world.parts]
        try:
            ended, _ = await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for watch in watching:
                watch.cancel()
        raise ended.pop().result()


def _tell(text: str) -> None:
    sys.stderr.write(text)
