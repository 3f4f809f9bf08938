"""The processes of `callbridge dev`: the newest serves, those before it finish their calls.

One that does not start leaves the one before it in place: a misspelt word in the agent costs nobody a call.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from bridge.cli.feed_reader import feed_events
from bridge.cli.front import Backs, Front
from bridge.cli.live_view import fact_of
from bridge.errors import BridgeError
from bridge.sim.processes import Part

READY_S = 30.0
END_S = 12.0
"""`serve` gives live calls 2 s, their goodbyes 3 s and its sockets 2 s when it is told twice."""
AGAIN_S = 1.0
WATCHED_S = 3.0


@dataclass
class Generation:
    """One `serve` and the calls it has."""

    part: Part
    port: int
    admin_port: int
    following: asyncio.Task[None] | None = None
    watched: asyncio.Event = field(default_factory=asyncio.Event)
    """Its calls are followed."""
    leaving: bool = False


class Generations:
    """All processes, and the two fronts that hand requests to them."""

    def __init__(
        self,
        arguments: list[str],
        env: Mapping[str, str],
        folder: Path,
        token: str,
        fronts: tuple[Front, Front],
        tell: Callable[[str, Any], None],
        say: Callable[[str], None],
    ) -> None:
        """`token` opens their admin listeners. `tell` gets every fact with its call's id; `say` a line for people."""
        self._arguments = arguments
        self._env = env
        self._folder = folder
        self._token = token
        self._fronts = fronts
        self._tell = tell
        self._say = say
        self._all: list[Generation] = []
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def newest(self) -> Generation | None:
        """Who takes new calls."""
        return next((one for one in reversed(self._all) if not one.leaving), None)

    async def begin(self) -> None:
        """Start a new process, and let the one before it finish. Raises BridgeError: it stays as it was."""
        part = Part("the agent", self._arguments, self._env, self._folder, echo=self._echo)
        await part.start()
        try:
            port = await _port(part, "public ")
            made = Generation(part, port, await _port(part, "admin "))
        except BaseException:
            await part.end(2.0)
            raise
        made.following = asyncio.create_task(self._follow(made))
        with contextlib.suppress(TimeoutError):  # then its first call is not followed from its first moment on
            async with asyncio.timeout(WATCHED_S):
                await made.watched.wait()
        before, self._all = self._all, [*self._all, made]
        for one in before:
            self._leave(one)
        self._route()

    async def died(self) -> str:
        """Wait until the newest process ends by itself, which it should not; the sentence about that."""
        while True:
            newest = self.newest
            if newest is None:
                await asyncio.sleep(AGAIN_S)
                continue
            error = await newest.part.died("ended")
            if newest.leaving:
                continue
            newest.leaving = True
            await self._gone(newest)
            return str(error)

    async def end(self) -> None:
        """End all of them: what goes on is ended in order."""
        for one in self._all:
            one.part.tell_to_stop()
        for one in self._all:
            one.part.tell_to_stop()  # told twice: calls are not waited for
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        await asyncio.gather(*(one.part.end(END_S) for one in self._all), return_exceptions=True)
        for one in self._all:
            await _cancelled(one.following)

    def _leave(self, one: Generation) -> None:
        if not one.leaving:
            one.leaving = True
            one.part.tell_to_stop()
            task = asyncio.create_task(self._left(one))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _left(self, one: Generation) -> None:
        await one.part.died()
        await self._gone(one)

    async def _gone(self, one: Generation) -> None:
        self._all.remove(one)
        self._route()
        await _cancelled(one.following)
        await one.part.end(1.0)

    def _route(self) -> None:
        public, admin = self._fronts
        order = [one for one in reversed(self._all) if not one.leaving]
        order += [one for one in reversed(self._all) if one.leaving]
        public.backs = Backs(tuple(one.port for one in order))
        admin.backs = Backs(tuple(one.admin_port for one in order))

    # ---- what they say

    def _echo(self, line: str) -> None:
        """A line of a process's log, for people."""
        if line.startswith(("public ", "admin ")):
            return
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            self._say(line)
            return
        known = {"event", "level", "logger", "timestamp"}
        facts = " ".join(f"{name}={value}" for name, value in entry.items() if name not in known)
        self._say(f"{entry.get('level', '')}: {entry.get('event', '')}{' ' + facts if facts else ''}")

    async def _follow(self, one: Generation) -> None:
        """Tell what happens in its calls, as long as it lives."""
        url = f"http://127.0.0.1:{one.admin_port}"
        async with httpx2.AsyncClient(trust_env=False) as http:
            while True:
                with contextlib.suppress(httpx2.HTTPError, BridgeError):
                    async for event in feed_events(http, url, self._token):
                        one.watched.set()
                        fact = fact_of(event)
                        if fact is not None:
                            self._tell(str(event.get("call_id", "")), fact)
                await asyncio.sleep(AGAIN_S)


async def _port(part: Part, beginning: str) -> int:
    return int((await part.says(beginning, READY_S)).rpartition(":")[2])


async def _cancelled(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
