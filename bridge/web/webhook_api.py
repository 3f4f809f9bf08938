"""`/api/v1/webhooks`: who is told what happens, what each was told, and what the carrier told us."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bridge.dialer.shown import delivery_row, endpoint_row
from bridge.errors import UsageError
from bridge.notify.post import check_url, is_house_alone, send_test
from bridge.notify.schedule import Answer
from bridge.notify.signature import check_secret, new_secret
from bridge.records.callrecord import iso
from bridge.store.base import Delivery, Endpoint
from bridge.store.ids import new_id
from bridge.store.webhooks import EVENTS, SETTINGS, DeliveryPage, WebhookStore
from bridge.web.answers import NotThere
from bridge.web.bodies import Body, read_body
from bridge.web.inspector import Inbound
from bridge.web.services import Services

PAGE = 50
STATES = ("", "waiting", "delivered", "failed", "dropped")


class NewEndpoint(Body):
    """`POST /api/v1/webhooks/endpoints`."""

    url: str = Field(min_length=1, max_length=2000)
    events: list[str] = Field(default_factory=list, max_length=len(EVENTS))
    secret: str = Field(default="", max_length=500)


class Switch(Body):
    """`PATCH /api/v1/webhooks/endpoints/{id}`."""

    on: bool = Field(strict=True)


class WebhookApi:
    """The handlers, and what they do: the page does the same."""

    def __init__(self, services: Services) -> None:
        self._s = services

    @property
    def store(self) -> WebhookStore:
        """Raises DatabaseLost."""
        return WebhookStore(self._s.db)

    # ---- what is done

    async def make(self, request: Request, wanted: NewEndpoint) -> tuple[Endpoint, str]:
        """A new endpoint, and its secret. Raises UsageError, StoreError."""
        check_url(wanted.url, alone=is_house_alone(self._s.settings), name="the URL")
        unknown = sorted(set(wanted.events) - set(EVENTS))
        if unknown:
            raise UsageError(f"there is no event {unknown[0]!r}; there are {', '.join(EVENTS)}")
        secret = wanted.secret or new_secret()
        check_secret(secret, "the secret")
        now = time.time()
        made = Endpoint(new_id("whe"), wanted.url, secret, wanted.events, now, request.state.who.name)
        await self.store.add(made)
        self._s.courier.wake()
        await self._s.audit(request, "webhook.create", made.id, after=endpoint_row(made))
        return made, secret

    async def put(self, request: Request, endpoint_id: str, *, on: bool) -> None:
        """On or off. Raises NotThere, StoreError."""
        why = "" if on else f"switched off by {request.state.who.name}"
        if not await self.store.switch(endpoint_id, None if on else time.time(), why):
            raise NotThere("there is no such endpoint")
        self._s.courier.wake()
        await self._s.audit(request, "webhook.on" if on else "webhook.off", endpoint_id)

    async def drop(self, request: Request, endpoint_id: str) -> None:
        """Forget it. Raises NotThere, UsageError, StoreError."""
        if endpoint_id == SETTINGS:
            raise UsageError("this one is of BRIDGE_WEBHOOK_URL: take it out of the settings, or switch it off")
        if not await self.store.delete(endpoint_id):
            raise NotThere("there is no such endpoint")
        await self._s.audit(request, "webhook.delete", endpoint_id)

    async def test(self, request: Request, endpoint_id: str) -> Answer:
        """Send it a message now, and see what it answers. Raises NotThere, StoreError."""
        found = next((one for one in await self.store.endpoints() if one.id == endpoint_id), None)
        if found is None:
            raise NotThere("there is no such endpoint")
        secret = self._s.settings.webhook_secret if found.id == SETTINGS else found.secret
        _, answer = await send_test(self._s.settings, found.url, secret, request.state.who.name)
        await self._s.audit(request, "webhook.test", endpoint_id, after={"status": answer.status})
        return answer

    async def again(self, request: Request, delivery_id: str) -> Delivery:
        """Deliver it once more, under its own id. Raises NotThere, UsageError, StoreError."""
        found = await self.store.resend(delivery_id, time.time())
        if found is None:
            raise NotThere("there is no such delivery")
        delivery, to = found
        if to.disabled_at is not None:
            raise UsageError("its endpoint is switched off: switch it on first")
        self._s.courier.wake()
        await self._s.audit(request, "webhook.resend", delivery_id, after={"type": delivery.type, "endpoint": to.id})
        return delivery

    async def replayed(self, request: Request, wanted: str) -> Inbound:
        """Play a carrier's request again: what came of it. Raises NotThere, UsageError."""
        if all(row.id != wanted for row in self._s.inspector.rows):
            raise NotThere("there is no such request any more")
        row = await self._s.inspector.replay(wanted)
        await self._s.audit(request, "webhook.replay", wanted, after={"path": row.path, "status": row.status})
        return row

    async def page(self, request: Request) -> DeliveryPage:
        """`?state=&endpoint=&after=`. Raises UsageError, StoreError."""
        query = request.query_params
        state = query.get("state", "")
        if state not in STATES:
            raise UsageError(f"state can be {', '.join(STATES[1:])}")
        return await self.store.page(
            PAGE, state=state, endpoint=query.get("endpoint", ""), after=query.get("after", "")
        )

    # ---- as JSON

    async def endpoints(self, _: Request) -> Response:
        """`GET /api/v1/webhooks/endpoints`: without their secrets."""
        return JSONResponse({"endpoints": [endpoint_row(one) for one in await self.store.endpoints()]})

    async def create(self, request: Request) -> Response:
        """`POST /api/v1/webhooks/endpoints`: a new one, and this once its secret."""
        made, secret = await self.make(request, await read_body(request, NewEndpoint))
        return JSONResponse(endpoint_row(made) | {"secret": secret}, 201)

    async def switch(self, request: Request) -> Response:
        """`PATCH /api/v1/webhooks/endpoints/{id}` `{"on": true}`."""
        body = await read_body(request, Switch)
        await self.put(request, request.path_params["endpoint_id"], on=body.on)
        return JSONResponse({"ok": True})

    async def delete(self, request: Request) -> Response:
        """`DELETE /api/v1/webhooks/endpoints/{id}`."""
        await self.drop(request, request.path_params["endpoint_id"])
        return Response(status_code=204)

    async def send_test(self, request: Request) -> Response:
        """`POST /api/v1/webhooks/endpoints/{id}/test`: what it answered."""
        answer = await self.test(request, request.path_params["endpoint_id"])
        return JSONResponse({"status": answer.status, "ms": answer.ms, "error": answer.error})

    async def deliveries(self, request: Request) -> Response:
        """`GET /api/v1/webhooks/deliveries`, newest first."""
        found = await self.page(request)
        return JSONResponse({"deliveries": [delivery_row(row) for row in found.rows], "next": found.next or None})

    async def resend(self, request: Request) -> Response:
        """`POST /api/v1/webhooks/deliveries/{id}/resend`."""
        await self.again(request, request.path_params["delivery_id"])
        return JSONResponse({"ok": True}, 202)

    async def inbound(self, _: Request) -> Response:
        """`GET /api/v1/webhooks/inbound`: what the carrier sent lately, newest first."""
        return JSONResponse({"requests": [shown_inbound(row) for row in self._s.inspector.rows]})

    async def replay(self, request: Request) -> Response:
        """`POST /api/v1/webhooks/inbound/{id}/replay`: what came of it."""
        return JSONResponse(shown_inbound(await self.replayed(request, request.path_params["request_id"])))


def shown_inbound(row: Inbound) -> dict[str, Any]:
    """A request of the carrier as JSON."""
    shown = {name: value for name, value in asdict(row).items() if name != "number"}
    return shown | {"at": iso(row.at), "fields": [{"name": name, "value": value} for name, value in row.fields]}
