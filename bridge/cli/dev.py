"""`callbridge dev`: serve an agent while it is being written.

    the front of both listeners (this process)
      |-- serve, newest       new calls
      |-- serve, before it    the calls that it still has; then it ends
      `-- sim model           where there is no key
    tunnel, the number's webhook (put back at the end), a line a turn

With nothing at all it runs: the local engine stands in for the model, and calls come from the browser or `sim phone`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bridge import config
from bridge.config import Settings, is_loopback
from bridge.errors import BridgeError, ConfigError

if TYPE_CHECKING:
    from bridge.cli.dev_number import NumberMeanwhile
    from bridge.cli.generations import Generations
    from bridge.cli.watching import Watch

_HOST = "127.0.0.1"
MODEL = "local-engine"
"""No name of the price table: what the local engine does costs nothing."""


@dataclass(frozen=True, slots=True)
class DevWish:
    """The command line. `tunnel` may be none, or empty for the same."""

    agent: str = ""
    tunnel: str = ""
    number: str = ""
    port: int | None = None
    admin_port: int | None = None
    reload: bool = True
    open_browser: bool = False
    yes: bool = False

    @property
    def tunnelled(self) -> bool:
        """Is a way in from outside to be opened?"""
        return self.tunnel not in ("", "none")


def run(wish: DevWish) -> None:
    """Serve until told to stop. Raises BridgeError for what cannot be begun."""
    sourced = config.load({"agent": wish.agent or None, "port": wish.port, "admin_port": wish.admin_port})
    _check(sourced.settings, wish)
    from bridge.cli.dev_number import NumberMeanwhile, say
    from bridge.cli.stopping import run_until_told

    number = NumberMeanwhile(sourced.settings, _number(sourced.settings, wish), yes=wish.yes)
    number.ask()
    run_until_told(_Dev(wish, sourced, number).serve())
    say("stopped; nothing is left running")


def _check(settings: Settings, wish: DevWish) -> None:
    """What must hold before anything is begun. Raises ConfigError."""
    keys = "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
    if wish.tunnelled and not settings.auth_tokens:
        raise ConfigError(f"a tunnel needs {keys}: without a token nobody can tell Twilio's requests from a stranger's")
    if wish.number and not (settings.twilio_account_sid and settings.auth_tokens):
        raise ConfigError(f"--number needs {keys}: they are what opens the account that owns it")
    if wish.number and not wish.tunnelled and not settings.public_url:
        raise ConfigError("--number needs a way in from outside: give --tunnel ngrok as well, or set PUBLIC_URL")
    if not settings.admin_token and not is_loopback(settings.admin_host):
        raise ConfigError(f"BRIDGE_ADMIN_TOKEN is missing: the admin listener on {settings.admin_host} needs one")


def _number(settings: Settings, wish: DevWish) -> str:
    """The number to be pointed here: the one that is named, or with a tunnel the settings' own."""
    return wish.number or (settings.twilio_phone_number if wish.tunnelled else "")


class _Dev:
    """One run."""

    def __init__(self, wish: DevWish, sourced: config.Sourced, number: NumberMeanwhile) -> None:
        self._wish = wish
        self._settings = sourced.settings
        self._number = number
        self._signed = bool(sourced.settings.auth_tokens)
        self._own_level = "log_level" in sourced.sources
        host = urlsplit(sourced.settings.realtime_url).hostname or ""
        self._local_engine = not sourced.settings.openai_api_key and not is_loopback(host)

    async def serve(self) -> None:
        """Everything, until cancelled. Raises BridgeError."""
        from bridge.cli.dev_number import say
        from bridge.cli.front import Front
        from bridge.cli.generations import Generations
        from bridge.cli.serve import listen
        from bridge.cli.tunnel import tunnel
        from bridge.cli.turn_lines import TurnLines
        from bridge.cli.watching import Watch

        settings, here = self._settings, Path.cwd()
        public = listen(settings.host if self._signed else _HOST, settings.port, "PORT")
        admin = listen(settings.admin_host, settings.admin_port, "BRIDGE_ADMIN_PORT")
        port, admin_port = public.getsockname()[1], admin.getsockname()[1]
        async with AsyncExitStack() as stack:
            fronts = Front(public), Front(admin)
            for front in fronts:
                await front.start()
                stack.push_async_callback(front.stop)
            env = dict(os.environ) | self._told()
            if self._local_engine:
                env |= await stack.enter_async_context(_engine())
            url = settings.public_url or f"http://{_HOST}:{port}"
            if self._wish.tunnelled:
                url = await stack.enter_async_context(tunnel(self._wish.tunnel, port, say))
            watch = Watch(settings.agent, here, settings.data)
            arguments = ["serve", *([settings.agent] if settings.agent else [])]
            lines = TurnLines(lambda line: print(line, flush=True))
            all_ = Generations(
                arguments, env | {"PUBLIC_URL": url}, here, settings.admin_token, fronts, lines.tell, say
            )
            stack.push_async_callback(all_.end)
            await all_.begin()
            stack.push_async_callback(self._number.put_back)  # first of all at the end: nobody rings a closed door
            await self._number.point(url)
            if self._wish.tunnelled:
                await self._look(url, port)
            self._banner(url, f"http://{_HOST}:{admin_port}")
            await self._keep_up(all_, watch)

    def _told(self) -> dict[str, str]:
        """What every process of ours is told, whatever the user's own settings say."""
        told = {
            "BRIDGE_HOST": _HOST,
            "PORT": "0",
            "BRIDGE_ADMIN_HOST": _HOST,
            "BRIDGE_ADMIN_PORT": "0",
            "BRIDGE_INSECURE_DEV": "false" if self._signed else "true",
        }
        return told if self._own_level else told | {"LOG_LEVEL": "warning"}

    async def _look(self, url: str, port: int) -> None:
        """Is the way in sound? What is not is said now, and not by a caller."""
        from bridge.cli.dev_number import say
        from bridge.web.checks.check import look_at_all
        from bridge.web.checks.registry import some_of
        from bridge.web.checks.scene import Scene

        scene = Scene.of(replace(self._settings, public_url=url, port=port))
        for one in await look_at_all(some_of("public-url,websocket,signature"), scene):
            if one.result.level != "ok":
                say(f"{one.check.title}: {one.result.detail}; {one.result.cause}. Fix: {one.result.fix}")
        await scene.close()

    def _banner(self, url: str, console: str) -> None:
        from bridge.cli.dev_number import say

        settings, wish = self._settings, self._wish
        again = "; started anew when its files change" if wish.reload else ""
        say(f"agent    {settings.agent or 'the bundled reception'}{again}")
        model = "the local engine, because OPENAI_API_KEY is not set" if self._local_engine else settings.realtime_model
        say(f"model    {model}")
        say(f"console  {console}  (talk to the agent: {console}/talk)")
        if self._number.number:
            say(f"phone    {self._number.number}, by {url}")
        elif is_loopback(urlsplit(url).hostname or ""):
            say(f"phone    none, because {'there is no tunnel' if self._signed else 'TWILIO_AUTH_TOKEN is not set'}")
            say(f"         a pretend one: callbridge sim phone --public-url {url} --auth-token any")
        else:
            say(f"phone    any that points at {url}/twilio/voice")
        say("Ctrl-C stops")
        if wish.open_browser:
            import webbrowser

            webbrowser.open(console)

    async def _keep_up(self, all_: Generations, watch: Watch) -> None:
        """Begin anew whenever files change, also after the agent has died."""
        mourning = asyncio.create_task(_mourn(all_))
        try:
            if not self._wish.reload:
                await asyncio.get_running_loop().create_future()
            while True:
                await _renew(all_, await watch.changed())
        finally:
            mourning.cancel()
            await asyncio.gather(mourning, return_exceptions=True)


@asynccontextmanager
async def _engine() -> AsyncIterator[dict[str, str]]:
    """The local engine in a process of its own; the settings that lead to it. Raises BridgeError."""
    from bridge.sim.processes import Part

    part = Part("the local engine", ["sim", "model"], dict(os.environ), Path.cwd())
    await part.start()
    try:
        url = "ws:" + await part.says("ws:", 30.0)
        text = url.replace("ws:", "http:", 1).removesuffix("/realtime")
        yield {"REALTIME_URL": url, "REALTIME_MODEL": MODEL, "SUPERVISOR_URL": text, "SUPERVISOR_MODEL": MODEL}
    finally:
        await part.end(3.0)


async def _renew(all_: Generations, changed: list[Path]) -> None:
    from bridge.cli.dev_number import say

    names = ", ".join(path.name for path in changed[:3]) + (" ..." if len(changed) > 3 else "")
    try:
        await all_.begin()
    except BridgeError as error:
        goes_on = "; calls go to it as it was" if all_.newest is not None else ""
        say(f"{names} changed, and {error}{goes_on}")
    else:
        say(f"{names} changed: new calls go to the new agent")


async def _mourn(all_: Generations) -> None:
    while True:
        print(f"{await all_.died()}; it is started again when its files change", file=sys.stderr, flush=True)
