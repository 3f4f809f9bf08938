"""The world of `callbridge demo`: the local model, the bridge and the pretend carrier, each in a process of its own.

Keys are made for this one run and PUBLIC_URL is a name nobody has, reached at a loopback address; signatures, tokens
and documents are those of production. Nothing of the user's own set-up gets in: settings are taken out of the
environment, and the parts run in an empty folder, where there is no `.env` and no `callbridge.toml`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from bridge.config import Settings
from bridge.sim.processes import Part

READY_LIMIT_S = 30.0
"""A cold start on a slow machine takes some 5 s."""
GRACE_S = 6.0
"""`serve` gives a live call 1 s, its goodbye 3 s and its sockets 2 s; the others are quicker."""
HURRIED_GRACE_S = 2.0
PUBLIC_URL = "https://demo.callbridge.example"
MODEL = "local-engine"
"""No name of the price table: what the local engine does costs nothing, and nobody shall be told a price."""
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class DemoWorld:
    """Where the running parts are reached. `ears`: what the local model hears with."""

    parts: tuple[Part, ...]
    carrier_url: str
    admin_url: str
    admin_token: str
    ears: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldPlan:
    """What the world shall be like. Ports that are 0 are free ones."""

    data: Path
    """BRIDGE_DATA, absolute."""
    audio: str = "pcmu"
    dialect: str = "ga"
    public_port: int = 0
    admin_port: int = 0
    open_admin: bool = False
    """The admin listener wants no token: it is on this machine, and commands find it by themselves."""
    carrier_flags: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    """More settings of the bridge, by their names in the environment."""


@contextlib.asynccontextmanager
async def demo_world(plan: WorldPlan, tell: Callable[[str], None]) -> AsyncIterator[DemoWorld]:
    """Start the three, wait until all are ready, end them whatever happens. Raises BridgeError when one does not start.

    `tell` shows progress as it is given, line ends included.
    After the block every file of a finished call is whole.
    """
    free = _free_ports(4)
    model_port, carrier_port = free[:2]
    public_port, admin_port = plan.public_port or free[2], plan.admin_port or free[3]
    sid, auth_token = "AC" + secrets.token_hex(16), secrets.token_hex(16)
    key, admin_token = "sk-demo-" + secrets.token_hex(16), "" if plan.open_admin else secrets.token_urlsafe(24)
    account = {"PUBLIC_URL": PUBLIC_URL, "TWILIO_ACCOUNT_SID": sid, "TWILIO_AUTH_TOKEN": auth_token}
    env = foreign_env()
    bridge_env = account | {
        "OPENAI_API_KEY": key,
        "REALTIME_URL": f"ws://{_HOST}:{model_port}/v1/realtime",
        "REALTIME_MODEL": MODEL,
        "SUPERVISOR_URL": f"http://{_HOST}:{model_port}/v1",
        "SUPERVISOR_MODEL": MODEL,
        "REALTIME_AUDIO": plan.audio,
        "REALTIME_DIALECT": plan.dialect,
        "TWILIO_API_URL": f"http://{_HOST}:{carrier_port}",
        "BRIDGE_HOST": _HOST,
        "PORT": str(public_port),
        "BRIDGE_ADMIN_HOST": _HOST,
        "BRIDGE_ADMIN_PORT": str(admin_port),
        "BRIDGE_ADMIN_TOKEN": admin_token,
        "BRIDGE_DATA": str(plan.data),
        "BRIDGE_RECORD": "stereo",
        "BRIDGE_DRAIN_S": "1",
        **plan.settings,
    }
    with tempfile.TemporaryDirectory(prefix="callbridge-demo-", ignore_cleanup_errors=True) as empty:
        here = Path(empty)
        ports = ["--host", _HOST, "--port"]
        model = Part("the local model", ["sim", "model", *ports, str(model_port), "--require-key", key], env, here)
        serve = Part("the bridge", ["serve"], env | bridge_env, here)
        connect = ["--connect", f"{_HOST}:{public_port}"]
        flags = [*ports, str(carrier_port), *connect, *plan.carrier_flags]
        carrier = Part("the pretend carrier", ["sim", "carrier", *flags], env | account, here)
        parts = (model, serve, carrier)
        try:
            # All at once: starting takes a second each, most of it imports.
            for part in parts:
                await part.start()
            ears, admin, carrier_url = await _ready(*parts, tell)
            tell(f"ready to ring: {plan.audio} sound, {plan.dialect} dialect\n")
            yield DemoWorld(parts, carrier_url, admin, admin_token, ears)
        finally:
            await _end(parts)


async def _ready(model: Part, serve: Part, carrier: Part, tell: Callable[[str], None]) -> tuple[str, str, str]:
    """Wait for all three: the model's ears, the admin listener's URL, the carrier's URL."""
    answers = []
    for part, beginning, shown in ((model, "ears:", "ears: "), (serve, "admin ", "admin: "), (carrier, "http:", "")):
        tell(f"starting {part.name} ... ")
        try:
            answers.append(await part.says(beginning, READY_LIMIT_S))
        except BaseException:
            tell("\n")  # what comes next begins a line of its own
            raise
        tell(f"ready ({shown}{answers[-1]})\n" if shown else "ready\n")
    ears, admin, carrier_url = answers
    return ears, admin, f"http:{carrier_url}"


async def _end(parts: tuple[Part, ...]) -> None:
    """The carrier first: its hanging up ends the call in order. Then the bridge, which writes its files."""
    hurried = False
    for part in reversed(parts):
        try:
            await part.end(HURRIED_GRACE_S if hurried else GRACE_S)
        except asyncio.CancelledError:  # told to stop while ending: this part is killed, the others still need us
            hurried = True
    if hurried:
        raise asyncio.CancelledError


def foreign_env() -> dict[str, str]:
    """Our environment without anything that is a setting of callbridge."""
    ours = {field.metadata["env"] for field in fields(Settings)}
    return {name: value for name, value in os.environ.items() if not _is_setting(name, ours)}


def _is_setting(name: str, ours: set[str]) -> bool:
    plain = name.removesuffix("_FILE")
    return plain in ours or name.startswith(("BRIDGE_", "TWILIO_", "REALTIME_"))


def _free_ports(count: int) -> list[int]:
    """Ports that are free now; all are held until the last is found, so that none comes twice."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((_HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]
