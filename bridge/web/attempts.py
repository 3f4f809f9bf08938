"""What the carrier posts about a call that we placed; the attempt's token stands in each path.

/twilio/voice/{token}     they picked up: answer with a stream, or with the end where nobody is wanted any more
/twilio/status/{token}    how it goes: initiated, ringing, in-progress, and every end
/twilio/amd/{token}       who or what picked up, as the carrier hears it
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from bridge.carriers.base import Apologise, HangUp
from bridge.dialer.outbound import Outbound
from bridge.errors import BadToken
from bridge.web.plans import document, lead_to_us
from bridge.web.services import Services


class AttemptHooks:
    """The carrier's HTTP side of calls that we place."""

    def __init__(self, services: Services) -> None:
        self._s = services

    def _outbound(self) -> Outbound:
        desk = self._s.dialer.desk
        if desk is None or desk.outbound is None:  # a database that is not open yet knows no token
            raise BadToken("this token is unknown")
        return desk.outbound

    async def answered(self, request: Request, form: Mapping[str, str]) -> Response:
        """Somebody or something picked up."""
        incoming = self._s.carrier.webhook.incoming(form)
        session = await self._outbound().answered(request.path_params["token"], incoming.carrier_call_id)
        if session is None:
            return document(self._s, HangUp())
        if session.end is not None:
            return document(self._s, Apologise() if session.end.reason == "model_failed" else HangUp())
        return document(self._s, lead_to_us(self._s, session))

    async def status(self, request: Request, form: Mapping[str, str]) -> Response:
        """How the call goes."""
        await self._outbound().reported(request.path_params["token"], self._s.carrier.webhook.report(form))
        return Response(status_code=204)

    async def detected(self, request: Request, form: Mapping[str, str]) -> Response:
        """Who or what picked up."""
        await self._outbound().detected(request.path_params["token"], self._s.carrier.webhook.detection(form))
        return Response(status_code=204)
