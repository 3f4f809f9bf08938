"""The model's socket once it is open: messages of every size, ends of every kind, peers that fall silent."""

import asyncio

import pytest
from realtime_servers import Line, echo, over, raw_server, server, upgrade
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from bridge.realtime.connection import HIGH_WATER, MAX_MESSAGE, SILENCE_S
from bridge.sim.loop import run

pytestmark = pytest.mark.sockets


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 1_000_000])
def test_messages_of_every_frame_size_go_both_ways(size: int) -> None:
    async def story() -> bytes:
        async with server(echo) as url:
            line = Line()
            connection = await line.open(url)
            connection.send(("é" * (size // 2) + "x" * (size % 2)).encode())
            answer = await line.messages.get()
            await over(connection)
        return answer

    assert asyncio.run(story()) == ("é" * (size // 2) + "x" * (size % 2)).encode()


def test_messages_keep_their_order_over_many_masks() -> None:
    async def story() -> list[int]:
        async with server(echo) as url:
            line = Line()
            connection = await line.open(url)
            for number in range(600):
                connection.send(b"%d" % number)
            answers = [int(await line.messages.get()) for _ in range(600)]
            await over(connection)
        return answers

    assert asyncio.run(story()) == list(range(600))


def test_ten_megabytes_in_pieces_and_in_one() -> None:
    piece = "x" * 100_000

    async def talk(socket: ServerConnection) -> None:
        await socket.send(piece for _ in range(100))
        await socket.send(piece * 100)
        await socket.send(b"bytes are text to us")

    async def story() -> list[bytes]:
        async with server(talk) as url:
            line = Line()
            await line.open(url)
            await line.closed
        return [line.messages.get_nowait() for _ in range(line.messages.qsize())]

    assert asyncio.run(story()) == [piece.encode() * 100] * 2 + [b"bytes are text to us"]


def test_a_message_beyond_the_limit_ends_the_connection() -> None:
    async def talk(socket: ServerConnection) -> None:
        await socket.send("x" * (MAX_MESSAGE + 1))
        await socket.wait_closed()

    async def story() -> tuple[int, str]:
        async with server(talk) as url:
            line = Line()
            await line.open(url)
            return await line.closed

    code, _ = asyncio.run(story())
    assert code in (1006, 1009)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1000, ""),
        (1001, "Your session hit the maximum duration of 60 minutes."),
        (3000, "invalid_request_error.invalid_api_key"),
        (4004, "invalid_request_error.model_not_found"),
        (1011, "é"),
    ],
)
def test_close_codes_and_reasons_arrive_once(code: int, reason: str) -> None:
    async def talk(socket: ServerConnection) -> None:
        await socket.send("last word")
        await socket.close(code, reason)

    async def story() -> tuple[tuple[int, str], int, bytes]:
        async with server(talk) as url:
            line = Line()
            connection = await line.open(url)
            closed = await line.closed
            connection.send(b"into the void")
            connection.close()
            return closed, line.closes, line.messages.get_nowait()

    assert asyncio.run(story()) == ((code, reason), 1, b"last word")


def test_a_line_that_is_cut() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        await writer.drain()
        writer.transport.abort()

    async def story() -> tuple[int, str]:
        async with raw_server(talk) as url:
            line = Line()
            await line.open(url)
            return await line.closed

    assert asyncio.run(story()) == (1006, "")


def test_our_own_close_is_polite_and_told_to_nobody() -> None:
    async def story() -> tuple[int, int]:
        codes: asyncio.Queue[int] = asyncio.Queue()

        async def talk(socket: ServerConnection) -> None:
            try:
                await socket.recv()
            except ConnectionClosed as closed:
                codes.put_nowait(closed.rcvd.code if closed.rcvd else 0)

        async with server(talk) as url:
            line = Line()
            connection = await line.open(url)
            await over(connection)
            return await codes.get(), line.closes

    assert asyncio.run(story()) == (1000, 0)


def test_a_server_that_ignores_our_close_is_cut_after_a_second() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        await reader.read()

    async def story() -> float:
        async with raw_server(talk) as url:
            connection = await Line().open(url)
            began = asyncio.get_running_loop().time()
            await over(connection)
            return asyncio.get_running_loop().time() - began

    assert run(story()) == pytest.approx(1.0, abs=0.05)


def test_pings_are_answered_and_keep_an_idle_line_open() -> None:
    async def story() -> tuple[int, int]:
        async def talk(socket: ServerConnection) -> None:
            await (await socket.ping("are you there"))
            await socket.wait_closed()

        async with server(talk, ping_interval=None) as url:
            line = Line()
            connection = await line.open(url)
            await asyncio.sleep(70)
            alive = line.closes
            connection.close()
            await asyncio.sleep(2)
        return alive, line.closes

    assert run(story()) == (0, 0)


def test_a_half_open_peer_is_noticed_after_ten_seconds_of_silence() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        await asyncio.sleep(7.3)
        writer.write(b"\x81\x02hi")  # the last sign of life; pings go unanswered
        await reader.read()

    async def story() -> tuple[tuple[int, str], float]:
        async with raw_server(talk) as url:
            line = Line()
            await line.open(url)
            closed = await line.closed
            return closed, asyncio.get_running_loop().time()

    closed, at = run(story())
    assert closed == (1006, "")
    assert at == pytest.approx(7.3 + SILENCE_S, abs=0.1)


def test_a_server_that_does_not_read_turns_writable_off_and_on_again() -> None:
    async def story() -> tuple[int, int]:
        go_on = asyncio.Event()
        needed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        got: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await upgrade(reader, writer)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await go_on.wait()
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            size = 0
            while size < await needed:
                size += len(await reader.read(1_000_000))
            got.set_result(size)

        async with raw_server(talk) as url:
            connection = await Line().open(url)
            again = asyncio.Event()
            connection.on_writable = again.set
            sent = 0
            while connection.writable:
                connection.send(b"x" * HIGH_WATER)
                sent += HIGH_WATER
                assert sent < 200_000_000
                await asyncio.sleep(0)
            needed.set_result(sent)
            go_on.set()
            await again.wait()
            assert connection.writable
            received = await got
            connection.close()
        return sent, received

    sent, received = asyncio.run(story())
    assert received > sent >= HIGH_WATER
