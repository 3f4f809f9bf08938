"""The people of a campaign, one by one, and the calls of which nobody can tell whether they were placed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bridge.dialer.office import Decision
from bridge.dialer.outcomes import OUTCOMES
from bridge.errors import UsageError
from bridge.store.base import FINAL
from bridge.web.campaign_desk import CampaignDesk
from bridge.web.campaigns import MOST_DIGITS, STATES, contact_of, wanted_contacts
from bridge.web.forms import form
from bridge.web.render import flash, page

ROWS = 100
_CHOSEN = "attempt."
"""How the boxes of the review list are called: this, and the attempt's id."""


class PeoplePages:
    """The handlers."""

    def __init__(self, desk: CampaignDesk) -> None:
        self._desk = desk

    async def contacts(self, request: Request) -> Response:
        """`?state=&outcome=&q=&after=`: in the order of the file. Raises UsageError."""
        campaign = await self._desk.find(request.path_params["campaign"])
        wanted = wanted_contacts(request)
        place = request.query_params.get("after", "")
        after = int(place) if place.isdecimal() and len(place) <= MOST_DIGITS else 0
        rows = await self._desk.office.people(campaign.id, wanted, after=after, most=ROWS + 1)
        return page(
            request,
            "campaign_contacts.html",
            campaign=campaign,
            rows=rows[:ROWS],
            next=rows[ROWS - 1].id if len(rows) > ROWS else None,
            wanted=wanted,
            states=STATES,
            outcomes=OUTCOMES,
            here="/campaigns",
        )

    async def contact(self, request: Request) -> Response:
        """One of them: the row, and every attempt with its call. Raises UsageError."""
        campaign = await self._desk.find(request.path_params["campaign"])
        contact, attempts = await contact_of(self._desk, campaign, request)
        return page(
            request,
            "campaign_contact.html",
            campaign=campaign,
            contact=contact,
            attempts=attempts,
            over=contact.state in FINAL,
            here="/campaigns",
        )

    # ---- decide

    async def review(self, request: Request) -> Response:
        """`?campaign=`: what waits for a person. Raises UsageError."""
        office = self._desk.office
        wanted = request.query_params.get("campaign", "")
        campaign = await self._desk.find(wanted) if wanted else None
        rows = await office.review(campaign.id if campaign is not None else "")
        names = {row.id: row.name for row in await office.every()}
        return page(request, "review.html", rows=rows, names=names, campaign=campaign, here="/campaigns")

    async def decide(self, request: Request) -> Response:
        """The chosen ones were called, or shall be dialled (again)."""
        fields = await form(request)
        back = RedirectResponse("/review", 303)
        words: dict[str, Decision] = {"called": "called", "dial": "dial"}
        decision = words.get(fields.get("decision", ""))
        chosen = [name.removeprefix(_CHOSEN) for name in fields if name.startswith(_CHOSEN)]
        if decision is None or not chosen:
            return flash(back, "Choose at least one call, and what shall be done with it.", "warn")
        decided, missed = 0, ""
        for attempt_id in chosen:
            try:
                await self._desk.office.decide(attempt_id, decision, request.state.who.name)
                decided += 1
            except UsageError as error:  # somebody else has decided it meanwhile
                missed = f"{error}."
        calls = "1 call is" if decided == 1 else f"{decided} calls are"
        then = "They will be dialled" if decision == "dial" else "Nobody of them is dialled again for it"
        return flash(back, f"{calls} decided. {then}. {missed}".strip(), "warn" if missed else "good")
