"""One message to one address, once: guarded, signed, not followed, and no longer than it may take."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2

from bridge.config import Settings, is_loopback
from bridge.errors import ConfigError, ToolError
from bridge.notify.schedule import Answer
from bridge.notify.signature import signed
from bridge.store.ids import new_id
from bridge.store.webhooks import Event, body_of
from bridge.tools.outward import Guard, OutwardTransport

LONGEST_S = 15.0
"""A receiver that takes longer has not taken it; the specification asks for 15 to 30 s."""
LOOPBACK = ("127.0.0.0/8", "::1/128", "localhost")


def is_house_alone(settings: Settings) -> bool:
    """Is this a house that nobody outside can call (demo, development, tests)? Then it may tell this very machine."""
    host = urlsplit(settings.public_url).hostname or ""
    return settings.insecure_dev or not host or is_loopback(host)


def check_url(url: str, *, alone: bool, name: str) -> None:
    """Raises ConfigError for what can be no endpoint; `name`: what it is called where the user wrote it."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, usable = urlsplit(""), False
    if not usable or parts.username or parts.fragment:
        # Not shown: what stands before an @ or behind a ? may be a key.
        raise ConfigError(f"{name} cannot be used: it must look like https://host/path, without a user name")
    local = is_loopback(parts.hostname or "")
    if parts.scheme == "http" and not local:
        raise ConfigError(f"{name} cannot be used: http:// is only for this machine; use https://")
    if local and not alone:
        raise ConfigError(f"{name} cannot be used: a house that can be called from outside tells no loopback address")


class Post:
    """Sends messages. Belongs to the loop that it is first used on."""

    def __init__(self, settings: Settings) -> None:
        guard = Guard(LOOPBACK if is_house_alone(settings) else ())
        self._http = httpx2.AsyncClient(
            transport=OutwardTransport(guard), timeout=LONGEST_S, follow_redirects=False, trust_env=False
        )

    async def send(self, url: str, secret: str, message_id: str, body: str, at: float) -> Answer:
        """Send it. Nothing is raised: whatever happens is an answer."""
        loop = asyncio.get_running_loop()
        began = loop.time()

        def took() -> int:
            return round((loop.time() - began) * 1000)

        headers = signed(secret, message_id, at, body) | {"user-agent": "callbridge (webhooks)"}
        try:
            async with asyncio.timeout(LONGEST_S):
                async with self._http.stream("POST", url, content=body.encode(), headers=headers) as answer:
                    status, after = answer.status_code, answer.headers.get("retry-after", "")
        except ToolError as error:
            return Answer(0, took(), str(error), hopeless=True)
        except (TimeoutError, httpx2.TimeoutException):
            return Answer(0, took(), f"no answer within {LONGEST_S:g} s")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            return Answer(0, took(), f"{type(error).__name__}: {error}"[:300])
        moved = "it redirects, and that is not followed" if 300 <= status < 400 else ""
        return Answer(status, took(), moved, retry_after(after, at))

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


async def send_test(settings: Settings, url: str, secret: str, by: str) -> tuple[str, Answer]:
    """One message that says nothing but who sent it; its id, and what was answered. Nothing is raised."""
    now, message_id = time.time(), new_id("msg")
    post = Post(settings)
    try:
        body = body_of(Event("webhook.test", "webhook.test", now, {"by": by}))
        return message_id, await post.send(url, secret, message_id, body, now)
    finally:
        await post.close()


def retry_after(text: str, now: float) -> float | None:
    """`120` or a date, as seconds from now; None for anything else."""
    text = text.strip()
    if text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        at = parsedate_to_datetime(text) if text else None
    except (ValueError, TypeError, OverflowError):
        return None
    if at is None:
        return None
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now)
