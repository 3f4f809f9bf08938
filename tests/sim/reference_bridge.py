"""The smallest application that answers calls: TwiML, then a socket that echoes the caller with a mark behind it.

It checks signatures with an implementation that is not the simulator's.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from twilio.request_validator import RequestValidator

PUBLIC_URL = "https://voice.example.test"
ACCOUNT, TOKEN = "AC" + "0" * 30 + "42", "00000000000000000000000000000042"
STREAM = f'<Connect action="{PUBLIC_URL}/after"><Stream url="wss://voice.example.test/media" name="agent"'
STREAM += f' statusCallback="{PUBLIC_URL}/stream"><Parameter name="token" value="t1"/></Stream></Connect>'

Talk = Callable[["ReferenceBridge", WebSocket, str], Awaitable[None]]


def twiml(verbs: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{verbs}</Response>'


async def echo(bridge: "ReferenceBridge", socket: WebSocket, stream_sid: str) -> None:
    """Everything back, each frame with a mark named by its chunk."""
    async for text in socket.iter_text():
        message = json.loads(text)
        bridge.messages.append(message)
        if message["event"] == "media":
            payload = message["media"]["payload"]
            await say(socket, "media", stream_sid, media={"payload": payload})
            await say(socket, "mark", stream_sid, mark={"name": message["media"]["chunk"]})
        if message["event"] == "stop":
            return


async def say(socket: WebSocket, event: str, stream_sid: str, **body: Any) -> None:
    await socket.send_text(json.dumps({"event": event, "streamSid": stream_sid, **body}))


@dataclass
class ReferenceBridge:
    """`pages` maps a path to TwiML, a Response or what makes one; `talk` is what the socket does after `start`."""

    pages: dict[str, Any] = field(default_factory=lambda: {"/twilio/voice": twiml(STREAM)})
    talk: Talk = echo
    requests: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    upgrades: list[dict[str, str]] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                WebSocketRoute("/{rest:path}", self.media),
                Route("/{rest:path}", self.page, methods=["GET", "POST"]),
            ]
        )

    def forms(self, path: str) -> list[dict[str, str]]:
        return [form for at, form, _ in self.requests if at == path]

    async def page(self, request: Request) -> Response:
        form = parse_qsl((await request.body()).decode(), keep_blank_values=True)
        path = request.url.path
        url = PUBLIC_URL + path + (f"?{request.url.query}" if request.url.query else "")
        signature = request.headers.get("x-twilio-signature", "")
        if not RequestValidator(TOKEN).validate(url, dict(form), signature):
            return Response("bad signature", 403)
        self.requests.append((path, dict(form), dict(request.headers)))
        page = self.pages.get(path, twiml(""))
        if callable(page) and not isinstance(page, Response):
            page = await page(request)
        return page if isinstance(page, Response) else Response(page, media_type="text/xml")

    async def media(self, socket: WebSocket) -> None:
        self.upgrades.append(dict(socket.headers))
        url = PUBLIC_URL.replace("https", "wss") + socket.url.path
        if not RequestValidator(TOKEN).validate(url, {}, socket.headers.get("x-twilio-signature", "")):
            await socket.close()
            return
        await socket.accept()
        try:
            self.messages.append(json.loads(await socket.receive_text()))
            start = json.loads(await socket.receive_text())
            self.messages.append(start)
            await self.talk(self, socket, start["streamSid"])
            await socket.close()
        except (WebSocketDisconnect, RuntimeError):
            return
