"""`/campaigns` and `/campaigns/{id}`: all of them, and one while it runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bridge.dialer.office import Report
from bridge.dialer.progress import Minute, Steps
from bridge.dialer.rules import Rules, kept
from bridge.dialer.standstill import Standstill
from bridge.errors import BridgeError, StoreError, UsageError
from bridge.store.base import Campaign
from bridge.web.access import Role
from bridge.web.answers import Handler
from bridge.web.campaign_desk import CampaignDesk
from bridge.web.forms import form
from bridge.web.render import flash, page, part
from bridge.web.updates import Updates

SHARE = 0.05
LEAST_KEEP_S = 0.4
"""A campaign's figures are worked out at most twice a second, and so rarely that it takes 5 % of the time, however
many people watch."""
MOST_VIEWS = 50
_DONE = {"start": "started", "pause": "paused", "resume": "going on", "cancel": "cancelled"}


@dataclass(frozen=True, slots=True)
class View:
    """A campaign at one moment."""

    report: Report
    still: Standstill
    steps: Steps
    minutes: Sequence[Minute]
    rules: Rules

    @property
    def campaign(self) -> Campaign:
        """The campaign itself."""
        return self.report.campaign

    @property
    def pace(self) -> str:
        """The minutes for the chart: times, calls, answered ones."""
        columns = zip(*((m.at, m.begun, m.answered) for m in self.minutes), strict=True)
        return json.dumps([list(column) for column in columns])


class CampaignPages:
    """The handlers, and the live parts `campaign` and `campaign-pace` of `?campaign=`."""

    def __init__(self, desk: CampaignDesk, updates: Updates) -> None:
        self._desk = desk
        self._views: dict[str, tuple[float, View]] = {}
        updates.parts["campaign"] = self._part
        updates.parts["campaign-pace"] = self._pace_part

    async def every(self, request: Request) -> Response:
        """All campaigns, the newest first."""
        office = self._desk.office
        rows = list(reversed(await office.every()))
        waiting = len(await office.review())
        return page(request, "campaigns.html", rows=rows, waiting=waiting, here="/campaigns")

    async def show(self, request: Request) -> Response:
        """One of them."""
        campaign = await self._desk.find(request.path_params["campaign"])
        return page(request, "campaign.html", view=await self._view(campaign.id), here="/campaigns")

    def moves(self, verb: str) -> Handler:
        """A handler for the form of start, pause, resume or cancel."""

        async def move(request: Request) -> Response:
            fields = await form(request)
            campaign = await self._desk.find(request.path_params["campaign"])
            back = RedirectResponse(f"/campaigns/{campaign.id}", 303)
            reason = fields.get("reason", "").strip()[:500]
            try:
                await self._desk.office.move(campaign.id, verb, request.state.who.name, reason=reason)
            except UsageError as error:
                return flash(back, f"{error}.", "bad")
            self._views.pop(campaign.id, None)
            return flash(back, f"The campaign is {_DONE[verb]}.", "good" if verb in ("start", "resume") else "warn")

        return move

    # ---- live

    async def _part(self, request: Request) -> str:
        try:
            view = await self._view(request.query_params.get("campaign", ""))
        except (StoreError, UsageError) as error:
            return _trouble(error)
        may_act = request.state.who.role >= Role.OPERATOR
        return part("parts/campaign.html", "campaign", view, may_act)

    async def _pace_part(self, request: Request) -> str:
        try:
            view = await self._view(request.query_params.get("campaign", ""))
        except (StoreError, UsageError):
            return ""
        return part("parts/campaign.html", "pace", view)

    async def _view(self, campaign_id: str) -> View:
        """As it stands, or stood a moment ago. Raises StoreError, CampaignRefused."""
        clock = asyncio.get_running_loop().time
        began = clock()
        good_until, found = self._views.get(campaign_id, (0.0, None))
        if found is not None and began < good_until:
            return found
        report, steps, minutes = await self._desk.office.progress(campaign_id)
        found = View(report, self._desk.still(report), steps, minutes, kept(report.campaign.rules))
        now = clock()
        while len(self._views) >= MOST_VIEWS:
            del self._views[next(iter(self._views))]
        self._views[campaign_id] = (now + max(LEAST_KEEP_S, (now - began) / SHARE), found)
        return found


def _trouble(error: BridgeError) -> str:
    return part("parts/ui.html", "error", "The campaign cannot be shown", f"{error}. It is tried again by itself.")
