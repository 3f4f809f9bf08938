"""The REST API's Messages: send one, look it up, list them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bridge.sim.twilio.fields import Refusal, form_fields
from bridge.sim.twilio.paging import moment, page_of
from bridge.sim.twilio.texts import Text, create_text, text_resource

if TYPE_CHECKING:
    from bridge.sim.carrier import Carrier


class TextsApi:
    """The answers about messages."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    async def create(self, request: Request) -> Response:
        """POST /Messages.json"""
        fields = await form_fields(request)
        text = create_text(fields, self._carrier.options.numbers, self._carrier.account.now())
        self._carrier.send_text(text)
        return JSONResponse(text_resource(self._carrier.account, text), 201)

    async def fetch(self, request: Request) -> Response:
        """GET /Messages/{sid}.json"""
        for text in self._carrier.messages:
            if text.sid == request.path_params["sid"]:
                return JSONResponse(text_resource(self._carrier.account, text))
        raise Refusal(404, 20404, f"The requested resource {request.url.path} was not found")

    async def list_texts(self, request: Request) -> Response:
        """GET /Messages.json, newest first, in pages."""
        found = [text for text in reversed(self._carrier.messages) if _matches(text, request.query_params)]
        account = self._carrier.account
        return JSONResponse(page_of(request, "messages", found, lambda text: text_resource(account, text)))


def _matches(text: Text, query: QueryParams) -> bool:
    if query.get("To", text.to) != text.to or query.get("From", text.from_) != text.from_:
        return False
    if (day := query.get("DateSent")) and text.at.date() != moment(day).date():
        return False
    if (after := query.get("DateSent>")) and text.at < moment(after):
        return False
    return not ((before := query.get("DateSent<")) and text.at > moment(before))
