"""Who may use the admin listener, and as what.

Roles: a viewer looks, an operator acts on calls and campaigns, an admin rules (settings, tokens). Who somebody is comes
from a Bearer token (BRIDGE_ADMIN_TOKEN, or one from the database), or from the cookie of a session that was opened with
one on `/login`. Without BRIDGE_ADMIN_TOKEN whoever reaches the listener without any of these is the admin `local`: it
listens to this machine alone then, and answers to loopback names only (see `guard.py`).
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from bridge.config import Settings
from bridge.errors import RefusedRequest, StoreError
from bridge.store.access import AccessStore
from bridge.store.base import Token
from bridge.store.database import Database

IDLE_S = 1800.0
"""A session that nobody uses for so long is over."""
LONGEST_S = 12 * 3600.0
"""And in any case after this."""
COOKIE = "callbridge_session"
HOST_COOKIE = "__Host-callbridge_session"
"""Over TLS: a browser keeps this name only if it is Secure, of this host alone, and for all paths."""
TRIES = 5
TRIES_S = 60.0
"""Log-ins that may fail from one address in so long."""
MOST_ADDRESSES = 10_000


class Role(IntEnum):
    """What somebody may do; each may do what those before it may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """As a token's scope is written."""
        return self.name.lower()


SCOPES = {role.word: role for role in Role}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who was let in."""

    name: str
    role: Role
    session: str = ""
    """The id of their session; "" for programs and for `local`."""


LOCAL = Viewer("local", Role.ADMIN)


class TooManyTries(RefusedRequest):
    """Too many log-ins failed from this address; wait a minute."""


class Access:
    """The door. `db` gives the database or raises DatabaseLost; `clock` gives epoch seconds."""

    def __init__(self, settings: Settings, db: Callable[[], Database], clock: Callable[[], float] = time.time) -> None:
        self._token = settings.admin_token
        self._db = db
        self._clock = clock
        self._failed: dict[str, deque[float]] = {}

    @property
    def open(self) -> bool:
        """Nobody needs a token here."""
        return not self._token

    async def who(self, headers: Headers) -> Viewer | None:
        """Who sends a request with these headers; None for somebody who has to say so first. Raises StoreError."""
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return await self._by_token(given.strip())
        secret = session_cookie(headers)
        if secret:
            try:
                found = await self._by_session(secret)
            except StoreError:
                if not self.open:
                    raise
                found = None
            if found is not None:
                return found
        return LOCAL if self.open else None

    async def _by_token(self, given: str) -> Viewer | None:
        if self._token and hmac.compare_digest(given.encode(), self._token.encode()):
            return Viewer("admin", Role.ADMIN)
        found = await AccessStore(self._db()).find_token(given, self._clock())
        return None if found is None else _viewer(found)

    async def _by_session(self, secret: str) -> Viewer | None:
        store = AccessStore(self._db())
        session = await store.find_session(secret, self._clock(), IDLE_S, LONGEST_S)
        if session is None:
            return None
        if self._token and hmac.compare_digest(session.credential, self._own_credential):
            return Viewer("admin", Role.ADMIN, session.id)
        found = await store.token_of(session.credential)
        return None if found is None else _viewer(found, session.id)

    async def log_in(self, given: str, client: str, address: str) -> tuple[Viewer, str] | None:
        """Open a session with a token: who they are, and what their cookie shall hold. None: it is no good token.

        Raises:
            TooManyTries: this address guessed too often.
            StoreError: the database cannot be asked.
        """
        now = self._clock()
        tries = self._failed.get(address, deque())
        while tries and tries[0] < now - TRIES_S:
            tries.popleft()
        if len(tries) >= TRIES:
            raise TooManyTries
        found = await self._by_token(given)
        if found is None:
            if len(self._failed) >= MOST_ADDRESSES:
                self._failed.clear()
            tries.append(now)
            self._failed[address] = tries
            return None
        self._failed.pop(address, None)
        own = bool(self._token) and hmac.compare_digest(given.encode(), self._token.encode())
        credential = self._own_credential if own else hashlib.sha256(given.encode()).hexdigest()
        secret = await AccessStore(self._db()).open_session(credential, client, now, now - LONGEST_S)
        return found, secret

    async def log_out(self, who: Viewer) -> None:
        """Their session is over. Raises StoreError."""
        if who.session:
            await AccessStore(self._db()).close_session(who.session)

    @cached_property
    def _own_credential(self) -> str:
        """Stands in sessions for BRIDGE_ADMIN_TOKEN. People may have chosen a short one, so a plain hash of it would
        tell it to whoever gets hold of the database."""
        return hashlib.scrypt(self._token.encode(), salt=b"callbridge admin token", n=2**14, r=8, p=1).hex()


def session_cookie(headers: Headers) -> str:
    """What the session's cookie holds; "" without one."""
    cookies: dict[str, str] = cookie_parser(headers.get("cookie", ""))
    return cookies.get(HOST_COOKIE) or cookies.get(COOKIE) or ""


def _viewer(token: Token, session: str = "") -> Viewer:
    return Viewer(token.name, SCOPES.get(token.scope, Role.VIEWER), session)
