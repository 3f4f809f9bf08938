"""The front of `callbridge dev`: two real houses behind it, one of them being left in the middle of a call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from house_world import House, house

from bridge.cli.front import LONGEST, Backs, Front
from bridge.cli.serve import listen
from bridge.sim import loop
from bridge.sim.script import DEMO, Listen, Score, Wait


@dataclass
class Street:
    """The older house and the newer one, and the front before both."""

    front: Front
    address: tuple[str, int]
    older: House
    newer: House

    def move(self) -> None:
        """From now on the newer one takes new calls."""
        self.front.backs = Backs((self.newer.port, self.older.port))

    def url(self, path: str) -> str:
        return f"http://{self.address[0]}:{self.address[1]}{path}"


@asynccontextmanager
async def street(data: Path) -> AsyncIterator[Street]:
    listener = listen("127.0.0.1", 0, "PORT")
    front = Front(listener)
    address = ("127.0.0.1", listener.getsockname()[1])
    await front.start()
    try:
        async with (
            house(data / "older", carrier={"connect": address}) as older,
            house(data / "newer") as newer,
        ):
            front.backs = Backs((older.port,))
            yield Street(front, address, older, newer)
    finally:
        await front.stop()


def told(data: Path, story: Callable[[Street], Awaitable[None]]) -> None:
    async def run() -> None:
        async with street(data) as one:
            await story(one)

    loop.run(run())


def test_a_call_that_goes_on_ends_where_it_began_and_the_next_is_taken_by_the_newer(tmp_path: Path) -> None:
    async def story(one: Street) -> None:
        first = await one.older.ring(DEMO)
        await one.older.until(lambda: len(one.older.app.services.switchboard.live) == 1)
        await asyncio.sleep(5)
        one.move()
        second = await one.older.ring((Listen(), Wait(1)))
        await first.ended()
        await second.ended()
        await one.older.written()
        await one.newer.written()
        assert [call.problems for call in (first, second)] == [[], []]
        (record,), (later,) = one.older.records(), one.newer.records()
        assert record["end_reason"] == "agent_hung_up"
        assert {line["tool"] for line in one.older.transcript() if line["role"] == "tool"} == {
            "opening_hours",
            "order_status",
            "hang_up",
        }
        assert (record["carrier_call_id"], later["carrier_call_id"]) == (first.sid, second.sid)
        assert later["end_reason"] == "caller_hung_up"
        paths = [exchange.url.partition("/twilio/")[2] for exchange in first.webhooks]
        assert any(path.startswith("after/") for path in paths)
        assert {exchange.status for exchange in first.webhooks} <= {200, 204}

    told(tmp_path, story)


def test_who_hangs_up_on_a_house_that_is_being_left_is_noticed_there(tmp_path: Path) -> None:
    async def story(one: Street) -> None:
        call = await one.older.ring((Listen(), Wait(3)))
        await asyncio.sleep(3)
        one.move()
        await call.ended()
        await one.older.written()
        assert one.older.records()[0]["end_reason"] == "caller_hung_up"
        assert one.newer.records() == []

    told(tmp_path, story)


def test_nobody_behind_the_front_is_said(tmp_path: Path) -> None:
    async def story(one: Street) -> None:
        for backs in ((), (9,), (9, 10)):
            one.front.backs = Backs(backs)
            async with httpx2.AsyncClient() as http:
                for path in ("/healthz", "/twilio/after/x"):
                    answer = await http.get(one.url(path))
                    assert answer.status_code == 503
                    assert "its terminal says why" in answer.text

    told(tmp_path, story)


def test_a_token_that_nobody_knows_is_refused_as_ever(tmp_path: Path) -> None:
    async def story(one: Street) -> None:
        one.move()
        async with httpx2.AsyncClient() as http:
            assert (await http.post(one.url("/twilio/after/x"), content="a=b")).status_code == 403
            assert (await http.get(one.url("/nothing"))).status_code == 404
            assert (await http.get(one.url("/healthz"))).json() == {"status": "ok"}

    told(tmp_path, story)


def test_a_front_is_not_filled_up(tmp_path: Path) -> None:
    async def answer(one: Street, data: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*one.address)
        writer.write(data)
        try:
            return await reader.read()
        except ConnectionResetError:  # closed over what it had not read
            return b"HTTP/1.1 413"
        finally:
            writer.close()

    async def story(one: Street) -> None:
        one.move()
        long_head = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 2 * LONGEST
        assert (await answer(one, long_head)).startswith(b"HTTP/1.1 413")
        long_body = b"POST /twilio/after/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n"
        assert (await answer(one, long_body)).startswith(b"HTTP/1.1 413")
        assert await answer(one, b"GET / HTTP/1.1\r\n") == b"", "half a head, and then silence"
        short_body = b"POST /twilio/after/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"
        assert await answer(one, short_body) == b""

    told(tmp_path, story)


@pytest.mark.sockets
def test_events_stream_through_it_and_end_with_it(tmp_path: Path) -> None:
    async def story(one: Street) -> None:
        listener = listen("127.0.0.1", 0, "BRIDGE_ADMIN_PORT")
        admin = Front(listener)
        admin.backs = Backs((one.newer.admin_port, one.older.admin_port))
        await admin.start()
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        events: list[dict[str, Any]] = []

        async def watch() -> None:
            async with httpx2.AsyncClient(timeout=None) as http, http.stream("GET", f"{base}/feed") as answer:
                async for line in answer.aiter_lines():
                    if line.startswith("data:"):
                        events.append(json.loads(line[5:]))

        watching = asyncio.create_task(watch())
        await one.older.until(lambda: len(events) == 1)
        one.move()
        score: Score = (Listen(), Wait(1))
        await (await one.older.ring(score)).ended()
        await one.newer.until(lambda: any(event.get("fact") == "CallEnded" for event in events))
        await admin.stop()
        await asyncio.gather(watching, return_exceptions=True)

    async def run() -> None:
        async with street(tmp_path) as one:
            await story(one)

    asyncio.run(run())  # the server's own watcher of its end outlives virtual time
