"""The admin API of campaigns: made, filled, checked, started, stopped, looked at, decided.

`{campaign}` in a path is an id, or the name of the newest one that is called so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Literal, get_args

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from bridge.agents.agent import Agent
from bridge.config import Settings
from bridge.dialer.importer import Intake
from bridge.dialer.lists import Filled, intake
from bridge.dialer.office import Office, Report
from bridge.dialer.results import json_row, results, table_pieces
from bridge.dialer.rules import kept
from bridge.dialer.shown import attempt_row, campaign_row, contact_row, report_row
from bridge.dialer.standstill import Standstill, standstill
from bridge.errors import CampaignRefused, ContactFileError, NoSuchCampaign, UsageError
from bridge.store.base import Campaign, ContactState
from bridge.web.answers import Handler, desk_of, in_pieces, long_document
from bridge.web.bodies import By, read_body, uploaded
from bridge.web.services import Services

MOST_ROWS = 500
_STATES = get_args(ContactState)


class _New(By):
    name: str = Field(min_length=1, max_length=200, pattern=r"^[^/]+$")
    """Stands in paths, so it has no slash."""
    agent: str = Field(default="", max_length=500)
    rules: dict[str, Any] = Field(default_factory=dict)


class _Edit(By):
    rules: dict[str, Any] = Field(default_factory=dict)
    agent: str | None = Field(default=None, max_length=500)


class _Move(By):
    reason: str = Field(default="", max_length=500)


class _Decision(By):
    decision: Literal["called", "dial"]


class CampaignApi:
    """Handlers of `/api/v1/campaigns` and `/api/v1/review`."""

    def __init__(self, services: Services) -> None:
        self._s = services

    # ---- make and change

    async def list(self, _: Request) -> Response:
        """All campaigns, oldest first."""
        rows = await desk_of(self._s).office.every()
        return JSONResponse({"campaigns": [campaign_row(row) for row in rows]})

    async def create(self, request: Request) -> Response:
        """`{"name": ..., "agent": ..., "rules": {...}}`: a draft without contacts; 201."""
        office = desk_of(self._s).office
        body = await read_body(request, _New)
        await self._agent(body.agent)
        await _refuse_twin(office, body.name)
        made = await office.create(body.name, body.agent, body.rules, body.by)
        return JSONResponse(campaign_row(made), 201, {"location": f"/api/v1/campaigns/{made.id}"})

    async def edit(self, request: Request) -> Response:
        """`{"rules": {...}, "agent": ...}`: these rules change, the others stay."""
        body = await read_body(request, _Edit)
        if body.agent is not None:
            await self._agent(body.agent)
        campaign = await self._campaign(request)
        after = await desk_of(self._s).office.edit(campaign.id, body.rules, body.by, agent=body.agent)
        return JSONResponse(campaign_row(after))

    def moves(self, verb: str) -> Handler:
        """`{"reason": ...}`: a handler for start, pause, resume or cancel."""

        async def move(request: Request) -> Response:
            body = await read_body(request, _Move)
            campaign = await self._campaign(request)
            after = await desk_of(self._s).office.move(campaign.id, verb, body.by, reason=body.reason)
            return JSONResponse(campaign_row(after))

        return move

    # ---- its people

    async def fill(self, request: Request) -> Response:
        """The CSV or XLSX file as it is: its people become the campaign's, in place of those it had.

        `?errors=all` tells every row that is refused, else the first 20 are told; `?by=` who asks.
        """
        desk = desk_of(self._s)
        campaign = await self._campaign(request)
        every = _one_of(request, "errors", ("", "all")) == "all"
        asked = _intake(campaign, await self._agent(campaign.agent), self._s.settings)
        who = request.query_params.get("by", "")[:100] or "admin API"
        async with uploaded(request, self._s.settings.data) as path:
            try:
                filled = await desk.lists.replace(campaign, path, asked, who, all_problems=every)
            except ContactFileError as error:
                raise ContactFileError(str(error).replace(str(path), "the file")) from None
        return _filled(filled)

    async def check(self, request: Request) -> Response:
        """`{}`: the dry run. The campaign is `checked` afterwards, unless it is under way already."""
        desk = desk_of(self._s)
        body = await read_body(request, By)
        campaign = await self._campaign(request)
        agent = await self._agent(campaign.agent)
        if campaign.state in ("draft", "checked"):
            await desk.office.move(campaign.id, "check", body.by)
        rules = kept(campaign.rules)
        countries = _intake(campaign, agent, self._s.settings).countries
        found = await desk.lists.forecast(campaign, countries, agent.greeting)
        return JSONResponse(found.dump() | {"rules": rules.dump()})

    async def people(self, request: Request) -> Response:
        """`?state=`, `?after=<id>`, `?limit=`: contacts in the order of their lines."""
        query = request.query_params
        state = _one_of(request, "state", ("", *_STATES))
        after, limit = _number(query.get("after", "0"), "after"), _number(query.get("limit", "100"), "limit")
        if not 1 <= limit <= MOST_ROWS:
            raise UsageError(f"limit can be 1 to {MOST_ROWS}")
        campaign = await self._campaign(request)
        rows = await desk_of(self._s).office.people(campaign.id, state=state, after=after, most=limit + 1)
        more = rows[limit - 1].id if len(rows) > limit else None
        return JSONResponse({"contacts": [contact_row(row) for row in rows[:limit]], "next": more})

    # ---- look

    async def show(self, request: Request) -> Response:
        """How it stands, and why nothing is dialled now."""
        desk = desk_of(self._s)
        campaign = await self._campaign(request)
        report = await desk.office.report(campaign.id)
        return JSONResponse(report_row(report, self._standstill(report)))

    def _standstill(self, report: Report) -> Standstill:
        desk = desk_of(self._s)
        seen, dials = desk.worker.seen, self._s.settings.dialer == "on"
        # A `serve` that does not dial knows no more than the database: who dials is another process.
        hold = seen.holds.get(report.campaign.id) if dials else None
        return standstill(report, desk.office.now, hold=hold, trouble=seen.trouble)

    async def table(self, request: Request) -> Response:
        """Every contact with its result, as CSV in which nothing is a formula."""
        campaign = await self._campaign(request)
        await self._s.audit(request, "campaign.export", campaign.id, after={"as": "csv"})
        pieces = table_pieces(desk_of(self._s).db, campaign.id)
        headers = {"content-disposition": f'attachment; filename="{campaign.id}.csv"'}
        return StreamingResponse(pieces, media_type="text/csv; charset=utf-8", headers=headers)

    async def document(self, request: Request) -> Response:
        """The report with every contact, as JSON."""
        desk = desk_of(self._s)
        campaign = await self._campaign(request)
        report = await desk.office.report(campaign.id)
        await self._s.audit(request, "campaign.export", campaign.id, after={"as": "json"})

        async def rows() -> AsyncIterator[list[dict[str, Any]]]:
            async for page in results(desk.db, campaign.id):
                yield [json_row(result) for result in page]

        return long_document(report_row(report, self._standstill(report)), "people", rows())

    # ---- decide

    async def review(self, request: Request) -> Response:
        """`?campaign=`: attempts of which nobody can tell whether they were placed."""
        office = desk_of(self._s).office
        wanted = request.query_params.get("campaign", "")
        campaign_id = (await office.find(wanted)).id if wanted else ""
        rows = await office.review(campaign_id)
        return JSONResponse({"review": [attempt_row(row) for row in rows]})

    async def decide(self, request: Request) -> Response:
        """`{"decision": "called" | "dial", "by": ...}`."""
        body = await read_body(request, _Decision)
        attempt_id = request.path_params["attempt_id"]
        return JSONResponse(attempt_row(await desk_of(self._s).office.decide(attempt_id, body.decision, body.by)))

    # ----

    async def _campaign(self, request: Request) -> Campaign:
        return await desk_of(self._s).office.find(request.path_params["campaign"])

    async def _agent(self, spec: str) -> Agent:
        """Raises AgentError. Its file may have to be read."""
        return await asyncio.to_thread(self._s.dialer.agents.get, spec)


async def _refuse_twin(office: Office, name: str) -> None:
    """Two campaigns of one name under way are one that was made twice: its people would be called twice."""
    with suppress(NoSuchCampaign):
        found = await office.find(name.strip())
        if found.state not in ("done", "cancelled"):
            raise CampaignRefused(f"campaign {found.name!r} is {found.state} already; take another name, or cancel it")


def _intake(campaign: Campaign, agent: Agent, settings: Settings) -> Intake:
    return intake(kept(campaign.rules), agent, settings.countries, settings.twilio_phone_number)


def _filled(filled: Filled) -> Response:
    head = {
        "contacts": filled.contacts,
        "do_not_call": filled.do_not_call,
        "repaired": filled.repaired,
        "refused": dict(filled.refused.most_common()),
        "notes": filled.notes,
        "header": list(filled.header),
    }

    async def rows() -> AsyncIterator[list[dict[str, Any]]]:
        async for some in in_pieces(filled.problems):
            yield [
                {
                    "line": problem.line,
                    "column": problem.column,
                    "text": problem.text,
                    "why": problem.why,
                    "sentence": problem.sentence,
                    "cells": list(problem.cells),
                }
                for problem in some
            ]

    return long_document(head, "errors", rows())


def _one_of(request: Request, name: str, choices: tuple[str, ...]) -> str:
    given = request.query_params.get(name, "")
    if given not in choices:
        raise UsageError(f"{name} can be {', '.join(choice for choice in choices if choice)}")
    return given


def _number(text: str, name: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise UsageError(f"{name} must be a whole number")
    return int(text)
