"""The admin API of calls that we place: one call, and what became of an attempt."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bridge.dialer.rules import Rules
from bridge.dialer.shown import attempt_row
from bridge.dialer.single import CallRequest
from bridge.store.base import Attempt
from bridge.web.answers import NotThere, desk_of
from bridge.web.bodies import Body, read_body
from bridge.web.services import Services


class NewCall(Body):
    """What is asked for; what is not given keeps the default of a campaign's rule of that name."""

    to: str = Field(min_length=1, max_length=100)
    agent: str = Field(default="", max_length=500)
    from_number: str = Field(default="", alias="from", max_length=20)
    variables: dict[str, str | int | float | bool] = Field(default_factory=dict)
    ring_s: Any = None
    max_minutes: Any = None
    voicemail: Any = None
    voicemail_text: Any = None
    voicemail_file: Any = None
    purpose: Any = None
    company: Any = None
    language: Any = None
    disclosure: Any = None
    budget_call_usd: Any = None
    price_minute_usd: Any = None
    carrier_minute_usd: Any = None

    def request(self, key: str) -> CallRequest:
        """As the dialer takes it. Raises UsageError for a rule that cannot be."""
        rules = self.model_dump(exclude={"to", "agent", "from_number", "variables"}, exclude_none=True)
        if self.from_number:
            Rules.read({"numbers": [self.from_number]})
        return CallRequest(
            to=self.to,
            agent=self.agent,
            from_number=self.from_number,
            variables={name: str(value) for name, value in self.variables.items()},
            rules=rules,
            key=key,
        )


class SingleCallApi:
    """Handlers of single calls and attempts."""

    def __init__(self, services: Services) -> None:
        self._s = services

    async def place(self, request: Request) -> Response:
        """`{"to": "+1..."}` calls somebody: 201 with the attempt.

        With an `Idempotency-Key` the same request is the same call: 200 with its attempt as it stands by then.
        """
        desk = desk_of(self._s)
        body = await read_body(request, NewCall)
        asked = body.request(request.headers.get("idempotency-key", "").strip())
        # An agent's file and the numbering plans are read from the disk when they are first needed.
        await asyncio.to_thread(desk.single.check, asked)
        placed = await desk.single.place(asked)
        if not placed.repeated:
            await self._s.audit(request, "call.dial", placed.attempt.id, after={"to": body.to, "agent": body.agent})
        status = 200 if placed.repeated else 201
        headers = {"location": f"/api/v1/attempts/{placed.attempt.id}"}
        return JSONResponse(attempt_row(placed.attempt), status, headers)

    async def show(self, request: Request) -> Response:
        """One attempt as it stands."""
        return JSONResponse(attempt_row(await self._attempt(request)))

    async def hang_up(self, request: Request) -> Response:
        """`{}`: called off while it rings; when they talk, the agent leaves. 202; 200 for one that is over."""
        await read_body(request, Body)
        attempt = await self._attempt(request)
        outbound = desk_of(self._s).outbound
        under_way = outbound is not None and await outbound.end(attempt)
        await self._s.audit(request, "call.hangup", attempt.id)
        return JSONResponse(attempt_row(await self._attempt(request)), 202 if under_way else 200)

    async def _attempt(self, request: Request) -> Attempt:
        found = await desk_of(self._s).single.get(request.path_params["attempt_id"])
        if found is None:
            raise NotThere("there is no such attempt")
        return found
