"""Virtual time: order, real sockets, threads, servers, and the guards."""

import asyncio
import sys
import threading
import time

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect

from bridge.sim.loop import VirtualTimeError, VirtualTimeLoop, run


def test_an_hour_passes_in_no_time() -> None:
    async def story() -> float:
        await asyncio.sleep(3599)
        return asyncio.get_running_loop().time()

    began = time.monotonic()
    assert run(story()) == pytest.approx(3599)
    assert time.monotonic() - began < 5


def test_timers_of_one_instant_keep_their_order() -> None:
    async def story() -> list[int]:
        loop, seen = asyncio.get_running_loop(), list[int]()
        for number in range(50):
            loop.call_at(0.3 if number % 2 else 0.1 + 0.2, seen.append, number)
        await asyncio.sleep(1)
        return seen

    assert run(story()) == list(range(50))


def test_a_cancelled_timer_does_not_fire_nor_move_the_clock() -> None:
    async def story() -> tuple[list[int], float]:
        loop, seen = asyncio.get_running_loop(), list[int]()
        loop.call_later(5, seen.append, 1).cancel()
        loop.call_later(1, seen.append, 2)
        await asyncio.sleep(2)
        return seen, loop.time()

    assert run(story()) == ([2], 2.0)


def test_sockets_are_never_overtaken_by_a_timer() -> None:
    async def story() -> tuple[int, float]:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(100):
                writer.write(data)
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        rounds = 0
        for _ in range(200):
            writer.write(b"ping")
            async with asyncio.timeout(0.001):  # any jump at all would end it
                rounds += await reader.readexactly(4) == b"ping"
        passed = asyncio.get_running_loop().time()
        writer.close()
        server.close()
        return rounds, passed

    assert run(story()) == (200, 0.0)


def test_the_clock_waits_for_threads() -> None:
    async def story() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        alarm = loop.call_later(10, lambda: None)
        await asyncio.to_thread(time.sleep, 0.05)
        alarm.cancel()
        return "slept", loop.time()

    assert run(story()) == ("slept", 0.0)


def test_a_thread_that_waits_for_the_loop_gets_real_time() -> None:
    async def story() -> tuple[bool, float]:
        loop, rung = asyncio.get_running_loop(), threading.Event()
        loop.call_later(0.2, rung.set)
        return await asyncio.to_thread(rung.wait, 10), loop.time()

    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(freeze_s=0.1)) as runner:
        rang, passed = runner.run(story())
    assert rang
    assert passed == pytest.approx(0.2, abs=0.3)


def test_a_child_process_is_heard_out() -> None:
    async def story() -> tuple[bytes, float]:
        async with asyncio.timeout(1000):
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", "print('hi')", stdout=-1)
            out, _ = await child.communicate()
        return out.strip(), asyncio.get_running_loop().time()

    out, passed = run(story())
    assert out == b"hi"
    assert passed < 60


def test_a_web_server_and_a_websocket_live_in_it() -> None:
    async def story() -> tuple[list[str], float]:
        async def talk(socket: WebSocket) -> None:
            await socket.accept()
            for _ in range(3):
                word = await socket.receive_text()
                await asyncio.sleep(60)  # three keepalive pings long
                await socket.send_text(word)
            await socket.close()

        async def hello(_: object) -> PlainTextResponse:
            return PlainTextResponse("hello")

        app = Starlette(routes=[Route("/", hello), WebSocketRoute("/ws", talk)])
        config = uvicorn.Config(app, port=0, lifespan="off", log_level="critical", ws="websockets-sansio")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.1)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}/ws", ping_interval=None, proxy=None) as socket:
            heard = list[str]()
            for word in ("one", "two", "three"):
                await socket.send(word)
                heard.append(str(await socket.recv()))
        passed = asyncio.get_running_loop().time()
        server.should_exit = True
        await serving
        return heard, passed

    heard, passed = run(story())
    assert heard == ["one", "two", "three"]
    assert passed == pytest.approx(180, abs=1)


def test_running_past_the_limit_is_said() -> None:
    async def story() -> None:
        await asyncio.sleep(100)

    with pytest.raises(VirtualTimeError, match="ran past its limit of 10 s"):
        run(story(), limit_s=10)


def test_standing_still_is_said() -> None:
    async def story() -> None:
        await asyncio.Event().wait()

    with pytest.raises(VirtualTimeError, match="stood still"):
        run(story(), stall_s=0.3)


def test_a_task_left_behind_is_named() -> None:
    async def story() -> None:
        asyncio.get_running_loop()
        task = asyncio.create_task(asyncio.sleep(1000), name="forgotten")
        assert not task.done()

    with pytest.raises(VirtualTimeError, match="forgotten"):
        run(story())


def test_a_task_that_ends_by_itself_is_no_leak() -> None:
    async def story() -> asyncio.Task[None]:
        return asyncio.create_task(asyncio.sleep(0.5))

    assert run(story()).done()


def test_what_main_raises_comes_out() -> None:
    async def story() -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run(story())


def test_hold_keeps_the_clock_for_threads_the_loop_does_not_know() -> None:
    async def story() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        done = asyncio.Event()
        with loop.hold():
            threading.Timer(0.05, loop.call_soon_threadsafe, (done.set,)).start()
            async with asyncio.timeout(1):
                await done.wait()
        return loop.time()

    assert run(story()) == 0.0
