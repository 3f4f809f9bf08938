"""The admin API of campaigns: made, filled, checked, started, stopped, looked at, decided.

`{campaign}` in a path is an id, or the name of the newest one that is called so.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Any, Literal, get_args

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from bridge.dialer.export import write_problems
from bridge.dialer.lists import Filled
from bridge.dialer.outcomes import OUTCOMES
from bridge.dialer.results import json_row, results, table_pieces
from bridge.dialer.rules import kept
from bridge.dialer.shown import attempt_row, campaign_row, contact_row, minute_row, report_row
from bridge.errors import UsageError
from bridge.store.base import Attempt, Campaign, Contact, ContactState
from bridge.store.contacts import Wanted
from bridge.web.answers import MOST_ROWS, Handler, NotThere, desk_of, in_pieces, long_document
from bridge.web.bodies import By, asker, read_body
from bridge.web.campaign_desk import CampaignDesk
from bridge.web.services import Services

FEW = 20
"""Refused rows that are told where nobody asks for all."""
MOST_DIGITS = 18
"""Of a row's id: what a database's whole numbers hold."""
STATES: tuple[ContactState, ...] = get_args(ContactState)


class NewCampaign(By):
    name: str = Field(min_length=1, max_length=200, pattern=r"^[^/]+$")
    """Stands in paths, so it has no slash."""
    agent: str = Field(default="", max_length=500)
    rules: dict[str, Any] = Field(default_factory=dict)


class EditedCampaign(By):
    rules: dict[str, Any] = Field(default_factory=dict)
    agent: str | None = Field(default=None, max_length=500)


class Move(By):
    reason: str = Field(default="", max_length=500)


class Decided(By):
    decision: Literal["called", "dial"]


class CampaignApi:
    """Handlers of `/api/v1/campaigns` and `/api/v1/review`."""

    def __init__(self, services: Services, desk: CampaignDesk) -> None:
        self._s = services
        self._desk = desk

    # ---- make and change

    async def list(self, _: Request) -> Response:
        """All campaigns, oldest first."""
        rows = await self._desk.office.every()
        return JSONResponse({"campaigns": [campaign_row(row) for row in rows]})

    async def create(self, request: Request) -> Response:
        """`{"name": ..., "agent": ..., "rules": {...}}`: a draft without contacts; 201."""
        body = await read_body(request, NewCampaign)
        made = await self._desk.create(body.name, body.agent, body.rules, body.by)
        return JSONResponse(campaign_row(made), 201, {"location": f"/api/v1/campaigns/{made.id}"})

    async def edit(self, request: Request) -> Response:
        """`{"rules": {...}, "agent": ...}`: these rules change, the others stay."""
        body = await read_body(request, EditedCampaign)
        if body.agent is not None:
            await self._desk.agent(body.agent)
        campaign = await self._campaign(request)
        after = await self._desk.office.edit(campaign.id, body.rules, body.by, agent=body.agent)
        return JSONResponse(campaign_row(after))

    def moves(self, verb: str) -> Handler:
        """`{"reason": ...}`: a handler for start, pause, resume or cancel."""

        async def move(request: Request) -> Response:
            body = await read_body(request, Move)
            campaign = await self._campaign(request)
            after = await self._desk.office.move(campaign.id, verb, body.by, reason=body.reason)
            return JSONResponse(campaign_row(after))

        return move

    # ---- its people

    async def fill(self, request: Request) -> Response:
        """The CSV or XLSX file as it is: its people become the campaign's, in place of those it had.

        `?errors=all` tells every row that is refused, else the first 20 are told; `?by=` who asks.
        """
        campaign = await self._campaign(request)
        every = _one_of(request, "errors", ("", "all")) == "all"
        who = asker(request, request.query_params.get("by", "")[:100])
        return _filled(await self._desk.take_list(request, campaign, who), every=every)

    async def errors(self, request: Request) -> Response:
        """The rows of the last file that were refused, as CSV with line and reason behind: mended, it can be read."""
        campaign = await self._campaign(request)
        found = self._desk.reading(campaign.id)
        if found is None:
            raise NotThere("what was wrong with the list is not remembered any more; give the file again")
        await self._s.audit(request, "campaign.export", campaign.id, after={"as": "errors.csv"})
        out = io.StringIO()
        await asyncio.to_thread(write_problems, out, found.header, found.problems)
        return _csv(out.getvalue(), f"{campaign.id}-errors.csv")

    async def check(self, request: Request) -> Response:
        """`{}`: the dry run. The campaign is `checked` afterwards, unless it is under way already."""
        body = await read_body(request, By)
        campaign = await self._campaign(request)
        await self._desk.agent(campaign.agent)
        await self._desk.check(campaign, body.by)
        found = await self._desk.forecast(campaign)
        return JSONResponse(found.dump() | {"rules": kept(campaign.rules).dump()})

    async def people(self, request: Request) -> Response:
        """`?state=`, `?outcome=`, `?q=`, `?after=<id>`, `?limit=`: contacts in the order of their lines."""
        query = request.query_params
        wanted = wanted_contacts(request)
        after, limit = _number(query.get("after", "0"), "after"), _number(query.get("limit", "100"), "limit")
        if not 1 <= limit <= MOST_ROWS:
            raise UsageError(f"limit can be 1 to {MOST_ROWS}")
        campaign = await self._campaign(request)
        rows = await self._desk.office.people(campaign.id, wanted, after=after, most=limit + 1)
        more = rows[limit - 1].id if len(rows) > limit else None
        return JSONResponse({"contacts": [contact_row(row) for row in rows[:limit]], "next": more})

    async def person(self, request: Request) -> Response:
        """One contact, with every attempt to call them."""
        campaign = await self._campaign(request)
        contact, attempts = await contact_of(self._desk, campaign, request)
        return JSONResponse(contact_row(contact) | {"tries": [attempt_row(attempt) for attempt in attempts]})

    # ---- look

    async def show(self, request: Request) -> Response:
        """How it stands, and why nothing is dialled now."""
        campaign = await self._campaign(request)
        report = await self._desk.office.report(campaign.id)
        return JSONResponse(report_row(report, self._desk.still(report)))

    async def progress(self, request: Request) -> Response:
        """The funnel from step to step, and the calls of each minute of the last hour."""
        campaign = await self._campaign(request)
        _, steps, minutes = await self._desk.office.progress(campaign.id)
        return JSONResponse({"steps": asdict(steps), "minutes": [minute_row(minute) for minute in minutes]})

    async def table(self, request: Request) -> Response:
        """Every contact with its result, as CSV in which nothing is a formula."""
        campaign = await self._campaign(request)
        await self._s.audit(request, "campaign.export", campaign.id, after={"as": "csv"})
        return _csv(table_pieces(desk_of(self._s).db, campaign.id), f"{campaign.id}.csv")

    async def document(self, request: Request) -> Response:
        """The report with every contact, as JSON."""
        desk = desk_of(self._s)
        campaign = await self._campaign(request)
        report = await desk.office.report(campaign.id)
        await self._s.audit(request, "campaign.export", campaign.id, after={"as": "json"})

        async def rows() -> AsyncIterator[list[dict[str, Any]]]:
            async for page in results(desk.db, campaign.id):
                yield [json_row(result) for result in page]

        return long_document(report_row(report, self._desk.still(report)), "people", rows())

    # ---- decide

    async def review(self, request: Request) -> Response:
        """`?campaign=`: attempts of which nobody can tell whether they were placed."""
        wanted = request.query_params.get("campaign", "")
        campaign_id = (await self._desk.find(wanted)).id if wanted else ""
        rows = await self._desk.office.review(campaign_id)
        return JSONResponse({"review": [attempt_row(row) for row in rows]})

    async def decide(self, request: Request) -> Response:
        """`{"decision": "called" | "dial", "by": ...}`."""
        body = await read_body(request, Decided)
        attempt_id = request.path_params["attempt_id"]
        return JSONResponse(attempt_row(await self._desk.office.decide(attempt_id, body.decision, body.by)))

    async def _campaign(self, request: Request) -> Campaign:
        return await self._desk.find(request.path_params["campaign"])


async def contact_of(desk: CampaignDesk, campaign: Campaign, request: Request) -> tuple[Contact, Sequence[Attempt]]:
    """The contact that a path names, with its attempts. Raises NotThere."""
    text = request.path_params["contact"]
    found = await desk.office.person(campaign.id, int(text)) if text.isdecimal() and len(text) <= MOST_DIGITS else None
    if found is None:
        raise NotThere("this campaign has no such contact")
    return found


def wanted_contacts(request: Request) -> Wanted:
    """`?state=`, `?outcome=` and `?q=`. Raises UsageError."""
    return Wanted(
        state=_one_of(request, "state", ("", *STATES)),
        outcome=_one_of(request, "outcome", ("", *OUTCOMES, "do_not_call")),
        text=request.query_params.get("q", "").strip()[:200],
    )


def _csv(content: str | AsyncIterator[str], name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    kind = "text/csv; charset=utf-8"
    if isinstance(content, str):
        return Response(content, media_type=kind, headers=headers)
    return StreamingResponse(content, media_type=kind, headers=headers)


def _filled(filled: Filled, *, every: bool) -> Response:
    head = {
        "contacts": filled.contacts,
        "do_not_call": filled.do_not_call,
        "repaired": filled.repaired,
        "refused": dict(filled.refused.most_common()),
        "notes": filled.notes,
        "header": list(filled.header),
        "columns": [{"column": column, "meaning": meaning} for column, meaning in filled.meanings],
    }

    async def rows() -> AsyncIterator[list[dict[str, Any]]]:
        async for some in in_pieces(filled.problems if every else filled.problems[:FEW]):
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
