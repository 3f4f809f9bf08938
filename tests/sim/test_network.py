"""The bad network: every kind of weather, measured on an echo server in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from bridge.sim.loop import run
from bridge.sim.network import FINE, Network, Weather

Pipe = tuple[Network, asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def echo_behind(up: Weather = FINE, down: Weather = FINE) -> AsyncIterator[Pipe]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    network = Network(server.sockets[0].getsockname()[:2], up=up, down=down)
    await network.start()
    reader, writer = await asyncio.open_connection(*network.address)
    try:
        yield network, reader, writer
    finally:
        writer.close()
        await network.stop()
        server.close()
        await asyncio.sleep(0.1)


async def round_trip(pipe: Pipe, data: bytes) -> float:
    _, reader, writer = pipe
    began_s = asyncio.get_running_loop().time()
    writer.write(data)
    assert await reader.readexactly(len(data)) == data
    return asyncio.get_running_loop().time() - began_s


def through(story: Callable[[Pipe], Awaitable[None]], up: Weather = FINE, down: Weather = FINE) -> None:
    async def main() -> None:
        async with echo_behind(up, down) as pipe:
            await story(pipe)

    run(main(), limit_s=600)


def test_fine_weather_costs_nothing() -> None:
    async def story(pipe: Pipe) -> None:
        assert await round_trip(pipe, b"hello") == 0.0

    through(story)


def test_delay_is_added_in_each_direction() -> None:
    async def story(pipe: Pipe) -> None:
        assert await round_trip(pipe, b"hello") == pytest.approx(0.13)

    through(story, Weather(delay_s=0.05), Weather(delay_s=0.08))


def test_jitter_varies_the_delay_and_keeps_the_order() -> None:
    async def story(pipe: Pipe) -> None:
        times = {round(await round_trip(pipe, bytes([n]) * 10), 4) for n in range(20)}
        assert len(times) > 5
        assert all(0.05 <= one <= 0.15 for one in times)

    through(story, Weather(delay_s=0.05, jitter_s=0.1))


def test_loss_is_a_stall_and_nothing_is_lost() -> None:
    async def story(pipe: Pipe) -> None:
        times = [await round_trip(pipe, bytes(100)) for _ in range(100)]
        stalled = sum(one > 0.25 for one in times)
        assert 10 < stalled < 50
        assert all(one == pytest.approx(0.3 if one > 0.25 else 0.0, abs=1e-6) for one in times)

    through(story, Weather(loss=0.3, loss_stall_s=0.3))


def test_a_narrow_way_takes_time() -> None:
    async def story(pipe: Pipe) -> None:
        assert await round_trip(pipe, bytes(50_000)) == pytest.approx(5.0, rel=0.01)

    through(story, Weather(rate=10_000))


def test_a_cut_is_an_orderly_end_for_both_sides() -> None:
    async def story(pipe: Pipe) -> None:
        network, reader, _ = pipe
        await round_trip(pipe, b"x")
        network.cut()
        assert await reader.read() == b""
        await asyncio.sleep(0.1)
        assert network.connections == 0

    through(story)


def test_a_reset_is_an_error_for_the_peer() -> None:
    async def story(pipe: Pipe) -> None:
        network, reader, _ = pipe
        await round_trip(pipe, b"x")
        network.reset()
        with pytest.raises(ConnectionResetError):
            await reader.read()

    through(story)


def test_a_freeze_moves_nothing_until_the_thaw() -> None:
    async def story(pipe: Pipe) -> None:
        network = pipe[0]
        await round_trip(pipe, b"x")
        script = asyncio.create_task(network.perform([(0.0, "freeze"), (7.0, "thaw")]))
        await asyncio.sleep(0.01)
        assert await round_trip(pipe, b"late") == pytest.approx(6.99)
        await script

    through(story)


def test_half_open_swallows_data_and_closes() -> None:
    async def story(pipe: Pipe) -> None:
        network, reader, writer = pipe
        await round_trip(pipe, b"x")
        network.half_open()
        writer.write(b"anybody there?")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(300):
                await reader.read(1)
        assert network.connections == 1

    through(story)


def test_a_refused_target_is_a_refused_connection() -> None:
    async def story() -> None:
        server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()[:2]
        server.close()
        await server.wait_closed()
        network = Network(address)
        await network.start()
        reader, writer = await asyncio.open_connection(*network.address)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        await network.stop()

    run(story())
