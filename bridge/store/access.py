"""Who may use the admin listener: tokens that were given out, and the sessions of people who logged in with one.

Of both only a SHA-256 is kept: what opens the door is random and long, and stands nowhere but with its owner. A session
names the credential it was opened with, so that it ends when that is revoked.
"""

from __future__ import annotations

import hashlib
import secrets

import sqlalchemy as sa

from bridge.errors import StoreConflict, StoreError
from bridge.store.base import Token, WebSession
from bridge.store.database import Database
from bridge.store.ids import new_id
from bridge.store.tables import access_tokens, as_row, values, web_sessions

PREFIX = "cbt_"
"""Begins every token: whoever finds one in a log knows what it opens."""
USED_S = 60.0
"""`last_used_at` and `seen_at` are written at most this often."""
_GOOD = access_tokens.c.revoked_at.is_(None)


def digest(secret: str) -> str:
    """What is kept of a token or a session's cookie."""
    return hashlib.sha256(secret.encode()).hexdigest()


class AccessStore:
    """Tokens and sessions, one transaction a question. Times are epoch seconds."""

    def __init__(self, db: Database) -> None:
        self.db = db

    # ---- tokens

    async def create_token(self, name: str, scope: str, by: str, now: float) -> tuple[Token, str]:
        """A new token and the secret itself, which nobody can be told again. Raises StoreError."""
        secret = PREFIX + secrets.token_urlsafe(32)
        made = Token(new_id("tok", now), name, scope, now, by)
        await self.db.write(_add_token, made, digest(secret))
        return made, secret

    async def tokens(self) -> list[Token]:
        """All, newest first, revoked ones too. Raises StoreError."""
        return await self.db.read(_tokens)

    async def revoke_token(self, token_id: str, now: float) -> Token | None:
        """Let nobody in by it any more; its sessions end. None when there is no such token. Raises StoreError."""
        return await self.db.write(_revoke, token_id, now)

    async def find_token(self, secret: str, now: float) -> Token | None:
        """The token that is this secret, unless it was revoked; its use is noted. Raises StoreError."""
        found = await self.db.read(_find_token, digest(secret))
        if found is not None and (found.last_used_at or 0.0) < now - USED_S:
            await self.db.write(_used, found.id, now)
        return found

    # ---- sessions

    async def open_session(self, credential: str, client: str, now: float, oldest: float) -> str:
        """Somebody logged in by a credential (its digest); returns what their cookie shall hold.

        `oldest`: sessions opened before are forgotten. Raises StoreError.
        """
        secret = secrets.token_urlsafe(32)
        made = WebSession(new_id("ses", now), credential, client[:200], now, now)
        await self.db.write(_open, made, digest(secret), oldest)
        return secret

    async def find_session(self, secret: str, now: float, idle_s: float, longest_s: float) -> WebSession | None:
        """The session of a cookie, unless it is over; it is seen now. Raises StoreError."""
        found = await self.db.read(_find_session, digest(secret))
        if found is None or found.seen_at < now - idle_s or found.created_at < now - longest_s:
            return None
        if found.seen_at < now - USED_S:
            await self.db.write(_seen, found.id, now)
        return found

    async def sessions(self, seen_after: float, created_after: float) -> list[WebSession]:
        """Those that are not over, newest first. Raises StoreError."""
        return await self.db.read(_sessions, seen_after, created_after)

    async def close_session(self, session_id: str) -> bool:
        """Whoever has it must log in again; False when there is none. Raises StoreError."""
        return await self.db.write(_close, session_id)

    async def token_of(self, credential: str) -> Token | None:
        """The token with this digest, unless it was revoked. Raises StoreError."""
        return await self.db.read(_find_token, credential)


def _add_token(conn: sa.Connection, made: Token, hashed: str) -> None:
    same = sa.select(access_tokens.c.id).where(access_tokens.c.name == made.name, _GOOD)
    if conn.execute(same).first() is not None:
        raise StoreConflict(f"there is a token {made.name!r} already: take another name, or revoke it first")
    conn.execute(access_tokens.insert(), values(made) | {"hash": hashed})


def _tokens(conn: sa.Connection) -> list[Token]:
    found = conn.execute(sa.select(access_tokens).order_by(access_tokens.c.id.desc()))
    return [as_row(Token, row) for row in found.mappings()]


def _revoke(conn: sa.Connection, wanted: str, now: float) -> Token | None:
    row = conn.execute(sa.select(access_tokens).where(access_tokens.c.id == wanted)).mappings().first()
    if row is None:
        return None
    conn.execute(access_tokens.update().where(access_tokens.c.id == wanted, _GOOD).values(revoked_at=now))
    conn.execute(web_sessions.delete().where(web_sessions.c.credential == row["hash"]))
    return as_row(Token, row)


def _find_token(conn: sa.Connection, hashed: str) -> Token | None:
    row = conn.execute(sa.select(access_tokens).where(access_tokens.c.hash == hashed, _GOOD)).mappings().first()
    return None if row is None else as_row(Token, row)


def _used(conn: sa.Connection, wanted: str, now: float) -> None:
    conn.execute(access_tokens.update().where(access_tokens.c.id == wanted).values(last_used_at=now))


def _open(conn: sa.Connection, made: WebSession, hashed: str, oldest: float) -> None:
    conn.execute(web_sessions.delete().where(web_sessions.c.created_at < oldest))
    conn.execute(web_sessions.insert(), values(made) | {"hash": hashed})


def _find_session(conn: sa.Connection, hashed: str) -> WebSession | None:
    row = conn.execute(sa.select(web_sessions).where(web_sessions.c.hash == hashed)).mappings().first()
    return None if row is None else as_row(WebSession, row)


def _seen(conn: sa.Connection, session_id: str, now: float) -> None:
    conn.execute(web_sessions.update().where(web_sessions.c.id == session_id).values(seen_at=now))


def _sessions(conn: sa.Connection, seen_after: float, created_after: float) -> list[WebSession]:
    lasting = (web_sessions.c.seen_at >= seen_after, web_sessions.c.created_at >= created_after)
    found = conn.execute(sa.select(web_sessions).where(*lasting).order_by(web_sessions.c.id.desc()))
    return [as_row(WebSession, row) for row in found.mappings()]


def _close(conn: sa.Connection, session_id: str) -> bool:
    return conn.execute(web_sessions.delete().where(web_sessions.c.id == session_id)).rowcount > 0


def by_name(tokens: list[Token], wanted: str) -> Token:
    """The token with this id, or the good one with this name. Raises StoreError when there is none."""
    for token in tokens:
        if token.id == wanted or (token.name == wanted and token.revoked_at is None):
            return token
    raise StoreError(f"there is no token {wanted!r}; `callbridge tokens list` shows what there are")
