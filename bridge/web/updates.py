"""Pages that stay true while they are open: one stream of server-sent events a page, for all its live parts.

A page names its parts in `{% block updates %}` (`+overview`; `pulse` is on every page), and has an element with each
name as its id. Here each part is rendered anew when something happened, at most twice a second, and at the latest
after a few seconds; what has changed is sent as htmx puts it in place. A viewer who is slow misses states, never the
latest one: nothing queues.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, aclosing, nullcontext, suppress

from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response

from bridge.web.access import Access
from bridge.web.feed import Feed
from bridge.web.problem import problem

Part = Callable[[Request], Awaitable[str]]
"""Renders a part for whoever asks. Raises nothing: a part says itself what it cannot show."""
Follow = Callable[[str], AbstractContextManager[None]]
PACE_S = 0.5
"""At most two states a second."""
LOOK_S = 5.0
"""What no event tells (a row that was written, an hour that is over) is seen after this."""


class Updates:
    """The live parts of all pages. A page adds its own to `parts` when it is made."""

    def __init__(self, feed: Feed, access: Access) -> None:
        self._feed = feed
        self._access = access
        self.parts: dict[str, Part] = {}
        self.follow: Follow = lambda _: nullcontext()
        """Is held while somebody reads the facts of a call."""

    async def serve(self, request: Request) -> Response:
        """`/updates?parts=pulse+overview`, and whatever else the page's parts want to know."""
        names = request.query_params.get("parts", "").split()
        if not names or any(name not in self.parts for name in names):
            return problem(404, "Not Found", "there is no such live part")
        return EventSourceResponse(self._states(request, names), ping=15)

    async def facts(self, request: Request) -> Response:
        """`/feed`: every fact as it happens; `?call=<call id>`: those of one call, its words as they come."""
        call_id = request.query_params.get("call", "")
        return EventSourceResponse(self._while_known(request, call_id), ping=15)

    async def _while_known(self, request: Request, call_id: str) -> AsyncIterator[dict[str, str]]:
        clock = asyncio.get_running_loop().time
        good_until = clock() + LOOK_S
        with self.follow(call_id):
            async with aclosing(self._feed.watch(call_id)) as events:
                async for event in events:
                    if clock() > good_until:
                        if await self._access.who(request.headers) != request.state.who:
                            return
                        good_until = clock() + LOOK_S
                    yield event

    async def _states(self, request: Request, names: list[str]) -> AsyncIterator[dict[str, str]]:
        shown: dict[str, str] = {}
        with self._feed.bell() as bell:
            while not self._feed.closed:
                bell.clear()
                changed = []
                for name in names:
                    text = await self.parts[name](request)
                    if shown.get(name) != text:
                        shown[name] = text
                        changed.append(f'<hx-partial hx-target="#{name}" hx-swap="innerMorph">{text}</hx-partial>')
                if changed:
                    yield {"data": "".join(changed)}
                await asyncio.sleep(PACE_S)
                with suppress(TimeoutError):
                    await asyncio.wait_for(bell.wait(), LOOK_S)
                if await self._access.who(request.headers) != request.state.who:
                    return  # logged out, revoked, or over: the next request of this page goes to the log-in
