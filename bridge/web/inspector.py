"""What the carrier asked and told us lately, and what we answered: a ring in memory, for people who look for a fault.

Headers never stand here (one of them is a signature), nor tokens (what follows the second part of a path may be one);
what is private is shortened. Strangers have a ring of their own: they cannot push out what the carrier said.

Some of what the carrier signed can be played again: signed anew by us, through the whole public app, and marked as what
it is. It is only what can neither begin a call nor move one:

    /twilio/voice              the question of an incoming call; its answer is told once more, and no call begins
    /twilio/status[/{token}]   that a call is over, which may have been lost when the database was away
    /twilio/stream, /twilio/amd, /twilio/recording    what is only written into the log

All else (what comes next for a caller, what a person hears whom they are handed to, who picked up) decides where
somebody on the line goes; played again it could take them out of a talk, or ring a person twice.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from operator import attrgetter
from typing import Literal
from urllib.parse import parse_qsl

import httpx2
from starlette.types import ASGIApp

from bridge.carriers.base import RawRequest, Webhook
from bridge.errors import UsageError, WireError

KEPT = 200
"""Requests of the carrier."""
KEPT_OF_STRANGERS = 50
LONGEST_VALUE = 120
MOST_FIELDS = 100
SECRET = ("token", "secret", "signature", "password", "auth")
"""A field in whose name one of these stands is not shown at all. (With a CallToken a call is forwarded.)"""
PRIVATE = ("from", "to", "caller", "called", "name", "digits", "speech", "body", "text", "zip", "city")
"""A field in whose name one of these stands is shortened."""
HARMLESS = ("fromcountry", "tocountry", "fromstate", "tostate", "direction")

ONCE_MORE = {
    "voice": "We are asked once more what this caller shall hear, and the answer is shown here alone. No call begins: "
    "while theirs runs they are told the same as before, and nobody hears it; after that, that there is nobody.",
    "status": "We are told once more that this call is over. What is settled by it stays as it is; what was lost, "
    "because the database was away, is settled now. Nobody is called.",
    "stream": "It is written into the log once more, and nothing else comes of it.",
}
ONCE_MORE |= {"amd": ONCE_MORE["stream"], "recording": ONCE_MORE["stream"]}
NOT_SIGNED = "It is not played again: the carrier did not sign it."
NOT_OVER = "It is not played again: it tells of a call that goes on."
NOT_ASKED = "It is not played again: it decides where somebody on the line goes."

Signature = Literal["good", "bad", "not checked", "unread"]


@dataclass(frozen=True, slots=True)
class Inbound:
    """One request."""

    id: str
    number: int
    """Counted from 1, since the process began."""
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
    error: str
    replay_of: str
    """Which one this was when it was played again; "" for what came from outside."""
    again: bool
    """It can be played again."""
    effect: str
    """What playing it again will do, or why it cannot be: one sentence or two."""


@dataclass(slots=True)
class Seen:
    """What is known of a request while it is answered."""

    method: str
    path: str
    raw: RawRequest | None = None
    signature: Signature = "unread"
    taken: bool = False
    """For the carrier's."""
    status: int = 500
    """What becomes of an error that nobody expected."""
    error: str = ""


@dataclass(slots=True)
class _Replay:
    """Of which one, and what came of it."""

    of: str
    row: Inbound | None = None


_replay: ContextVar[_Replay | None] = ContextVar("replay", default=None)
"""Set in the task that plays one again: nothing that comes from outside can say so."""


class Inspector:
    """The rings. `app` is the public app, set by whoever makes it; `changed` is called when there is something new."""

    def __init__(self, webhook: Webhook, changed: Callable[[], None]) -> None:
        self.app: ASGIApp | None = None
        self._webhook = webhook
        self._changed = changed
        self._carriers: deque[tuple[Inbound, RawRequest]] = deque(maxlen=KEPT)
        self._strangers: deque[Inbound] = deque(maxlen=KEPT_OF_STRANGERS)
        self._count = count(1)

    @property
    def rows(self) -> list[Inbound]:
        """Newest first."""
        found = [row for row, _ in self._carriers] + list(self._strangers)
        return sorted(found, key=attrgetter("number"), reverse=True)

    @property
    def replaying(self) -> bool:
        """What is answered at this moment is played again: nobody is on the line."""
        return _replay.get() is not None

    @contextmanager
    def watching(self, method: str, path: str) -> Iterator[Seen]:
        """Held while a request is answered; what is left in it is kept."""
        at, began = time.time(), time.perf_counter()
        seen = Seen(method, path)
        try:
            yield seen
        finally:
            self._keep(seen, at, round((time.perf_counter() - began) * 1000))

    def _keep(self, seen: Seen, at: float, ms: int) -> None:
        raw, number, replay = seen.raw, next(self._count), _replay.get()
        again, effect = self._again(seen)
        row = Inbound(
            f"in_{number}",
            number,
            at,
            seen.method,
            bare_path(seen.path),
            seen.signature,
            seen.status,
            ms,
            () if raw is None else shown_fields(raw.body),
            seen.error,
            "" if replay is None else replay.of,
            again,
            effect,
        )
        if raw is not None and seen.taken:
            self._carriers.append((row, raw))
        else:
            self._strangers.append(row)
        if replay is not None:
            replay.row = row
        self._changed()

    def _again(self, seen: Seen) -> tuple[bool, str]:
        """Can it be played again; and what would come of it, or why not?"""
        if seen.raw is None or not seen.taken:
            return False, NOT_SIGNED
        kind, _, token = seen.path.removeprefix("/twilio/").partition("/")
        if kind not in ONCE_MORE or (token and kind != "status"):
            return False, NOT_ASKED
        if kind == "status" and not self._is_end(seen.raw):
            return False, NOT_OVER
        return True, ONCE_MORE[kind]

    def _is_end(self, raw: RawRequest) -> bool:
        try:
            return self._webhook.report(self._webhook.form(raw)).over
        except WireError:
            return False

    async def replay(self, wanted: str) -> Inbound:
        """Play one again; what came of it. Raises UsageError."""
        row, raw = next(((row, raw) for row, raw in self._carriers if row.id == wanted), (None, None))
        if row is None or raw is None or self.app is None:
            raise UsageError("this request cannot be played again: it is too old, or the carrier did not sign it")
        if not row.again:
            raise UsageError(f"{row.effect[:1].lower()}{row.effect[1:].rstrip('.')}")
        headers = {"content-type": raw.headers.get("content-type", "")}
        if self._webhook.checks:
            headers |= self._webhook.sign(raw)
        url = "http://replay" + raw.path + (f"?{raw.query}" if raw.query else "")
        playing = _Replay(wanted)
        mark = _replay.set(playing)
        try:
            transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx2.AsyncClient(transport=transport) as client:
                await client.request(row.method, url, content=raw.body, headers=headers)
        finally:
            _replay.reset(mark)
        if playing.row is None:
            raise UsageError("this request could not be played again: nothing took it")
        return playing.row


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
    if any(word in name for word in SECRET):
        return "(not shown)"
    private = name not in HARMLESS and not name.endswith("sid") and any(word in name for word in PRIVATE)
    if private:
        return f"{value[:5]}...{value[-2:]}" if len(value) > 8 else "..."
    return value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}..."
