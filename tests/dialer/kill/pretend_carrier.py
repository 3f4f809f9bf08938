"""A phone company in a process of its own that survives every dialer: run as a program, speaks JSON lines on loopback.

It places what it was asked to place even when whoever asked died a moment later. It answers late, breaks off, says 500
after it placed a call and 429 before; it loses some of its news about calls, and doubles others. `{"op": "journal"}`
tells whom it called, when and for which token. Only the standard library, so that it starts at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import time
from typing import Any

ENDS = ("completed", "completed", "completed", "busy", "no-answer", "failed")


class PretendCarrier:
    """Its calls, and whoever listens for news about them. `spite`: the share of orders that go wrong in some way."""

    def __init__(self, seed: int, spite: float) -> None:
        self.calls: dict[str, dict[str, Any]] = {}
        self._rng = random.Random(seed)
        self._spite = spite
        self._listeners: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: any number of questions, or one that listens."""
        try:
            while line := await reader.readline():
                asked = json.loads(line)
                if asked["op"] == "listen":
                    self._listeners.append(writer)
                    continue
                answer = await self._answer(asked)
                if answer is None:
                    break
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except OSError:
            pass  # whoever asked died
        finally:
            if writer in self._listeners:
                self._listeners.remove(writer)
            writer.close()

    async def _answer(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        match asked["op"]:
            case "dial":
                return await self._dial(asked)
            case "find":
                mine = [c for c in self.calls.values() if c["to"] == asked["to"] and c["at"] >= asked["since"] - 1]
                return {"ids": [c["id"] for c in reversed(mine)]}
            case "look_up":
                return {"status": self.calls[asked["id"]]["status"] if asked["id"] in self.calls else ""}
            case _:
                return {"calls": list(self.calls.values())}

    async def _dial(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        trouble = self._rng.choice(("busy", "late", "gone", "broken")) if self._rng.random() < self._spite else ""
        if trouble == "busy":
            return {"status": 429}
        if trouble in ("late", "gone") and self._rng.random() < 0.5:  # on its way for a while
            await asyncio.sleep(self._rng.uniform(0.0, 0.3))
        call_id = f"CA{len(self.calls):032x}"
        call = {"id": call_id, "to": asked["to"], "token": asked["token"], "at": time.time(), "status": "queued"}
        self.calls[call_id] = call
        task = asyncio.create_task(self._live(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if trouble == "gone":
            return None
        if trouble == "late":
            await asyncio.sleep(self._rng.uniform(0.5, 1.2))
        else:
            await asyncio.sleep(self._rng.uniform(0.001, 0.02))
        return {"status": 500} if trouble == "broken" else {"status": 201, "id": call_id}

    async def _live(self, call: dict[str, Any]) -> None:
        end = self._rng.choice(ENDS)
        for status in ("initiated", "ringing", *(("in-progress",) if end == "completed" else ()), end):
            await asyncio.sleep(self._rng.uniform(0.005, 0.04))
            call["status"] = status
            await self._tell({"id": call["id"], "token": call["token"], "status": status})

    async def _tell(self, news: dict[str, Any]) -> None:
        times = self._rng.choices((0, 1, 2), (0.1, 0.8, 0.1))[0]
        for _ in range(times):
            alive = [writer for writer in self._listeners if not writer.is_closing()]
            if alive:
                with contextlib.suppress(OSError):
                    self._rng.choice(alive).write(json.dumps(news).encode() + b"\n")  # a frozen one reads it later


async def main(seed: int, spite: float) -> None:
    """Until killed; the port is the first line of what it says."""
    carrier = PretendCarrier(seed, spite)
    server = await asyncio.start_server(carrier.serve, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
