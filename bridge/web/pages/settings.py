"""`/settings`: what is in force and where it came from; tokens and sessions; who did what."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from bridge.config import Sourced
from bridge.errors import StoreConflict, StoreError, UsageError
from bridge.store.access import AccessStore
from bridge.store.audit import Audit, AuditPage
from bridge.store.base import Token
from bridge.web.access import IDLE_S, LONGEST_S, SCOPES, Access, Role
from bridge.web.bodies import Body, read_body
from bridge.web.forms import form
from bridge.web.problem import problem
from bridge.web.render import flash, page
from bridge.web.services import Services

ENTRIES = 50
LONGEST_NAME = 60


class NewToken(Body):
    """`POST /api/v1/tokens`."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    scope: str = Field(pattern="^(viewer|operator|admin)$")


class SettingsPage:
    """The handlers."""

    def __init__(self, services: Services, access: Access) -> None:
        self._s = services
        self._access = access

    async def show(self, request: Request) -> Response:
        """The page. Its token's secret is shown once, to whoever made it."""
        return await self._page(request)

    async def _page(self, request: Request, made: str = "", status: int = 200) -> Response:
        tokens, sessions, trouble = [], [], ""
        try:
            if request.state.who.role >= Role.ADMIN:
                now = time.time()
                store = AccessStore(self._s.db)
                tokens = await store.tokens()
                sessions = await store.sessions(now - IDLE_S, now - LONGEST_S)
        except StoreError as error:
            trouble = str(error)
        rows = self._rows()
        return page(
            request,
            "settings.html",
            status,
            given=[row for row in rows if row["source"] != "default"],
            defaults=[row for row in rows if row["source"] == "default"],
            tokens=tokens,
            sessions=sessions,
            trouble=trouble,
            made=made,
            scopes=list(SCOPES),
            is_open=self._access.open,
        )

    async def audit(self, request: Request) -> Response:
        """`/settings/audit?subject=&before=`: the audit log, newest first. Raises StoreError."""
        subject = request.query_params.get("subject", "").strip()
        found = await self._entries(request, subject)
        return page(request, "audit.html", found=found, subject=subject)

    # ---- what admins do

    async def create_token(self, request: Request) -> Response:
        """A new token, by the page's form."""
        fields = await form(request)
        name, scope = fields.get("name", "").strip()[:LONGEST_NAME], fields.get("scope", "")
        if not name or scope not in SCOPES:
            return flash(_back(), "A token needs a name and a scope.", "bad")
        try:
            _, secret = await self._make(request, name, scope)
        except StoreConflict as error:
            return flash(_back(), f"{error}.", "bad")
        return await self._page(request, made=secret)

    async def revoke_token(self, request: Request) -> Response:
        """Nobody gets in by it any more, by the page's form. Raises StoreError."""
        gone = await self._revoke(request)
        if gone is None:
            return flash(_back(), "There is no such token.", "warn")
        return flash(_back(), f"The token {gone.name} opens nothing any more; its sessions are closed.")

    async def close_session(self, request: Request) -> Response:
        """Somebody has to log in again. Raises StoreError."""
        session_id = request.path_params["session_id"]
        if not await AccessStore(self._s.db).close_session(session_id):
            return flash(_back(), "That session was over already.", "warn")
        await self._s.audit(request, "session.close", session_id)
        return flash(_back(), "The session is closed.")

    async def _make(self, request: Request, name: str, scope: str) -> tuple[Token, str]:
        made, secret = await AccessStore(self._s.db).create_token(name, scope, request.state.who.name, time.time())
        await self._s.audit(request, "token.create", made.id, after={"name": name, "scope": scope})
        return made, secret

    async def _revoke(self, request: Request) -> Token | None:
        gone = await AccessStore(self._s.db).revoke_token(request.path_params["token_id"], time.time())
        if gone is not None:
            await self._s.audit(request, "token.revoke", gone.id, before={"name": gone.name, "scope": gone.scope})
        return gone

    # ---- the same as JSON

    async def values(self, _: Request) -> Response:
        """`GET /api/v1/settings`: every setting with its value (secrets masked), source and reason."""
        return JSONResponse({"settings": self._rows()})

    async def tokens(self, _: Request) -> Response:
        """`GET /api/v1/tokens`. Raises StoreError."""
        return JSONResponse({"tokens": [asdict(token) for token in await AccessStore(self._s.db).tokens()]})

    async def make_token(self, request: Request) -> Response:
        """`POST /api/v1/tokens`: a new one, and once its secret. Raises StoreError."""
        try:
            wanted = await read_body(request, NewToken)
            made, secret = await self._make(request, wanted.name, wanted.scope)
        except UsageError as error:
            return problem(400, "Bad Request", str(error))
        except StoreConflict as error:
            return problem(409, "Conflict", str(error))
        return JSONResponse(asdict(made) | {"token": secret}, 201)

    async def drop_token(self, request: Request) -> Response:
        """`DELETE /api/v1/tokens/{id}`. Raises StoreError."""
        gone = await self._revoke(request)
        return problem(404, "Not Found", "there is no such token") if gone is None else Response(status_code=204)

    def _rows(self) -> list[dict[str, Any]]:
        return list(Sourced(self._s.settings, self._s.sources).rows())

    async def _entries(self, request: Request, subject: str) -> AuditPage:
        before = request.query_params.get("before", "")
        place = int(before) if before.isdecimal() and len(before) < 18 else None
        return await Audit(self._s.db).page(ENTRIES, subject=subject, before=place)


def _back() -> Response:
    return RedirectResponse("/settings", 303)
