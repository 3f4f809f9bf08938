"""`/webhooks`: what we tell others, and what the carrier tells us."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bridge.dialer.shown import bare_url
from bridge.errors import StoreError, UsageError
from bridge.store.base import Endpoint
from bridge.store.webhooks import EVENTS, DeliveryPage
from bridge.web.forms import form
from bridge.web.inspector import Inbound
from bridge.web.render import flash, page, part
from bridge.web.services import Services
from bridge.web.updates import Updates
from bridge.web.webhook_api import NewEndpoint, WebhookApi

SHOWN: Final = 50
"""Requests of the carrier on the page; the API has all that are known."""
NONE: Final = DeliveryPage((), "")

Act = Callable[["WebhooksPage", Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class View:
    """What the live part shows."""

    inbound: list[Inbound]
    endpoints: list[Endpoint] = field(default_factory=list)
    deliveries: DeliveryPage = NONE
    state: str = ""
    """Only deliveries of this state are shown; "": all."""
    trouble: str = ""
    """Why there are neither endpoints nor deliveries, one sentence."""
    most: int = SHOWN

    @property
    def urls(self) -> dict[str, str]:
        """Of endpoints by their ids, as they may be shown."""
        return {one.id: bare_url(one.url) for one in self.endpoints}

    @property
    def on(self) -> set[str]:
        """Ids of endpoints that are told what happens."""
        return {one.id for one in self.endpoints if one.disabled_at is None}

    @property
    def bodies(self) -> dict[str, str]:
        """What was told, by the deliveries' ids, for people to read."""
        return {row.id: json.dumps(json.loads(row.body), indent=2, ensure_ascii=False) for row in self.deliveries.rows}


def _or_said(act: Act) -> Act:
    """What cannot be done is said at the top of the page."""

    @wraps(act)
    async def tried(page: WebhooksPage, request: Request) -> Response:
        try:
            return await act(page, request)
        except UsageError as error:
            return flash(_back(), f"{str(error)[:1].upper()}{str(error)[1:]}.", "bad")

    return tried


class WebhooksPage:
    """The handlers, and the live part `hooks`."""

    def __init__(self, services: Services, api: WebhookApi, updates: Updates) -> None:
        self._s = services
        self._api = api
        updates.parts["hooks"] = self._part

    async def show(self, request: Request) -> Response:
        """The page."""
        return await self._page(request)

    async def _page(self, request: Request, made: str = "", status: int = 200) -> Response:
        view = await self._view(request)
        return page(
            request,
            "webhooks.html",
            status,
            view=view,
            events=EVENTS,
            made=made,
            role=self._role(request),
            after=request.query_params.get("after", ""),
        )

    @staticmethod
    def _role(request: Request) -> int:
        return int(request.state.who.role)

    async def _part(self, request: Request) -> str:
        return part("parts/webhooks.html", "hooks", await self._view(request), self._role(request))

    async def _view(self, request: Request) -> View:
        inbound = self._s.inspector.rows[:SHOWN]
        try:
            endpoints, deliveries = await self._api.store.endpoints(), await self._api.page(request)
        except (StoreError, UsageError) as error:
            return View(inbound, trouble=str(error))
        return View(inbound, endpoints, deliveries, request.query_params.get("state", ""))

    # ---- what people do; all raise StoreError

    @_or_said
    async def create(self, request: Request) -> Response:
        """A new endpoint by the page's form; its secret is shown once."""
        fields = await form(request)
        wanted = NewEndpoint(url=fields.get("url", "").strip()[:2000] or "-", events=_events(fields))
        _, secret = await self._api.make(request, wanted)
        return await self._page(request, made=secret)

    @_or_said
    async def switch(self, request: Request) -> Response:
        """On, off, or forgotten."""
        endpoint_id, verb = request.path_params["endpoint_id"], request.url.path.rpartition("/")[2]
        if verb == "delete":
            await self._api.drop(request, endpoint_id)
        else:
            await self._api.put(request, endpoint_id, on=verb == "on")
        said = {"delete": "Deleted.", "on": "It is told again.", "off": "It is not told any more."}
        return flash(_back(), said[verb])

    @_or_said
    async def test(self, request: Request) -> Response:
        """Send a test message."""
        answer = await self._api.test(request, request.path_params["endpoint_id"])
        if 200 <= answer.status < 300:
            return flash(_back(), f"It took the test message: HTTP {answer.status} after {answer.ms} ms.")
        said = answer.error or f"HTTP {answer.status}"
        return flash(_back(), f"It did not take the test message: {said}.", "bad")

    @_or_said
    async def resend(self, request: Request) -> Response:
        """Deliver once more."""
        found = await self._api.again(request, request.path_params["delivery_id"])
        return flash(_back(), f"{found.type} goes out again now, under the same id.")

    @_or_said
    async def replay(self, request: Request) -> Response:
        """Play a carrier's request again."""
        row = await self._api.replayed(request, request.path_params["request_id"])
        told = f"Played again: {row.path} was answered with HTTP {row.status}"
        tone = "good" if row.status < 400 else "bad"
        return flash(_back(), f"{told}{f' ({row.error})' if row.error else ''}.", tone)


def _events(fields: dict[str, str]) -> list[str]:
    return [name for name in EVENTS if fields.get(name)]


def _back() -> Response:
    return RedirectResponse("/webhooks", 303)
