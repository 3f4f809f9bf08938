"""`/webhooks`: what we tell others, and what the carrier tells us."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bridge.errors import StoreError, UsageError
from bridge.store.base import Endpoint
from bridge.store.webhooks import EVENTS, DeliveryPage
from bridge.web.forms import form
from bridge.web.inspector import Inbound
from bridge.web.render import flash, page, part
from bridge.web.services import Services
from bridge.web.updates import Updates
from bridge.web.webhook_api import NewEndpoint, WebhookApi, reason


@dataclass(frozen=True, slots=True)
class View:
    """What the live part shows. `trouble`: why there are no deliveries, one sentence."""

    endpoints: list[Endpoint]
    deliveries: DeliveryPage
    inbound: list[Inbound]
    trouble: str


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
        query = request.query_params
        return page(
            request,
            "webhooks.html",
            status,
            view=view,
            events=EVENTS,
            made=made,
            role=self._role(request),
            state=query.get("state", ""),
            after=query.get("after", ""),
        )

    @staticmethod
    def _role(request: Request) -> int:
        return int(request.state.who.role)

    async def _part(self, request: Request) -> str:
        return part("parts/webhooks.html", "hooks", await self._view(request), self._role(request))

    async def _view(self, request: Request) -> View:
        inbound = self._s.inspector.rows
        try:
            return View(await self._api.store.endpoints(), await self._api.page(request), inbound, "")
        except (StoreError, UsageError) as error:
            return View([], DeliveryPage((), ""), inbound, str(error))

    # ---- what people do

    async def create(self, request: Request) -> Response:
        """A new endpoint by the page's form; its secret is shown once."""
        fields = await form(request)
        wanted = NewEndpoint(url=fields.get("url", "").strip()[:2000] or "-", events=_events(fields))
        try:
            _, secret = await self._api.make(request, wanted)
        except UsageError as error:
            return flash(_back(), reason(error), "bad")
        return await self._page(request, made=secret)

    async def switch(self, request: Request) -> Response:
        """On, off, or forgotten. Raises StoreError."""
        endpoint_id, verb = request.path_params["endpoint_id"], request.url.path.rpartition("/")[2]
        try:
            if verb == "delete":
                await self._api.drop(request, endpoint_id)
            else:
                await self._api.put(request, endpoint_id, on=verb == "on")
        except UsageError as error:
            return flash(_back(), reason(error), "bad")
        return flash(
            _back(), {"delete": "Deleted.", "on": "It is told again.", "off": "It is not told any more."}[verb]
        )

    async def test(self, request: Request) -> Response:
        """Send a test message. Raises StoreError."""
        try:
            answer = await self._api.test(request, request.path_params["endpoint_id"])
        except UsageError as error:
            return flash(_back(), reason(error), "bad")
        if 200 <= answer.status < 300:
            return flash(_back(), f"It took the test message: HTTP {answer.status} after {answer.ms} ms.")
        said = answer.error or f"HTTP {answer.status}"
        return flash(_back(), f"It did not take the test message: {said}.", "bad")

    async def resend(self, request: Request) -> Response:
        """Deliver once more. Raises StoreError."""
        found = await self._api.again(request, request.path_params["delivery_id"])
        return flash(_back(), f"{found.type} goes out again now, under the same id.")

    async def replay(self, request: Request) -> Response:
        """Play a carrier's request again."""
        try:
            row = await self._api.replayed(request, request.path_params["request_id"])
        except UsageError as error:
            return flash(_back(), reason(error), "bad")
        return flash(_back(), f"Played again: {row.path} was answered with HTTP {row.status}.")


def _events(fields: dict[str, str]) -> list[str]:
    return [name for name in EVENTS if fields.get(name)]


def _back() -> Response:
    return RedirectResponse("/webhooks", 303)
