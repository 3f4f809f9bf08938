"""What the carrier asked and told us lately, and what we answered: a ring in memory, for people who look for a fault.

Tokens never stand here (what follows the second part of a path may be one), and what is private is shortened. A request
that the carrier signed can be played again: signed anew by us, through the whole public app, and marked as what it is.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from typing import Literal
from urllib.parse import parse_qsl

import httpx2
from starlette.types import ASGIApp

from bridge.carriers.base import RawRequest, Webhook
from bridge.errors import UsageError

log = logging.getLogger(__name__)

KEPT = 200
LONGEST_VALUE = 120
MOST_FIELDS = 100
PRIVATE = ("from", "to", "caller", "called", "name", "digits", "speech", "body", "text", "zip", "city")
"""A field in whose name one of these stands is shortened."""
HARMLESS = ("fromcountry", "tocountry", "fromstate", "tostate", "calltoken", "direction")

Signature = Literal["good", "bad", "not checked", "unread"]
_replaying: ContextVar[str] = ContextVar("replaying", default="")
"""Which request is being played again, in the task that does it: nothing that comes from outside can say so."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One request."""

    id: str
    at: float
    """Epoch seconds."""
    method: str
    path: str
    """Without tokens."""
    signature: Signature
    status: int
    ms: int
    fields: Sequence[tuple[str, str]]
    """As they may be shown."""
    error: str = ""
    replay_of: str = ""
    again: bool = False
    """It can be played again."""


class Inspector:
    """The ring. `app` is the public app, set by whoever makes it."""

    def __init__(self, webhook: Webhook) -> None:
        self.app: ASGIApp | None = None
        self._webhook = webhook
        self._rows: deque[Inbound] = deque(maxlen=KEPT)
        self._raw: dict[str, tuple[str, RawRequest]] = {}
        self._count = count(1)

    @property
    def rows(self) -> list[Inbound]:
        """Newest first."""
        return list(reversed(self._rows))

    def note(
        self,
        at: float,
        method: str,
        raw: RawRequest | None,
        path: str,
        signature: Signature,
        status: int,
        ms: int,
        error: str = "",
    ) -> None:
        """A request was answered."""
        name = f"in_{next(self._count)}"
        again = signature in ("good", "not checked") and raw is not None
        fields = shown_fields(raw.body) if raw is not None else ()
        row = Inbound(name, at, method, bare_path(path), signature, status, ms, fields, error, _replaying.get(), again)
        if len(self._rows) == KEPT:
            self._raw.pop(self._rows[0].id, None)
        self._rows.append(row)
        if again and raw is not None:
            self._raw[name] = (method, raw)

    async def replay(self, wanted: str) -> Inbound:
        """Play one again; what came of it. Raises UsageError."""
        if wanted not in self._raw or self.app is None:
            raise UsageError("this request cannot be played again: it is too old, or the carrier did not sign it")
        method, raw = self._raw[wanted]
        headers = {"content-type": raw.headers.get("content-type", "")} | dict(self._webhook.sign(raw))
        url = "http://replay" + raw.path + (f"?{raw.query}" if raw.query else "")
        mark = _replaying.set(wanted)
        try:
            transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx2.AsyncClient(transport=transport) as client:
                await client.request(method, url, content=raw.body, headers=headers)
        finally:
            _replaying.reset(mark)
        return self._rows[-1]


def bare_path(path: str) -> str:
    """`/twilio/voice/...`: what follows its second part may be a token."""
    parts = path.split("/")
    return "/".join(parts[:3]) + ("/..." if len(parts) > 3 else "")


def shown_fields(body: bytes) -> Sequence[tuple[str, str]]:
    """A form's fields as they may be shown; whatever is no form shows none."""
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=500)
    except ValueError:
        return ()
    return [(name[:60], _shown(name.lower(), value)) for name, value in pairs[:MOST_FIELDS] if value]


def _shown(name: str, value: str) -> str:
    private = name not in HARMLESS and not name.endswith("sid") and any(word in name for word in PRIVATE)
    if private:
        return f"{value[:5]}...{value[-2:]}" if len(value) > 8 else "..."
    return value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}..."
