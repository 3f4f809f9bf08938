"""`/talk`: call your agent from the browser, by the phone's own path."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bridge.web.access import Role
from bridge.web.render import page
from bridge.web.services import Services
from bridge.web.visits import Visits


class TalkPage:
    """The page."""

    def __init__(self, services: Services, visits: Visits) -> None:
        self._s = services
        self._visits = visits

    async def show(self, request: Request) -> Response:
        """`?agent=` chooses one beforehand."""
        settings = self._s.settings
        return page(
            request,
            "talk.html",
            choices=self._visits.choices(),
            wanted=request.query_params.get("agent", "").strip(),
            may=request.state.who.role >= Role.OPERATOR,
            thinks=bool(settings.local_llm_url),
            admin_port=settings.admin_port,
        )
