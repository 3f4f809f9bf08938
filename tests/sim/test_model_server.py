"""The engine as a server: its addresses, several clients at once, its end."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx2
from engine_world import GREETING, OPTIONS, PCMU_BOTH, client_of, in_virtual_time
from websockets.asyncio.client import connect

from bridge.sim.model import ModelServer, serve


def test_serve_tells_its_url_and_runs_until_cancelled() -> None:
    async def world() -> str:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serve(OPTIONS, told.set_result))
        url = await told
        async with connect(url + "?model=x") as connection:
            assert "session.created" in str(await connection.recv())
        task.cancel()
        await asyncio.wait({task})
        return url

    assert in_virtual_time(world()).startswith("ws://127.0.0.1:")


def test_other_addresses_say_what_is_there() -> None:
    async def world() -> tuple[str, int, str]:
        async with ModelServer(OPTIONS) as server, httpx2.AsyncClient() as http:
            base = server.url.replace("ws://", "http://").removesuffix("/v1/realtime")
            health, other = await http.get(base + "/healthz"), await http.get(base + "/v1/models")
            return health.text, other.status_code, other.text

    assert in_virtual_time(world()) == ("ok\n", 404, "The engine serves /v1/realtime.\n")


def test_ten_callers_at_once_have_conversations_of_their_own() -> None:
    async def world() -> list[tuple[str, ...]]:
        async with ModelServer(OPTIONS) as server:

            async def one(place: int) -> None:
                async with client_of(server) as client:
                    await client.set_up(audio=PCMU_BOTH)
                    words = {"instructions": f'exactly these words: "Caller {place}, are you still there?"'}
                    await client.send("response.create", response=words)
                    await client.expect("response.done")
                    await client.speak("Where is my order?")
                    await client.expect("response.done")

            await asyncio.gather(*(one(place) for place in range(10)))
            return [tuple(answer.said or answer.calls[0] for answer in record.answers) for record in server.sessions]

    said = in_virtual_time(world())
    assert sorted(said) == [(f"Caller {place}, are you still there?", "opening_hours({})") for place in range(10)]


def test_a_caller_who_leaves_in_the_middle_of_an_answer_leaves_nothing_behind() -> None:
    async def world() -> tuple[float, float, set[str]]:
        async with ModelServer(replace(OPTIONS, speed=1.0)) as server:
            async with client_of(server) as client:
                await client.set_up()
                await client.send("response.create", response={"instructions": f'exactly these words: "{GREETING}"'})
                await client.expect("response.output_audio.delta")
            await asyncio.sleep(1)
            before = server.sessions[0].answers[0].audio_ms
            await asyncio.sleep(10)
            names = {task.get_name() for task in asyncio.all_tasks()}
            return before, server.sessions[0].answers[0].audio_ms, names

    before, after, names = in_virtual_time(world())
    assert before == after
    assert not {name for name in names if name.startswith("resp_")}


def test_nothing_is_kept_unless_asked_for() -> None:
    async def world() -> tuple[int, int, int]:
        async with ModelServer(replace(OPTIONS, keep=False)) as server:
            async with client_of(server) as client:
                await client.set_up()
                await client.send("response.create")
                await client.expect("response.done")
            record = server.sessions[0]
            return len(record.sent), len(record.audio_out), len(record.answers)

    assert in_virtual_time(world()) == (0, 0, 1)
