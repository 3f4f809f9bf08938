"""One media socket once its call is known: what a phone's and a browser's have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from bridge.live.phone import PhoneLink
from bridge.live.session import CallSession
from bridge.web.lane import EXTENSION

START_S = 5.0
"""Twilio sends `start` at once; a socket that has said nothing by then is parked, not a phone."""

Take = Callable[[Sequence[str | bytes]], None]


async def listen(socket: WebSocket, link: PhoneLink, session: CallSession, take: Take) -> int:
    """Hand what comes to `take` until the socket is closed: its code. Frames of sound go the lane, if there is one."""
    lane = socket.scope.get("extensions", {}).get(EXTENSION)
    try:
        if lane is not None:
            link.short_way = lane
            lane.take_over(take, session.hear)  # from here on the loop below only waits for the end
        while True:
            take([await receive(socket)])
    except WebSocketDisconnect as error:
        return error.code


async def write(socket: WebSocket, link: PhoneLink) -> None:
    """The outbox into the socket, until the link is closed or the socket is gone (which the reader is told)."""
    await link.run_writer(lambda text: socket.send_text(text.decode()))


async def stop(writer: asyncio.Task[None]) -> None:
    """End a writer whose socket is gone."""
    writer.cancel()
    with suppress(asyncio.CancelledError):
        await writer


async def receive(socket: WebSocket) -> str | bytes:
    """One message. Raises WebSocketDisconnect at the end."""
    message = await socket.receive()
    text = message.get("text")
    if text is not None:
        return str(text)
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code") or 1005, message.get("reason"))
    return bytes(message.get("bytes") or b"")
