"""The one loop that delivers messages, and what tells it of things that stand in no transaction.

The rows are the truth: a process that dies in the middle of an attempt leaves one that is due again, so a message is
delivered at least once, under one id. Several processes on one database share the work by claiming.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, assert_never

from bridge.call import facts
from bridge.config import Settings
from bridge.errors import StoreError
from bridge.live.info import CallInfo
from bridge.live.taps import Subscriber
from bridge.notify.post import Post
from bridge.notify.schedule import Again, Answer, Delivered, GiveUp, Gone, decide
from bridge.store.base import Delivery, Endpoint
from bridge.store.database import Database
from bridge.store.webhooks import SETTINGS, Event, Tried, WebhookStore

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""Other parts and other processes write messages without telling us; they wait this long at most."""
IDLE_S = 60.0
"""While there is no endpoint."""
TROUBLE_S = 5.0
"""A database that does not answer is asked again after this."""
LEASE_S = 60.0
"""Whoever took a message and is not heard of by then does not have it any more."""
TOGETHER = 8
MOST_WAITING = 10_000
"""Events that are kept while the database is away; beyond, the oldest are lost, and that is logged."""
DAY_S = 86_400.0
KEEP_DELIVERED_S, KEEP_FAILED_S = 7 * DAY_S, 30 * DAY_S


class Courier:
    """One process's. `clock` gives epoch seconds."""

    def __init__(self, settings: Settings, clock: Callable[[], float], *, look_s: float = LOOK_S) -> None:
        self._settings = settings
        self._clock = clock
        self._look_s = look_s
        self._store: WebhookStore | None = None
        self._post: Post | None = None
        self._waiting: deque[Event] = deque(maxlen=MOST_WAITING)
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._tidied_at = float("-inf")
        self.listened_to = bool(settings.webhook_url)
        """There is an endpoint, as far as is known: else nothing is put together for nobody."""

    # ---- what happens

    def tell(self, event: Event) -> None:
        """Something happened that no transaction writes down. Returns at once."""
        if self.listened_to:
            self._waiting.append(event)
            self._woken.set()

    def subscriber(self, info: CallInfo) -> Subscriber:
        """Reads along with one call: it begins, it is answered. (Its end is told by the row of its record.)"""
        answered = False

        def told(fact: facts.Fact) -> None:
            nonlocal answered
            if type(fact) is facts.CallBegan:
                self.tell(self._of_call("call.started", info))
            elif type(fact) is facts.CallAnswered and not answered:
                answered = True
                self.tell(self._of_call("call.answered", info))

        return told

    def analyzed(self, call_id: str, found: Mapping[str, Any]) -> None:
        """An analysis of a call was made."""
        data = {"call_id": call_id, "analysis": dict(found), "path": f"/api/v1/calls/{call_id}"}
        self.tell(Event("call.analyzed", f"call.analyzed:{call_id}", self._clock(), data))

    def _of_call(self, kind: str, info: CallInfo) -> Event:
        data = {
            "id": info.call_id,
            "carrier_call_id": info.carrier_call_id,
            "direction": info.direction,
            "from": info.from_number,
            "to": info.to_number,
            "agent": info.agent,
            "campaign_id": info.order.campaign_id if info.order is not None else "",
            "path": f"/api/v1/calls/{info.call_id}",
        }
        return Event(kind, f"{kind}:{info.call_id}", self._clock(), data)

    # ---- its life

    async def open(self, db: Database) -> None:
        """The database is there: begin. Raises StoreError."""
        self._store = WebhookStore(db)
        await self._store.keep_settings(self._settings.webhook_url, self._clock())
        self._post = Post(self._settings)
        self._task = asyncio.create_task(self._run(self._store, self._post), name="webhooks")

    def wake(self) -> None:
        """Something changed: an endpoint, a delivery that shall go out now."""
        self._woken.set()

    async def close(self) -> None:
        """What waits in memory is written; what waits in rows is sent by whoever comes next."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._store is not None:
            try:
                await self._write(self._store)
            except StoreError as error:
                log.warning("messages were not written", extra={"messages": len(self._waiting), "error": str(error)})
        if self._post is not None:
            await self._post.close()

    # ---- the loop

    async def _run(self, store: WebhookStore, post: Post) -> None:
        told = False
        while True:
            self._woken.clear()
            try:
                pause = await self._round(store, post)
                told = False
            except StoreError as error:
                if not told:
                    log.warning("no webhooks are sent: the database does not answer", extra={"error": str(error)})
                told, pause = True, TROUBLE_S
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()

    async def _round(self, store: WebhookStore, post: Post) -> float:
        """Write, send what is due; seconds until there may be more. Raises StoreError."""
        self.listened_to = any(one.disabled_at is None for one in await store.endpoints())
        await self._write(store)
        now = self._clock()
        while taken := await store.claim(now, now + LEASE_S, TOGETHER):
            await asyncio.gather(*(self._deliver(store, post, *one) for one in taken))
            now = self._clock()
        if now - self._tidied_at > DAY_S / 24:
            self._tidied_at = now
            await store.forget(now - KEEP_DELIVERED_S, now - KEEP_FAILED_S)
        due = await store.next_due()
        longest = self._look_s if self.listened_to else IDLE_S
        return longest if due is None else min(longest, max(0.01, due - self._clock()))

    async def _write(self, store: WebhookStore) -> None:
        while self._waiting:
            some = list(self._waiting)[:100]
            await store.announce(some)
            for _ in some:
                self._waiting.popleft()

    async def _deliver(self, store: WebhookStore, post: Post, delivery: Delivery, to: Endpoint) -> None:
        secret = self._settings.webhook_secret if to.id == SETTINGS else to.secret
        answer = await post.send(to.url, secret, delivery.id, delivery.body, self._clock())
        await self.settle(store, delivery, answer)

    async def settle(self, store: WebhookStore, delivery: Delivery, answer: Answer) -> None:
        """Write down what follows from an answer. Raises StoreError."""
        now = self._clock()
        found = decide(delivery.attempts + 1, answer, now, random.random())
        error = ": ".join(filter(None, (f"HTTP {answer.status}" if answer.status else "", answer.error)))
        match found:
            case Delivered():
                tried = Tried("delivered", None, now, answer.status, answer.ms, "")
            case Again(at):
                tried = Tried("waiting", at, now, answer.status, answer.ms, error)
            case GiveUp(why):
                tried = Tried("failed", None, now, answer.status, answer.ms, f"{error}; {why}" if error != why else why)
            case Gone():
                tried = Tried("dropped", None, now, answer.status, answer.ms, "the endpoint is gone (410)")
            case _:
                assert_never(found)
        await store.settle(delivery.id, tried)
        if isinstance(found, Gone):
            await store.switch(delivery.endpoint_id, now, "it answered 410: gone")
            log.warning("a webhook endpoint is gone", extra={"endpoint": delivery.endpoint_id})
        elif isinstance(found, GiveUp):
            log.warning("a webhook was given up", extra={"delivery": delivery.id, "error": tried.error})
