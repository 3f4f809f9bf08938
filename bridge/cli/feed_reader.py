"""Reads `/feed` of a running `serve`: what happens in its calls, as it happens."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx2

from bridge.errors import BridgeError


async def feed_events(http: httpx2.AsyncClient, admin_url: str, token: str) -> AsyncGenerator[dict[str, Any], None]:
    """Events until the feed is closed; the first is an empty one, when the feed is on.

    Raises BridgeError when it is refused, httpx2.HTTPError when the connection breaks.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with http.stream("GET", f"{admin_url}/feed", headers=headers, timeout=None) as answer:
        if answer.status_code != 200:
            raise BridgeError(f"the bridge's feed answered {answer.status_code}")
        data: list[str] = []
        async for line in answer.aiter_lines():
            if line.startswith("data:"):
                data.append(line.removeprefix("data:").removeprefix(" "))
            elif not line and data:
                yield json.loads("\n".join(data))
                data.clear()
