"""Errors of the house as answers of the admin API, and answers that are too long to be made at once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import wraps
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bridge.dialer.dialer import Desk
from bridge.errors import (
    BridgeError,
    CallNotAllowed,
    CampaignRefused,
    CarrierError,
    DatabaseLost,
    NoSuchCampaign,
    NumberRefused,
    StoreConflict,
    StoreError,
    UsageError,
)
from bridge.web.bodies import TooLong
from bridge.web.problem import problem
from bridge.web.problem import refusal as page_refusal
from bridge.web.services import Services

MOST_ROWS = 500
"""Of one answer."""
Handler = Callable[[Request], Awaitable[Response]]

_TOGETHER = 200
"""Rows that are encoded at a time: about a millisecond."""


class NotThere(UsageError):
    """There is no such thing."""


_STATUSES: Sequence[tuple[type[BridgeError], int, str]] = (
    (NotThere, 404, "Not Found"),
    (NoSuchCampaign, 404, "Not Found"),
    (CampaignRefused, 409, "Conflict"),
    (NumberRefused, 422, "Unprocessable Content"),
    (CallNotAllowed, 409, "Conflict"),
    (TooLong, 413, "Content Too Large"),
    (UsageError, 400, "Bad Request"),
    (StoreConflict, 409, "Conflict"),
    (StoreError, 503, "Service Unavailable"),
    (CarrierError, 502, "Bad Gateway"),
)


def answered(handler: Handler) -> Handler:
    """A handler whose errors are answers: problem+json with one sentence."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except (UsageError, StoreError, CarrierError) as error:
            return refusal(error)

    return answer


def shown(handler: Handler) -> Handler:
    """A page's handler whose errors are pages: one sentence, and the status that programs would get."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except (UsageError, CarrierError) as error:
            return page_refusal(request, *status_of(error), str(error))

    return answer


def status_of(error: BridgeError) -> tuple[int, str]:
    """The status of an answer that says this, and what that is called."""
    return next((status, title) for kind, status, title in _STATUSES if isinstance(error, kind))


def refusal(error: BridgeError) -> Response:
    """The answer that says this."""
    status, title = status_of(error)
    why = str(getattr(error, "why", ""))
    if why == "do_not_call":  # trying again does not help, as it may with a conflict
        status, title = 422, "Unprocessable Content"
    return problem(status, title, str(error), why=why)


def desk_of(services: Services) -> Desk:
    """The open database with all that belongs to it. Raises StoreError: why it is not there."""
    desk = services.dialer.desk
    if desk is None:
        raise DatabaseLost(services.dialer.trouble)
    return desk


def long_document(head: dict[str, Any], name: str, rows: AsyncIterator[Sequence[Any]]) -> Response:
    """`head` with `name`: a list that comes piece by piece. Live calls go on between the pieces."""

    async def pieces() -> AsyncIterator[str]:
        yield json.dumps(head, ensure_ascii=False)[:-1] + (", " if head else "") + json.dumps(name) + ": ["
        first = True
        async for some in rows:
            if some:
                yield ("" if first else ", ") + ", ".join(json.dumps(row, ensure_ascii=False) for row in some)
                first = False
        yield "]}"

    return StreamingResponse(pieces(), media_type="application/json")


async def in_pieces(rows: Sequence[Any]) -> AsyncIterator[Sequence[Any]]:
    """A long list as `long_document` takes it."""
    for start in range(0, len(rows), _TOGETHER):
        yield rows[start : start + _TOGETHER]
