"""The admin listener of a house in virtual time, asked by programs and by people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from house_world import House, house

from bridge.sim import loop
from bridge.web.access import COOKIE
from bridge.web.routes import Door, SocketDoor

ADMIN = "the-admin-token-of-these-tests"
BROWSER = {"accept": "text/html", "sec-fetch-site": "same-origin"}


@dataclass
class Admin:
    """A house, and a client without any rights."""

    house: House
    http: httpx2.AsyncClient
    base: str

    @property
    def doors(self) -> list[Door | SocketDoor]:
        """Every admin route there is."""
        return [route for route in self.house.app.admin.routes if isinstance(route, Door | SocketDoor)]

    async def token(self, scope: str, name: str = "") -> dict[str, Any]:
        """A new token: its row, with the secret as `token`."""
        answer = await self.http.post(
            "/api/v1/tokens", json={"name": name or f"a {scope}", "scope": scope}, headers=bearer(ADMIN)
        )
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def session(self, secret: str) -> str:
        """Log in as a browser does; what the cookie holds."""
        answer = await self.http.post("/login", data={"token": secret}, headers=BROWSER)
        assert answer.status_code == 303, answer.text
        value = answer.cookies.get(COOKIE)
        assert value
        self.http.cookies.clear()
        return value


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def cookie(value: str) -> dict[str, str]:
    return {"cookie": f"{COOKIE}={value}"}


@asynccontextmanager
async def admin(data: Path, *, token: str = ADMIN, **more: Any) -> AsyncIterator[Admin]:
    async with house(data, admin_token=token, **more) as world:
        base = f"127.0.0.1:{world.admin_port}"
        async with httpx2.AsyncClient(base_url=f"http://{base}", trust_env=False, timeout=60) as http:
            yield Admin(world, http, base)


def inside(data: Path, story: Callable[[Admin], Awaitable[None]], **more: Any) -> None:
    async def whole() -> None:
        async with admin(data, **more) as found:
            await story(found)
        # sse-starlette looks every half second whether uvicorn was told to stop, for as long as the loop runs.
        for task in asyncio.all_tasks():
            if getattr(task.get_coro(), "__name__", "") == "_shutdown_watcher":
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    loop.run(whole())
