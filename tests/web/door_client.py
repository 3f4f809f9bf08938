"""A carrier written by hand, as small as can be: signed requests and one media socket, over real sockets."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode

import httpx2
from house_world import ACCOUNT, CALLER, NUMBER, PUBLIC_URL, TOKEN, House
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect

SID = "CA" + "1" * 32
STREAM = "MZ" + "2" * 32


def form(**changes: str) -> dict[str, str]:
    """An incoming call as Twilio posts it."""
    fields = {"AccountSid": ACCOUNT, "CallSid": SID, "From": CALLER, "To": NUMBER, "CallStatus": "ringing"}
    return fields | {"Direction": "inbound", "ApiVersion": "2010-04-01", "CallerName": ""} | changes


def sign(url: str, fields: dict[str, str] | None = None, token: str = TOKEN) -> str:
    """X-Twilio-Signature, by Twilio's own package."""
    return str(RequestValidator(token).compute_signature(url, fields or {}))


async def post(
    house: House, path: str, fields: dict[str, str], *, public: str = PUBLIC_URL, seen_path: str = "", **headers: str
) -> httpx2.Response:
    """A signed webhook. `seen_path`: the path as it reaches us, where a proxy changed it."""
    given = {"x-twilio-signature": sign(public + path, fields), "content-type": "application/x-www-form-urlencoded"}
    async with httpx2.AsyncClient() as client:
        url = f"http://127.0.0.1:{house.port}{seen_path or path}"
        sent = {name: value.encode("latin-1") for name, value in (given | headers).items()}
        return await client.post(url, content=urlencode(fields), headers=sent)


def stream_path(answer: httpx2.Response) -> str:
    """The path of the media socket that an answer document names."""
    found = re.search(r'<Stream[^>]* url="wss?://[^/]+([^"]+)"', answer.text)
    assert found is not None, answer.text
    return found.group(1)


def media_socket(house: House, path: str, *, public: str = PUBLIC_URL, **options: Any) -> connect:
    """A signed upgrade to this path."""
    url = public.replace("http", "ws", 1) + path
    headers = {"X-Twilio-Signature": sign(url)} | options.pop("headers", {})
    options.setdefault("compression", None)
    return connect(
        f"ws://127.0.0.1:{house.port}{path}",
        additional_headers=headers,
        user_agent_header="Twilio.TmeWs/1.0",
        **options,
    )


def start(sid: str = SID, stream: str = STREAM, account: str = ACCOUNT) -> str:
    """The start message."""
    body = {"accountSid": account, "streamSid": stream, "callSid": sid, "tracks": ["inbound"], "customParameters": {}}
    body["mediaFormat"] = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}  # type: ignore[assignment]
    return json.dumps({"event": "start", "sequenceNumber": "1", "start": body, "streamSid": stream})


async def begin(socket: ClientConnection, sid: str = SID) -> None:
    """Connected and start, as Twilio sends them."""
    await socket.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
    await socket.send(start(sid))
