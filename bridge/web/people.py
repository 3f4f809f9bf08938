"""What the carrier asks and tells about the call of a person whom a caller is handed to.

/twilio/person/{token}          they picked up: what do they hear?
/twilio/person/{token}/said     they pressed a key, or none
/twilio/person/{token}/status   their call's progress
/twilio/person/{token}/room     somebody came into the room, or it began
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from bridge.carriers.base import AnswerPlan, CallRef
from bridge.errors import CarrierError
from bridge.live.session import CallSession
from bridge.web.plans import document, stream_to
from bridge.web.services import Services

log = logging.getLogger(__name__)


class PersonHooks:
    """Handlers of signed requests."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._people = services.people
        services.people.fetch_back = self._fetch_back

    async def answered(self, request: Request, form: Mapping[str, str]) -> Response:
        """They picked up."""
        return self._answer(self._people.answered(request.path_params["token"], form.get("CallSid", "")))

    async def said(self, request: Request, form: Mapping[str, str]) -> Response:
        """They pressed a key, or none."""
        return self._answer(self._people.said(request.path_params["token"], form.get("Digits", "")))

    async def status(self, request: Request, form: Mapping[str, str]) -> Response:
        """Only the end of their call says something here."""
        report = self._s.carrier.webhook.report(form)
        if report.over:
            self._people.reported(request.path_params["token"], report.status)
        return Response(status_code=204)

    async def room(self, request: Request, form: Mapping[str, str]) -> Response:
        """Somebody came into the room."""
        event = form.get("StatusCallbackEvent")
        if event in ("participant-join", "conference-start"):
            begins = event == "conference-start"
            self._people.entered(request.path_params["token"], form.get("CallSid", ""), begins=begins)
        return Response(status_code=204)

    def _answer(self, plan: AnswerPlan) -> Response:
        return document(self._s, plan)

    async def _fetch_back(self, session: CallSession) -> None:
        session.after_asked = False  # whatever comes of this, it will have to ask again
        plan = self._s.carrier.webhook.answer(stream_to(self._s, session))
        try:
            await self._s.carrier.control.redirect(CallRef(session.info.carrier_call_id), plan.text)
        except CarrierError as error:
            log.warning("cannot fetch a caller back", extra={"call_id": session.info.call_id, "error": str(error)})
