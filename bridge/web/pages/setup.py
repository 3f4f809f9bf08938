"""`/setup`: is everything there that a call needs? Each check comes by itself, says what is wrong, and may mend it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from bridge.config import Sourced
from bridge.errors import BridgeError
from bridge.web.answers import NotThere
from bridge.web.checks.check import Check, Finding, as_document
from bridge.web.checks.registry import CHECKS, check_of
from bridge.web.pages.overview import FailedCheck
from bridge.web.problem import refusal
from bridge.web.render import flash, page
from bridge.web.services import Services

SHOWN = (
    "OPENAI_API_KEY",
    "REALTIME_URL",
    "REALTIME_MODEL",
    "TWILIO_ACCOUNT_SID",
    "TWILIO_AUTH_TOKEN",
    "TWILIO_PHONE_NUMBER",
    "PUBLIC_URL",
    "BRIDGE_DATA",
)
"""What somebody who sets up wants to know first; all the others are on the page of settings."""


class SetupPage:
    """The handlers."""

    def __init__(self, services: Services) -> None:
        self._s = services

    def failed(self) -> list[FailedCheck]:
        """What failed when it was last looked at, for the overview."""
        return [FailedCheck(one.check.title, one.result.detail, one.result.fix) for one in self._s.checks.failing()]

    async def show(self, request: Request) -> Response:
        """The page; each row is asked for by the browser. `?all=1`: with all findings, for who runs no scripts."""
        findings: dict[str, Finding] = {}
        if request.query_params.get("all"):
            findings = {one.check.id: one for one in await self._s.checks.look(CHECKS)}
        rows = [row for row in Sourced(self._s.settings, self._s.sources).rows() if row["name"] in SHOWN]
        return page(request, "setup.html", checks=CHECKS, findings=findings, rows=rows)

    async def row(self, request: Request) -> Response:
        """One check, looked at now: a part of the page."""
        check = check_of(request.path_params["check"])
        if check is None:
            return refusal(request, 404, "Not Found", "there is no such check")
        return await self._row(request, await self._s.checks.look_at(check))

    async def fix(self, request: Request) -> Response:
        """Let a check mend what it found, by the page's button."""
        try:
            done = await self._mend(request, request.path_params["check"])
            told = ("good", f"{done[:1].upper()}{done[1:]}.")
        except BridgeError as error:
            told = ("bad", f"Not mended: {error}.")
        check = check_of(request.path_params["check"])
        if check is None or "hx-request" not in request.headers:
            return flash(RedirectResponse("/setup?all=1", 303), told[1], told[0])
        return await self._row(request, await self._s.checks.look_at(check), *told)

    async def _row(self, request: Request, found: Finding, tone: str = "", told: str = "") -> Response:
        return page(request, "setup_row.html", one=found, tone=tone, told=told)

    async def _mend(self, request: Request, check_id: str) -> str:
        """Raises NotThere, and what mending raises."""
        check = check_of(check_id)
        if check is None or check.fix is None:
            raise NotThere("there is no check of this id that can mend what it finds")
        done = await check.fix(self._s.checks.scene())
        self._s.checks.scene(fresh=True)
        await self._s.audit(request, "setup.fix", check.id, after={"done": done})
        return done

    # ---- the same as JSON

    async def findings(self, request: Request) -> Response:
        """`GET /api/v1/setup?only=openai,twilio`: look at everything, or at some, now."""
        only = {word for word in request.query_params.get("only", "").split(",") if word}
        wanted: list[Check] = [check for check in CHECKS if not only or check.id in only]
        return JSONResponse(as_document(await self._s.checks.look(wanted)))

    async def mend(self, request: Request) -> Response:
        """`POST /api/v1/setup/{id}/fix`. Raises NotThere, CarrierError, StoreError, UsageError."""
        return JSONResponse({"done": await self._mend(request, request.path_params["check"])})
