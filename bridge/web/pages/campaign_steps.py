"""From nothing to a campaign that runs: `/campaigns/new`, then its list, check, rules and test call, a page each.

Each step is kept as soon as it is done: the draft in the database is the state of the wizard, so anybody can go on
with it tomorrow, or in another browser.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bridge.dialer import standing
from bridge.dialer.rules import Rules, kept
from bridge.dialer.shown import attempt_row
from bridge.dialer.single import CallRequest
from bridge.errors import StoreError, UsageError
from bridge.store.base import Campaign, Contact
from bridge.web import rule_fields
from bridge.web.answers import desk_of, status_of
from bridge.web.campaign_desk import CampaignDesk
from bridge.web.campaigns import NewCampaign
from bridge.web.forms import form
from bridge.web.render import flash, page, part
from bridge.web.services import Services
from bridge.web.updates import Updates

PREVIEW = 5
FEW_PROBLEMS = 50
_OF_A_CALL = (
    "ring_s", "max_minutes", "voicemail", "voicemail_text", "voicemail_file", "purpose", "company", "language",
    "disclosure", "budget_call_usd", "price_minute_usd",
)  # fmt: skip
"""Rules of the campaign that a test call obeys."""


class CampaignSteps:
    """The handlers, and the live part `test-call` of `?attempt=`."""

    def __init__(self, services: Services, desk: CampaignDesk, updates: Updates) -> None:
        self._s = services
        self._desk = desk
        updates.parts["test-call"] = self._test_part

    # ---- 1: what it is called, who talks

    async def new(self, request: Request) -> Response:
        """The first step."""
        return self._new(request, {}, "", 200)

    async def create(self, request: Request) -> Response:
        """A draft, and on to its list."""
        fields = await form(request)
        try:
            wanted = NewCampaign(
                name=fields.get("name", "").strip(),
                agent=fields.get("agent", "").strip(),
                rules={"consent": fields.get("consent", "")},
            )
            made = await self._desk.create(wanted.name, wanted.agent, wanted.rules, request.state.who.name)
        except ValidationError:
            return self._new(
                request, fields, "A campaign needs a name, of at most 200 characters and without a slash", 400
            )
        except UsageError as error:
            return self._new(request, fields, str(error), status_of(error)[0])
        return RedirectResponse(f"/campaigns/{made.id}/list", 303)

    def _new(self, request: Request, fields: dict[str, str], wrong: str, status: int) -> Response:
        return page(
            request,
            "campaign_new.html",
            status,
            fields=fields,
            wrong=wrong,
            agents=self._agents(),
            countries=sorted(self._s.settings.countries),
            here="/campaigns",
        )

    # ---- 2: who is called

    async def people(self, request: Request) -> Response:
        """The file, and what was found in it. (The page's script sends the file to the admin API.)"""
        campaign = await self._campaign(request)
        office = self._desk.office
        reading = self._desk.reading(campaign.id)
        return page(
            request,
            "campaign_list.html",
            campaign=campaign,
            report=await office.report(campaign.id),
            people=await office.people(campaign.id, most=PREVIEW),
            reading=reading,
            problems=reading.problems[:FEW_PROBLEMS] if reading else [],
            countries=sorted(self._s.settings.countries),
            here="/campaigns",
        )

    # ---- 3: what would come of it

    async def check(self, request: Request) -> Response:
        """The dry run: nobody is called. Raises UsageError."""
        campaign = await self._campaign(request)
        found = await self._desk.forecast(campaign)
        return page(
            request,
            "campaign_check.html",
            campaign=campaign,
            found=found,
            now=self._desk.office.now,
            greeting=(await self._desk.agent(campaign.agent)).greeting,
            here="/campaigns",
        )

    async def checked(self, request: Request) -> Response:
        """The list was looked at: on to the check."""
        campaign = await self._campaign(request)
        try:
            await self._desk.check(campaign, request.state.who.name)
        except UsageError as error:
            return flash(RedirectResponse(f"/campaigns/{campaign.id}/list", 303), f"{error}.", "bad")
        return RedirectResponse(f"/campaigns/{campaign.id}/check", 303)

    # ---- 4: when, how fast, for how much

    async def rules(self, request: Request) -> Response:
        """The form of all rules."""
        campaign = await self._campaign(request)
        return self._rules(request, campaign, rule_fields.shown(kept(campaign.rules)), "", 200)

    async def edit(self, request: Request) -> Response:
        """What has changed in the form is obeyed from the next call on."""
        fields = await form(request)
        campaign = await self._campaign(request)
        agent = fields.get("agent", campaign.agent).strip()
        try:
            await self._desk.agent(agent)
            before = kept(campaign.rules).dump()
            after = Rules.changed(campaign.rules, rule_fields.given(fields)).dump()
            changes = {name: value for name, value in after.items() if value != before[name]}
            if changes or agent != campaign.agent:
                await self._desk.office.edit(campaign.id, changes, request.state.who.name, agent=agent)
        except UsageError as error:
            return self._rules(request, campaign, rule_fields.typed(fields), str(error), status_of(error)[0])
        goes_on = campaign.state in ("draft", "checked")
        back = RedirectResponse(f"/campaigns/{campaign.id}" + ("/test" if goes_on else ""), 303)
        said = "The rules are kept." if changes else "Nothing was changed."
        return flash(back, said)

    def _rules(self, request: Request, campaign: Campaign, values: dict[str, Any], wrong: str, status: int) -> Response:
        return page(
            request,
            "campaign_rules.html",
            status,
            campaign=campaign,
            values=rule_fields.shown(Rules()) | {"agent": campaign.agent} | values,
            defaults=rule_fields.shown(Rules()),
            groups=rule_fields.GROUPS,
            days=rule_fields.days(),
            agents=self._agents(),
            wrong=wrong,
            here="/campaigns",
        )

    # ---- 5: hear it, and start

    async def test(self, request: Request) -> Response:
        """A call to the owner's own phone, and the button that starts it all."""
        return await self._test(request, await self._campaign(request), "", "", 200)

    async def call(self, request: Request) -> Response:
        """Call the owner with the variables of the first row."""
        fields = await form(request)
        campaign = await self._campaign(request)
        to = fields.get("to", "").strip()[:100]
        single = desk_of(self._s).single
        try:
            asked = _test_call(campaign, await self._first(campaign), to)
            await asyncio.to_thread(single.check, asked)
            placed = await single.place(asked)
        except UsageError as error:
            return await self._test(request, campaign, to, str(error), status_of(error)[0])
        await self._s.audit(request, "call.dial", placed.attempt.id, after={"to": to, "test_of": campaign.id})
        return RedirectResponse(f"/campaigns/{campaign.id}/test?attempt={placed.attempt.id}", 303)

    async def _test(self, request: Request, campaign: Campaign, to: str, wrong: str, status: int) -> Response:
        attempt_id = request.query_params.get("attempt", "")
        attempt = await desk_of(self._s).single.get(attempt_id) if attempt_id else None
        return page(
            request,
            "campaign_test.html",
            status,
            campaign=campaign,
            report=await self._desk.office.report(campaign.id),
            rules=kept(campaign.rules),
            first=await self._first(campaign),
            attempt=attempt_row(attempt) if attempt is not None else None,
            to=to or (attempt.phone if attempt is not None else ""),
            wrong=wrong,
            here="/campaigns",
        )

    async def _test_part(self, request: Request) -> str:
        try:
            found = await desk_of(self._s).single.get(request.query_params.get("attempt", ""))
        except StoreError as error:
            return part("parts/ui.html", "error", "What becomes of the call cannot be shown", f"{error}.")
        return part("parts/campaign.html", "test_call", attempt_row(found)) if found is not None else ""

    # ----

    async def _campaign(self, request: Request) -> Campaign:
        return await self._desk.find(request.path_params["campaign"])

    async def _first(self, campaign: Campaign) -> Contact | None:
        return next(iter(await self._desk.office.people(campaign.id, most=1)), None)

    def _agents(self) -> list[str]:
        return [agent.name for agent in self._s.routing.agents]


def _test_call(campaign: Campaign, first: Contact | None, to: str) -> CallRequest:
    """Raises UsageError."""
    if first is None:
        raise UsageError("the campaign has nobody yet whose row could be used")
    rules = kept(campaign.rules)
    plain = rules.dump()
    return CallRequest(
        to=to,
        agent=first.agent or campaign.agent,
        from_number=rules.numbers[0] if rules.numbers else "",
        variables=standing.variables(first, 1),
        rules={name: plain[name] for name in _OF_A_CALL},
    )
