"""A bad network: a TCP proxy on loopback that delays, trickles, stalls, freezes, cuts and resets.

TCP loses nothing; a lost packet is heard as a stall until it is sent again, and everything behind it waits. So `loss`
is the chance that a piece of data comes `loss_stall_s` late. What can be done to all connections at once:

    cut()        close both sides in order (FIN), as a server that goes away politely
    reset()      RST to both sides, as a crashed host that came back
    freeze()     stop moving data, either way; the peers' buffers fill up; `thaw()` goes on where it stopped
    half_open()  take everything and pass on nothing, not even a close: the other side is gone and nobody says so
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

PIECE_BYTES = 16_384
MOST_IN_FLIGHT = 64  # pieces on their way before the sender feels it

Action = Literal["cut", "reset", "freeze", "thaw", "half_open"]


@dataclass(frozen=True, slots=True)
class Weather:
    """One direction of the way: `delay_s` each way, up to `jitter_s` more, `rate` in bytes a second (None: any)."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    rate: float | None = None
    loss: float = 0.0
    loss_stall_s: float = 0.2  # the least time after which TCP sends again


FINE = Weather()


class Network:
    """A proxy in front of `target`; connect to `address` instead. `up` is towards the target."""

    def __init__(self, target: tuple[str, int], *, up: Weather = FINE, down: Weather = FINE, seed: int = 1) -> None:
        self.target = target
        self.up = up
        self.down = down
        self.accepted = 0
        self._rng = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._ways: set[_Way] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._swallowing = False

    @property
    def address(self) -> tuple[str, int]:
        """Where the proxy listens, once started."""
        if self._server is None:
            raise RuntimeError("the network has not been started")
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    @property
    def connections(self) -> int:
        """Connections going through now."""
        return len(self._ways) // 2

    async def start(self) -> None:
        """Listen on a free port of this machine."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        self.thaw()
        tasks = [way.task for way in self._ways if way.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut(self) -> None:
        """FIN to both sides of every connection."""
        for way in list(self._ways):
            way.end()

    def reset(self) -> None:
        """RST to both sides of every connection."""
        for way in list(self._ways):
            way.end(abruptly=True)

    def freeze(self) -> None:
        """Move nothing any more, until `thaw`."""
        self._open.clear()

    def thaw(self) -> None:
        """Go on."""
        self._open.set()

    def half_open(self) -> None:
        """From now on swallow everything, closes too; lasts until `stop`."""
        self._swallowing = True

    async def perform(self, script: Sequence[tuple[float, Action]]) -> None:
        """Do things at their times, in seconds from now."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        for at_s, action in sorted(script, key=lambda entry: entry[0]):
            await asyncio.sleep(began_s + at_s - loop.time())
            getattr(self, action)()

    async def passable(self) -> bool:
        """Wait while frozen; False when what is read must be swallowed."""
        await self._open.wait()
        return not self._swallowing

    def latency_s(self, weather: Weather) -> float:
        """How late the next piece is."""
        stall_s = weather.loss_stall_s if weather.loss and self._rng.random() < weather.loss else 0.0
        return weather.delay_s + self._rng.uniform(0.0, weather.jitter_s) + stall_s

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            _close(writer, abruptly=True)  # what a refused connection looks like from behind a proxy
            return
        up = _Way(self, reader, far_writer, towards_target=True)
        down = _Way(self, far_reader, writer, towards_target=False)
        self._ways |= {up, down}
        up.task, down.task = asyncio.create_task(up.run()), asyncio.create_task(down.run())
        try:
            await asyncio.gather(up.task, down.task, return_exceptions=True)
        finally:
            self._ways -= {up, down}
            _close(writer)
            _close(far_writer)


class _Way:
    """One direction of one connection: reads pieces, writes each when its time has come, in order."""

    def __init__(
        self, network: Network, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, towards_target: bool
    ) -> None:
        self.task: asyncio.Task[None] | None = None
        self._network = network
        self._reader = reader
        self._writer = writer
        self._towards_target = towards_target
        self._pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(MOST_IN_FLIGHT)

    def end(self, *, abruptly: bool = False) -> None:
        """Close the side written to."""
        _close(self._writer, abruptly=abruptly)
        if self.task is not None:
            self.task.cancel()

    async def run(self) -> None:
        """Until the side read from closes and everything it sent has arrived."""
        reading = asyncio.create_task(self._read())
        try:
            while True:
                due_s, piece = await self._pieces.get()
                await asyncio.sleep(due_s - asyncio.get_running_loop().time())
                if not await self._network.passable():
                    continue
                if not piece:
                    break
                self._writer.write(piece)
                await self._writer.drain()
            self._writer.write_eof()
        except OSError:
            _close(self._writer, abruptly=True)  # the receiving side has gone: its end is seen by the other way, too
        finally:
            reading.cancel()
            await asyncio.wait({reading})

    async def _read(self) -> None:
        """Give every piece its time of arrival; an empty one is the close."""
        loop = asyncio.get_running_loop()
        free_s = arrived_s = 0.0
        piece = b"-"
        while piece:
            await self._network.passable()
            try:
                piece = await self._reader.read(PIECE_BYTES)
            except ConnectionError:
                self.end(abruptly=True)
                return
            weather = self._network.up if self._towards_target else self._network.down
            free_s = max(free_s, loop.time()) + (len(piece) / weather.rate if weather.rate else 0.0)
            arrived_s = max(arrived_s, free_s + self._network.latency_s(weather))
            await self._pieces.put((arrived_s, piece))


def _close(writer: asyncio.StreamWriter, *, abruptly: bool = False) -> None:
    if writer.transport.is_closing():
        return
    if abruptly:
        # Lingering for 0 s makes the close a reset.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()
