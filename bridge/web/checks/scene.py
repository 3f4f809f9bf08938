"""What checks look at. Made for one run: what several checks need is asked for once, and is not older than the run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import httpx2

from bridge.carriers.base import AccountFacts, OwnedNumber
from bridge.carriers.registry import CARRIERS, Carrier
from bridge.config import Settings, is_loopback
from bridge.errors import CarrierError, StoreError
from bridge.store.identity import Identity, new_nonce
from bridge.store.number_book import NumberBook
from bridge.web.number_desk import NumberDesk

T = TypeVar("T")
Local = Literal["ours", "other", "nobody"]
HTTP_S = 4.0
"""A little less than a check may take: so it can say what did not answer."""
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a listener on all addresses is reached at


@dataclass
class Scene:
    """One run's surroundings. `serving`: these checks run inside the process that serves."""

    settings: Settings
    carrier: Carrier
    serving: bool = False
    trouble: Callable[[], str] = lambda: ""
    """What the serving process says of its database; empty when all is well."""
    clock: Callable[[], float] = time.time
    identity: Identity = field(init=False)
    desk: NumberDesk = field(init=False)
    _asked: dict[str, asyncio.Task[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.identity = Identity(self.settings.data)
        self.desk = NumberDesk(self.carrier.control, NumberBook(self.settings.data))

    @classmethod
    def of(cls, settings: Settings) -> Scene:
        """For a command: nothing of it runs yet."""
        return cls(settings, CARRIERS["twilio"](settings))

    # ---- what several checks need

    async def account(self) -> AccountFacts:
        """The carrier's account. Raises CarrierError."""
        return await self._once("account", lambda: _soon(self.carrier.control.account()))

    async def numbers(self) -> list[OwnedNumber]:
        """The account's numbers. Raises CarrierError."""
        return await self._once("numbers", lambda: _soon(self.carrier.control.numbers()))

    async def local(self) -> Local:
        """Who answers on our public port, on this machine?"""
        if self.serving:
            return "ours"
        return await self._once("local", self._ask_locally)

    async def _once(self, name: str, ask: Callable[[], Awaitable[T]]) -> T:
        if name not in self._asked:
            self._asked[name] = asyncio.ensure_future(ask())
        found: T = await asyncio.shield(self._asked[name])  # one check's time-out is not the others'
        return found

    async def close(self) -> None:
        """Ask for nothing any more."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)

    async def _ask_locally(self) -> Local:
        host = _ANYWHERE.get(self.settings.host, self.settings.host)
        host = f"[{host}]" if ":" in host else host
        return await self.is_ours(f"http://{host}:{self.settings.port}")

    async def is_ours(self, base: str) -> Local:
        """Who answers at this URL of this machine?"""
        nonce = new_nonce()
        try:
            async with self.http(base) as http:
                answer = await http.get(f"{base}/healthz", params={"nonce": nonce})
            given = str(answer.json().get("answer", ""))
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            return "nobody"
        except (httpx2.HTTPError, ValueError, AttributeError):
            return "other"
        return "ours" if await self.answered_by_us(nonce, given) else "other"

    async def answered_by_us(self, nonce: str, given: str) -> bool:
        """Did a process of this data folder say so? False as well where the folder keeps no key."""
        try:
            return await asyncio.to_thread(self.identity.answered_by_us, nonce, given)
        except StoreError:
            return False

    def http(self, url: str) -> httpx2.AsyncClient:
        """A client for one URL: no redirects, and no proxy on the way to this machine."""
        local = is_loopback(urlsplit(url).hostname or "")
        return httpx2.AsyncClient(timeout=HTTP_S, trust_env=not local, follow_redirects=False)

    # ---- what they say

    @property
    def has_carrier(self) -> bool:
        """Are there credentials at all?"""
        settings = self.settings
        secret = settings.twilio_api_secret if settings.twilio_api_key else settings.twilio_auth_token
        return bool(settings.twilio_account_sid and secret)

    def with_token_alone(self) -> Carrier:
        """The carrier as the auth token opens it, where an API key is used otherwise."""
        return CARRIERS["twilio"](replace(self.settings, twilio_api_key="", twilio_api_secret=""))


async def _soon(asked: Awaitable[T]) -> T:
    """The carrier's answer, before the check's own time is over. Raises CarrierError."""
    try:
        async with asyncio.timeout(HTTP_S):
            return await asked
    except TimeoutError:
        raise CarrierError(f"Twilio did not answer within {HTTP_S:g} s") from None
