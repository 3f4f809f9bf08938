"""The speech-to-speech model: does it open a session for us?"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlsplit

from bridge.config import Settings, is_loopback
from bridge.errors import ModelError
from bridge.realtime.connection import connect
from bridge.realtime.credentials import session_headers, session_url
from bridge.web.checks.check import Result
from bridge.web.checks.scene import HTTP_S, Scene

KEYS = "https://platform.openai.com/api-keys"
KEY_LINE = "OPENAI_API_KEY=sk-..."
_NO_ACCESS = {"model_not_found", "invalid_model", "missing_model"}
_NO_MONEY = {"insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached"}


async def model(scene: Scene) -> Result:
    """Open a realtime session, wait until it is there, close it. It costs nothing."""
    settings = scene.settings
    host = urlsplit(settings.realtime_url).hostname or ""
    if not settings.openai_api_key and not is_loopback(host):
        return Result(
            "fail",
            "OPENAI_API_KEY is not set",
            f"{host} answers nobody without a key",
            f"put {KEY_LINE} into .env (a key is made at {KEYS}), or try it without one: callbridge dev",
            (KEY_LINE,),
        )
    began = time.monotonic()
    try:
        first = await _first_message(settings)
    except ModelError as error:
        return _refused(settings, str(error), "")
    took = f"{round((time.monotonic() - began) * 1000)} ms"
    if first.get("type") == "session.created":
        return Result("ok", f"{_shown_key(settings)}realtime session opened and closed in {took}")
    problem = first.get("error")
    problem = problem if isinstance(problem, dict) else {}
    return _refused(settings, str(problem.get("message") or first)[:300], str(problem.get("code") or ""))


async def _first_message(settings: Settings) -> dict[str, Any]:
    """What the server says first; an error it closes with is one of these. Raises ModelError."""
    heard: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def on_messages(messages: list[bytes]) -> None:
        if not heard.done():
            heard.set_result(_object(messages[0]))

    def on_close(code: int, reason: str) -> None:
        if not heard.done():
            said = {"message": f"the server closed the session ({code} {reason})", "code": reason.rpartition(".")[2]}
            heard.set_result({"type": "error", "error": said})

    url, headers = session_url(settings), session_headers(settings)
    socket = await connect(url, headers, on_messages, on_close, timeout_s=HTTP_S)
    try:
        return await heard
    finally:
        socket.close()


def _object(message: bytes) -> dict[str, Any]:
    try:
        found = json.loads(message)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"error": {"message": "its first message is no Realtime event"}}


def _refused(settings: Settings, said: str, code: str) -> Result:
    detail = f"{_shown_key(settings)}{said}"
    if "401" in said or "403" in said or code == "invalid_api_key":
        return Result("fail", detail, "the key is wrong, or was revoked", f"make a new key at {KEYS}", (KEY_LINE,))
    if code in _NO_ACCESS or "404" in said:
        cause = f"this key's project may not use the model {settings.realtime_model}, or there is none of that name"
        line = "REALTIME_MODEL=gpt-realtime"
        return Result("fail", detail, cause, f"allow the model for the project, or put {line} into .env", (line,))
    if code in _NO_MONEY or "429" in said:
        cause = "the account has no credit left, or asks to slow down"
        return Result("fail", detail, cause, "https://platform.openai.com/settings/organization/billing")
    host = urlsplit(settings.realtime_url).netloc.rpartition("@")[2]
    return Result(
        "fail",
        detail,
        f"no session could be opened with {host}",
        "start that server (callbridge sim model is one), or correct REALTIME_URL in .env",
    )


def _shown_key(settings: Settings) -> str:
    """`sk-...f3Qx  `: enough to tell one key from another, and of a short one nothing."""
    key = settings.openai_api_key
    if not key:
        return "without a key: "
    return f"{key[:3]}...{key[-4:]}  " if len(key) >= 24 else "key ***  "
