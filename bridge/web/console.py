"""The admin app: the console's pages and API behind their guard, and how it fails."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from bridge.errors import StoreError
from bridge.store.database import Database
from bridge.web import routes
from bridge.web.access import Access
from bridge.web.guard import Guard
from bridge.web.headers import HEADERS, SecurityHeaders
from bridge.web.problem import refusal
from bridge.web.pulse import Pulse
from bridge.web.services import Services
from bridge.web.updates import Updates

TITLES = {404: "Not found", 405: "Method not allowed", 413: "Too large", 415: "Unsupported media type"}
DETAILS = {404: "there is nothing at this address", 405: "this address cannot be used in this way"}


def console(services: Services) -> Starlette:
    """The app of the admin listener."""
    access = Access(services.settings, lambda: services.db)
    updates, pulse = Updates(services.feed, access), Pulse(services)
    updates.parts["pulse"] = pulse.part
    updates.follow = services.follow

    async def opened(_: Database) -> None:
        await pulse.refresh()

    services.dialer.opened.append(opened)
    made = routes.admin(services, access, updates)
    app = Starlette(
        routes=made,
        middleware=[
            Middleware(SecurityHeaders, https=services.settings.admin_url.startswith("https://")),
            Middleware(Guard, access=access, settings=services.settings),
        ],
        exception_handlers={HTTPException: _refused, StoreError: _lost, Exception: _broken},
    )
    app.state.pulse = pulse
    app.state.paths = {route.path for route in made if isinstance(route, routes.Door)}
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - narrows the type
    status = error.status_code
    detail = DETAILS.get(status) or error.detail
    answer = refusal(request, status, TITLES.get(status, "Refused"), detail)
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


async def _lost(request: Request, error: Exception) -> Response:
    """What was asked for is in the database or in a file, and that cannot be had. Phones are answered all the same."""
    if isinstance(error, StoreError) and not error.retry:
        return refusal(request, 404, "Not found", str(error))
    return refusal(request, 503, "The database is not there", f"{error}. It is tried again by itself.")


async def _broken(request: Request, _: Exception) -> Response:
    """Our own mistake; the server's log has its stack. It is answered outside of every middleware."""
    answer = refusal(request, 500, "Something went wrong", "this is a mistake in callbridge; its log says more")
    answer.headers.update({name: value for name, value in HEADERS.items() if name not in answer.headers})
    return answer
