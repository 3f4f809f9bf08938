"""What the admin API and the pages of campaigns do alike, so that both do the same."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from starlette.requests import Request

from bridge.agents.agent import Agent
from bridge.dialer.forecast import Forecast
from bridge.dialer.importer import Intake
from bridge.dialer.lists import Filled, intake
from bridge.dialer.office import Office, Report
from bridge.dialer.rules import kept
from bridge.dialer.standstill import Standstill, standstill
from bridge.errors import CampaignRefused, ContactFileError, NoSuchCampaign
from bridge.store.base import Campaign
from bridge.web.answers import desk_of
from bridge.web.bodies import uploaded
from bridge.web.services import Services

READINGS = 8
"""Files of which it is remembered what was found in them, for the page that shows it: they hold people's numbers."""
PROBLEMS = 20_000
"""Refused rows of one file that are remembered."""


class CampaignDesk:
    """Campaigns, for whoever asks by HTTP. Every method raises StoreError while there is no database."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._readings: OrderedDict[str, Filled] = OrderedDict()

    @property
    def office(self) -> Office:
        """The owner's desk."""
        return desk_of(self._s).office

    async def find(self, wanted: str) -> Campaign:
        """By id, or the newest of that name. Raises NoSuchCampaign."""
        return await self.office.find(wanted)

    async def agent(self, spec: str) -> Agent:
        """Raises AgentError. Its file may have to be read."""
        return await asyncio.to_thread(self._s.dialer.agents.get, spec)

    async def create(self, name: str, agent: str, rules: Mapping[str, Any], who: str) -> Campaign:
        """A draft without contacts. Raises UsageError; CampaignRefused when it was made already."""
        office = self.office
        await self.agent(agent)
        await _refuse_twin(office, name)
        return await office.create(name, agent, rules, who)

    async def take_list(self, request: Request, campaign: Campaign, who: str) -> Filled:
        """The body, a CSV or XLSX file, becomes the campaign's list. Raises UsageError, of a kind for each fault."""
        lists = desk_of(self._s).lists
        asked = self._intake(campaign, await self.agent(campaign.agent))
        async with uploaded(request, self._s.settings.data) as path:
            try:
                filled = await lists.replace(campaign, path, asked, who, all_problems=True)
            except ContactFileError as error:
                raise ContactFileError(str(error).replace(str(path), "the file")) from None
        self._readings[campaign.id] = replace(filled, problems=filled.problems[:PROBLEMS])
        self._readings.move_to_end(campaign.id)
        while len(self._readings) > READINGS:
            self._readings.popitem(last=False)
        return filled

    def reading(self, campaign_id: str) -> Filled | None:
        """What was found in the file that the campaign was given last; None when that is forgotten."""
        return self._readings.get(campaign_id)

    async def check(self, campaign: Campaign, who: str) -> None:
        """It was looked at: `checked`, unless it is under way already."""
        if campaign.state in ("draft", "checked"):
            await self.office.move(campaign.id, "check", who)

    async def forecast(self, campaign: Campaign) -> Forecast:
        """The dry run of its list."""
        agent = await self.agent(campaign.agent)
        countries = self._intake(campaign, agent).countries
        return await desk_of(self._s).lists.forecast(campaign, countries, agent.greeting)

    def still(self, report: Report) -> Standstill:
        """Why nothing is dialled at this moment."""
        desk = desk_of(self._s)
        seen, dials = desk.worker.seen, self._s.settings.dialer == "on"
        # A `serve` that does not dial knows no more than the database: who dials is another process.
        hold = seen.holds.get(report.campaign.id) if dials else None
        return standstill(report, desk.office.now, hold=hold, trouble=seen.trouble)

    def _intake(self, campaign: Campaign, agent: Agent) -> Intake:
        settings = self._s.settings
        return intake(kept(campaign.rules), agent, settings.countries, settings.twilio_phone_number)


async def _refuse_twin(office: Office, name: str) -> None:
    """Two campaigns of one name under way are one that was made twice: its people would be called twice."""
    with suppress(NoSuchCampaign):
        found = await office.find(name.strip())
        if found.state not in ("done", "cancelled"):
            raise CampaignRefused(f"campaign {found.name!r} is {found.state} already; take another name, or cancel it")
