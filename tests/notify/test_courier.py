"""Messages on their way: delivered once, tried for days, kept over restarts, sent nowhere private."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from house_world import settings
from receiver import Receiver, receiver
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from bridge.config import Settings
from bridge.notify.courier import Courier
from bridge.notify.signature import new_secret
from bridge.sim import loop
from bridge.store.base import Endpoint
from bridge.store.database import Database
from bridge.store.webhooks import Event, WebhookStore

SECRET = new_secret()
DAY = 86_400.0


def configured(data: Path, url: str, **more: Any) -> Settings:
    fields = {"webhook_url": url, "webhook_secret": SECRET, "public_url": "", **more}
    return settings(data, "ws://127.0.0.1:1/v1/realtime", **fields)


def clock() -> Callable[[], float]:
    running = asyncio.get_running_loop()
    began, at = running.time(), time.time()
    return lambda: at + running.time() - began


async def opened(data: Path, url: str, now: Callable[[], float], **more: Any) -> tuple[Courier, WebhookStore, Database]:
    db = await Database.open("", data)
    courier = Courier(configured(data, url, **more), now, look_s=3600.0)
    await courier.open(db)
    return courier, WebhookStore(db), db


def run(
    data: Path, story: Callable[[Receiver, Courier, WebhookStore], Awaitable[None]], answer: Any = None, **more: Any
) -> None:
    async def whole() -> None:
        async with receiver(answer or (lambda _: (204, {}))) as there:
            courier, store, db = await opened(data, more.pop("url", there.url), clock(), **more)
            try:
                await story(there, courier, store)
            finally:
                await courier.close()
                await db.close()

    loop.run(whole(), limit_s=30 * DAY)


def happened(n: int = 1, kind: str = "call.started") -> Event:
    return Event(kind, f"{kind}:{n}", time.time(), {"id": f"call_{n}"})


def test_a_message_is_delivered_once_and_signed_as_the_specification_says(tmp_path: Path) -> None:
    async def story(there: Receiver, courier: Courier, store: WebhookStore) -> None:
        courier.tell(happened())
        courier.tell(happened())  # noticed twice: one thing, one message
        await asyncio.sleep(1)
        [got] = there.got
        assert Webhook(SECRET).verify(got.body, got.headers) == got.json
        with pytest.raises(WebhookVerificationError):
            Webhook(new_secret()).verify(got.body, got.headers)
        assert got.json["type"] == "call.started" and got.json["data"] == {"id": "call_1"}
        assert got.json["timestamp"].endswith("Z") and got.json["version"] == 1
        [row] = (await store.page(10)).rows
        assert (row.id, row.state, row.attempts, row.last_status, row.due_at) == (got.id, "delivered", 1, 204, None)

    run(tmp_path, story)


def test_while_a_secret_is_rotated_there_are_two_signatures(tmp_path: Path) -> None:
    other = new_secret()

    async def story(there: Receiver, courier: Courier, store: WebhookStore) -> None:
        courier.tell(happened())
        await asyncio.sleep(1)
        for secret in (SECRET, other):
            assert Webhook(secret).verify(there.got[0].body, there.got[0].headers)

    run(tmp_path, story, webhook_secret=f"{SECRET},{other}")


def test_it_is_tried_over_days_with_one_id_and_then_given_up(tmp_path: Path) -> None:
    async def story(there: Receiver, courier: Courier, store: WebhookStore) -> None:
        courier.tell(happened())
        await asyncio.sleep(5 * DAY)
        assert len(there.got) == 10
        assert len({got.id for got in there.got}) == 1
        pauses = [then.at - got.at for got, then in zip(there.got, there.got[1:], strict=False)]
        assert pauses == sorted(pauses) and 5 <= pauses[0] <= 6.1 and pauses[-1] >= DAY
        stamps = [int(got.headers["webhook-timestamp"]) for got in there.got]
        assert stamps[-1] - stamps[0] > 3 * DAY, "each attempt is signed anew"
        [row] = (await store.page(10)).rows
        assert (row.state, row.attempts, row.last_status) == ("failed", 10, 500)
        assert "given up after 10 attempts" in row.last_error
        there.answer = lambda _: (200, {})
        await store.resend(row.id, time.time())
        courier.wake()
        await asyncio.sleep(1)
        assert there.got[-1].id == row.id and (await store.page(10)).rows[0].state == "delivered"

    run(tmp_path, story, lambda _: (500, {}))


def test_a_receiver_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    async def story(there: Receiver, courier: Courier, store: WebhookStore) -> None:
        there.answer = lambda got: (0, {}) if got.json["data"]["id"] == "call_1" else (200, {})
        for n in (1, 2, 3):
            courier.tell(happened(n))
        await asyncio.sleep(0.5)
        assert len(there.got) == 3
        await asyncio.sleep(16)
        rows = {row.key: row for row in (await store.page(10)).rows}
        assert (
            rows["call.started:1"].last_error == "no answer within 15 s" and rows["call.started:1"].state == "waiting"
        )
        assert rows["call.started:2"].state == rows["call.started:3"].state == "delivered"

    run(tmp_path, story)


def test_retry_after_is_honoured_and_redirects_are_not_followed(tmp_path: Path) -> None:
    answers = iter([(429, {"retry-after": "600"}), (302, {"location": "/elsewhere"}), (200, {})])

    async def story(there: Receiver, courier: Courier, store: WebhookStore) -> None:
        courier.tell(happened())
        await asyncio.sleep(599)
        assert len(there.got) == 1
        await asyncio.sleep(5)
        assert len(there.got) == 2
        assert "redirects" in (await store.page(10)).rows[0].last_error
        await asyncio.sleep(400)
        assert len(there.got) == 3

    run(tmp_path, story, lambda _: next(answers))


def test_410_switches_the_endpoint_off_with_all_that_waits(tmp_path: Path) -> None:
    async def story(there: Receiver, courier: Courier, store: WebhookStore) -> None:
        courier.tell(happened(1))
        await asyncio.sleep(0.5)
        there.answer = lambda _: (410, {})
        courier.tell(happened(2))
        await asyncio.sleep(1)
        [endpoint] = await store.endpoints()
        assert endpoint.disabled_at is not None and "410" in endpoint.disabled_why
        assert {row.state for row in (await store.page(10)).rows} == {"dropped"}
        courier.tell(happened(3))
        await asyncio.sleep(DAY)
        assert len(there.got) == 2
        await store.keep_settings(there.url, time.time())
        assert (await store.endpoints())[0].disabled_at is not None, "the same URL again does not switch it on"
        await store.keep_settings(f"{there.url}2", time.time())
        assert (await store.endpoints())[0].disabled_at is None, "another one does"

    run(tmp_path, story, lambda _: (503, {}))


def test_what_was_not_delivered_is_there_after_a_restart(tmp_path: Path) -> None:
    async def story() -> None:
        async with receiver(lambda _: (500, {})) as there:
            now = clock()
            courier, _, db = await opened(tmp_path, there.url, now)
            courier.tell(happened())
            await asyncio.sleep(1)
            await courier.close()
            await db.close()
            first = there.got[0].id
            there.answer = lambda _: (200, {})
            await asyncio.sleep(7)
            courier, store, db = await opened(tmp_path, there.url, now)
            await asyncio.sleep(1)
            assert [got.id for got in there.got] == [first, first]
            assert (await store.page(10)).rows[0].state == "delivered"
            await courier.close()
            await db.close()

    loop.run(story())


def test_several_endpoints_are_told_what_each_wants(tmp_path: Path) -> None:
    async def story(there: Receiver, courier: Courier, store: WebhookStore) -> None:
        async with receiver() as other:
            secret = new_secret()
            await store.add(Endpoint("whe_1", other.url, secret, ["campaign.done"], 0.0, "tests"))
            courier.wake()
            await asyncio.sleep(0.1)
            courier.tell(happened(1))
            courier.tell(happened(2, "campaign.done"))
            await asyncio.sleep(1)
            assert sorted(there.types()) == ["call.started", "campaign.done"]
            assert other.types() == ["campaign.done"]
            assert Webhook(secret).verify(other.got[0].body, other.got[0].headers)
            assert await store.delete("whe_1") and not await store.delete("whe_1")
            assert {row.endpoint_id for row in (await store.page(10)).rows} == {"settings"}

    run(tmp_path, story)


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/x", "http://10.0.0.8/x", "http://[::1]:9/x", "http://127.0.0.1:9/x"]
)
def test_nothing_is_sent_to_a_private_address(tmp_path: Path, url: str) -> None:
    async def story(there: Receiver, courier: Courier, store: WebhookStore) -> None:
        courier.tell(happened())
        await asyncio.sleep(1)
        [row] = (await store.page(10)).rows
        assert row.state == "failed" and "private network" in row.last_error

    run(tmp_path, story, url=url, public_url="https://bridge.example.com")


def test_nobody_is_told_without_an_endpoint(tmp_path: Path) -> None:
    async def story(there: Receiver, courier: Courier, store: WebhookStore) -> None:
        courier.tell(happened())
        await asyncio.sleep(5)
        assert there.got == [] and (await store.page(10)).rows == ()

    run(tmp_path, story, url="")


def test_deliveries_are_forgotten_after_a_while(tmp_path: Path) -> None:
    async def story(there: Receiver, courier: Courier, store: WebhookStore) -> None:
        courier.tell(happened())
        await asyncio.sleep(1)
        assert len((await store.page(10)).rows) == 1
        await asyncio.sleep(8 * DAY)
        assert (await store.page(10)).rows == ()

    run(tmp_path, story)
