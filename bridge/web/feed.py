"""What happens, as it happens: every fact of every call as server-sent events on `/feed`.

Each viewer has a queue of its own. One that reads too slowly loses the oldest and is told so; no call waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec

from bridge.call.facts import Fact
from bridge.call.values import field_names

QUEUE = 2_000
"""Facts a viewer may be behind: some minutes of one call, a second of four hundred."""


class Feed:
    """The process's feed."""

    def __init__(self) -> None:
        self._viewers: dict[asyncio.Queue[dict[str, str] | None], str] = {}
        """Each with the call it watches; "" for all."""
        self._bells: set[asyncio.Event] = set()
        self._count = 0
        self.closed = False

    def subscriber(self, call_id: str) -> Callable[[Fact], None]:
        """What a call's session tells its facts to."""

        def tell(fact: Fact) -> None:
            for bell in self._bells:
                bell.set()
            if self._viewers:
                self._send(call_id, fact)

        return tell

    def _send(self, call_id: str, fact: Fact) -> None:
        self._count += 1
        name = type(fact).__name__
        data = {f: getattr(fact, f) for f in field_names(type(fact))} | {"call_id": call_id, "fact": name}
        event = {"id": str(self._count), "event": name, "data": msgspec.json.encode(data).decode()}
        for queue, watched in self._viewers.items():
            if watched and watched != call_id:
                continue
            if queue.full():
                with suppress(asyncio.QueueEmpty):
                    queue.get_nowait()
            queue.put_nowait(event)

    @contextmanager
    def bell(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever something happens in any call, for who only wants to look again."""
        bell = asyncio.Event()
        self._bells.add(bell)
        try:
            yield bell
        finally:
            self._bells.discard(bell)

    def ring(self) -> None:
        """Something happened that is no fact of a call."""
        for bell in self._bells:
            bell.set()

    async def watch(self, call_id: str = "") -> AsyncGenerator[dict[str, str], None]:
        """Events from now on, of all calls or of one, until the process closes the feed."""
        queue: asyncio.Queue[dict[str, str] | None] = asyncio.Queue(QUEUE)
        self._viewers[queue] = call_id
        try:
            yield {"event": "Watching", "data": "{}"}
            while not self.closed:
                event = await queue.get()
                if event is None:
                    return
                yield event
        finally:
            del self._viewers[queue]

    def close(self) -> None:
        """No more events: let every viewer go."""
        self.closed = True
        self.ring()
        for queue in self._viewers:
            if queue.full():
                with suppress(asyncio.QueueEmpty):
                    queue.get_nowait()
            queue.put_nowait(None)
