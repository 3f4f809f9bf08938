"""The REST API's answers about the account itself, its phone numbers and its verified caller ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bridge.sim.twilio.fields import Refusal, form_fields
from bridge.sim.twilio.owned import account_resource, number_resource, verified_resource
from bridge.sim.twilio.paging import page_of

if TYPE_CHECKING:
    from bridge.sim.carrier import Carrier


class AccountApi:
    """What one carrier's account is and has."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    async def fetch(self, _: Request) -> Response:
        """GET /Accounts/{sid}.json"""
        options, now = self._carrier.options, self._carrier.account.now()
        return JSONResponse(
            account_resource(options.account_sid, trial=options.trial, status=options.account_status, now=now)
        )

    async def numbers(self, request: Request) -> Response:
        """GET /IncomingPhoneNumbers.json, in pages; a part of a number finds those that hold it."""
        wanted = request.query_params.get("PhoneNumber", "")
        found = [one for one in self._carrier.owned.values() if wanted in one.number]
        sid, now = self._carrier.options.account_sid, self._carrier.account.now()
        body = page_of(request, "incoming_phone_numbers", found, lambda one: number_resource(sid, one, now))
        return JSONResponse(body)

    async def update_number(self, request: Request) -> Response:
        """POST /IncomingPhoneNumbers/{sid}.json"""
        for one in self._carrier.owned.values():
            if one.sid == request.path_params["sid"]:
                one.update(await form_fields(request))
                sid, now = self._carrier.options.account_sid, self._carrier.account.now()
                return JSONResponse(number_resource(sid, one, now))
        raise Refusal(404, 20404, f"The requested resource {request.url.path} was not found")

    async def verified(self, request: Request) -> Response:
        """GET /OutgoingCallerIds.json, in pages."""
        sid, now = self._carrier.options.account_sid, self._carrier.account.now()
        found = self._carrier.options.verified
        return JSONResponse(
            page_of(request, "outgoing_caller_ids", found, lambda one: verified_resource(sid, one, now))
        )
