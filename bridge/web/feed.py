"""What happens, as it happens: every fact of every call as server-sent events on `/feed`.

Each viewer has a queue of its own. One that reads too slowly loses the oldest and is told so; no call waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import msgspec

from bridge.call.facts import Fact
from bridge.call.values import field_names

QUEUE = 2_000
"""Facts a viewer may be behind: some minutes of one call, a second of four hundred."""


class Feed:
    """The process's feed."""

    def __init__(self) -> None:
        self._viewers: set[asyncio.Queue[dict[str, str] | None]] = set()
        self._count = 0
        self._closed = False

    def subscriber(self, call_id: str) -> Callable[[Fact], None]:
        """What a call's session tells its facts to."""

        def tell(fact: Fact) -> None:
            if self._viewers:
                self._send(call_id, fact)

        return tell

    def _send(self, call_id: str, fact: Fact) -> None:
        self._count += 1
        name = type(fact).__name__
        data = {f: getattr(fact, f) for f in field_names(type(fact))} | {"call_id": call_id, "fact": name}
        event = {"id": str(self._count), "event": name, "data": msgspec.json.encode(data).decode()}
        for queue in self._viewers:
            if queue.full():
                with suppress(asyncio.QueueEmpty):
                    queue.get_nowait()
            queue.put_nowait(event)

    async def watch(self) -> AsyncIterator[dict[str, str]]:
        """Events from now on, until the process closes the feed."""
        queue: asyncio.Queue[dict[str, str] | None] = asyncio.Queue(QUEUE)
        self._viewers.add(queue)
        try:
            yield {"event": "Watching", "data": "{}"}
            while not self._closed:
                event = await queue.get()
                if event is None:
                    return
                yield event
        finally:
            self._viewers.discard(queue)

    def close(self) -> None:
        """No more events: let every viewer go."""
        self._closed = True
        for queue in self._viewers:
            if queue.full():
                with suppress(asyncio.QueueEmpty):
                    queue.get_nowait()
            queue.put_nowait(None)
