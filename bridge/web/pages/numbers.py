"""`/numbers`: the account's numbers, whom each points at, and what it pointed at before."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from bridge.errors import BridgeError, CarrierError, StoreError, UsageError
from bridge.store.number_book import NumberBook
from bridge.web.answers import NotThere
from bridge.web.number_desk import Changed, NumberDesk, Rows
from bridge.web.render import flash, page
from bridge.web.services import Services

WAIT_S = 6.0
"""A carrier that answers slower is told of instead of a list."""
VERBS = ("attach", "detach", "restore")


class NumbersPage:
    """The handlers."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._desk = NumberDesk(services.carrier.control, NumberBook(services.settings.data))

    async def show(self, request: Request) -> Response:
        """The page."""
        rows: Rows = []
        trial, verified, trouble = False, "", ""
        try:
            async with asyncio.timeout(WAIT_S):
                rows = await self._desk.rows(self._s.settings.public_url)
                account = await self._s.checks.scene().account()
            trial, verified = account.trial, ", ".join(account.verified) or "none yet"
        except TimeoutError:
            trouble = f"the carrier did not answer within {WAIT_S:g} s"
        except (CarrierError, StoreError) as error:
            trouble = str(error)
        return page(
            request,
            "numbers.html",
            rows=rows,
            trial=trial,
            verified=verified,
            trouble=trouble,
            public_url=self._s.settings.public_url,
            own=self._s.settings.twilio_phone_number,
        )

    async def change(self, request: Request) -> Response:
        """Attach, detach or restore, by the page's forms."""
        back = RedirectResponse("/numbers", 303)
        try:
            done = await self._change(request)
        except BridgeError as error:
            return flash(back, f"{error}.", "bad")
        if done.warning:
            return flash(back, f"{done.warning}.", "warn")
        return flash(back, f"{done.number} points at {done.after.voice_url or 'nobody'} now.")

    # ---- the same as JSON

    async def rows(self, _: Request) -> Response:
        """`GET /api/v1/numbers`. Raises CarrierError, StoreError."""
        return JSONResponse({"numbers": await self._desk.rows(self._s.settings.public_url)})

    async def move(self, request: Request) -> Response:
        """`POST /api/v1/numbers/{number}/attach|detach|restore`. Raises NotThere and what changing it raises."""
        done = await self._change(request)
        return JSONResponse(asdict(done) | {"warning": done.warning})

    async def _change(self, request: Request) -> Changed:
        number, verb = request.path_params["number"], request.path_params["verb"]
        if verb not in VERBS:
            raise NotThere(f"a number can be changed by {', '.join(VERBS)}")
        if verb == "attach":
            if not self._s.settings.public_url:
                raise UsageError("PUBLIC_URL is not set: there is no address to point the number at")
            done = await self._desk.attach(number, self._s.settings.public_url)
        elif verb == "detach":
            done = await self._desk.detach(number)
        else:
            done = await self._desk.restore(number)
        self._s.checks.scene(fresh=True)
        before, after = {"voice_url": done.before.voice_url}, {"voice_url": done.after.voice_url}
        await self._s.audit(request, f"number.{verb}", number, before, after)
        return done
