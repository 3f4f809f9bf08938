"""The admin API of a house that dials, in virtual time: asked as programs ask it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from dialing_world import dialing
from house_world import House

from bridge.dialer.dialer import Desk
from bridge.sim import loop

THEM = "+14155550200"
HEADER = b"phone_number,first_name,consent_source\r\n"


@dataclass
class Api:
    """The admin API of a house."""

    house: House
    desk: Desk
    http: httpx2.AsyncClient

    async def ask(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        """Ask, and be answered with this status."""
        if method not in ("GET", "PUT"):
            more.setdefault("json", {})
        answer = await self.http.request(method, f"/api/v1{path}", **more)
        assert answer.status_code == status, answer.text
        return answer.json()

    @property
    def dialled(self) -> Counter[str]:
        return Counter(call.to for call in self.house.carrier.calls.values())

    async def until(self, path: str, true: Callable[[Any], bool]) -> Any:
        """Ask again and again until the answer is like this."""
        async with asyncio.timeout(600):
            while not true(found := await self.ask("GET", path)):  # noqa: ASYNC110 - virtual time
                await asyncio.sleep(0.5)
        return found


@asynccontextmanager
async def api(data: Path, **more: Any) -> AsyncIterator[Api]:
    async with (
        dialing(data, **more) as (house, desk),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{house.admin_port}", trust_env=False, timeout=60) as http,
    ):
        yield Api(house, desk, http)


def run(data: Path, story: Callable[[Api], Awaitable[None]], **more: Any) -> None:
    async def whole() -> None:
        async with api(data, **more) as found:
            await story(found)

    loop.run(whole())


def rows(*numbers: int, extra: bytes = b"") -> bytes:
    lines = [f"+1415555{200 + n:04d},Ada {n},signed up\r\n".encode() for n in numbers]
    return HEADER + b"".join(lines) + extra
