"""A client's socket: what it asked for in its upgrade request, and the way out to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

SIDEBAND_MODEL = "gpt-realtime-2.1"
"""What a connection with `call_id` and no model is told it speaks with."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """`model` is None for a session that only transcribes, and empty when the client named none."""

    model: str | None
    names_model: bool
    beta: bool
    key: str

    @classmethod
    def of(cls, connection: ServerConnection) -> Upgrade:
        """Read the upgrade request of an open connection."""
        request = connection.request
        if request is None:
            raise ConnectionError("the connection has no request")
        query = {key: values[-1] for key, values in parse_qs(urlsplit(request.path).query).items()}
        values = request.headers.get_all("Sec-WebSocket-Protocol")
        offers = [offer.strip() for value in values for offer in value.split(",")]
        model: str | None = query.get("model") or query.get("deployment") or ""
        if not model and "call_id" in query:
            model = SIDEBAND_MODEL
        # By header, by a browser's subprotocol, or by Azure's dated interface, which never left beta.
        header = request.headers.get("OpenAI-Beta", "")
        beta = "realtime=v1" in header or "openai-beta.realtime-v1" in offers or "api-version" in query
        # A browser cannot set headers: its key comes as an offer, too.
        offered_keys = [offer.partition(".")[2] for offer in offers if offer.startswith("openai-insecure-api-key.")]
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        key = next(iter(offered_keys), request.headers.get("api-key") or bearer)
        if query.get("intent") == "transcription":
            return cls(None, "model" in query, beta, key)
        return cls(model, bool(model), beta, key)


def choose_subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """`realtime` where it is offered; clients that offer none get none."""
    return Subprotocol("realtime") if "realtime" in offered else None


class SocketLink:
    """A session's socket: what is sent waits its turn in `write`, a task of its own."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._outbox: asyncio.Queue[str | tuple[int, str]] = asyncio.Queue()
        self._frozen = False

    def send(self, message: str) -> None:
        if not self._frozen:
            self._outbox.put_nowait(message)

    def close(self, code: int, reason: str) -> None:
        if not self._frozen:
            self._outbox.put_nowait((code, reason))

    def drop(self) -> None:
        self._connection.transport.abort()

    def freeze(self) -> None:
        self._frozen = True
        self._connection.transport.pause_reading()

    async def write(self) -> None:
        """Send what waits, until the connection closes."""
        try:
            while True:
                waiting = await self._outbox.get()
                if isinstance(waiting, tuple):
                    await self._connection.close(*waiting)
                    return
                await self._connection.send(waiting)
        except ConnectionClosed:
            return
