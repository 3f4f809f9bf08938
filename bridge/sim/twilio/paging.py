"""Lists as the REST API prints them: newest first, in pages, with the addresses of the neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request

from bridge.sim.twilio.fields import Refusal

MOST_PAGE_SIZE = 1000

Row = TypeVar("Row")


def page_of(request: Request, name: str, rows: Sequence[Row], show: Callable[[Row], dict[str, Any]]) -> dict[str, Any]:
    """The page of `rows` the request asks for, shown under `name`. Raises Refusal."""
    query = request.query_params
    size, page = min(_count(query, "PageSize", 50), MOST_PAGE_SIZE), _count(query, "Page", 0)
    part = rows[page * size : (page + 1) * size]

    def uri(number: int) -> str:
        rest = [(name, value) for name, value in query.multi_items() if name not in {"Page", "PageSize"}]
        return f"{request.url.path}?{urlencode([*rest, ('PageSize', size), ('Page', number)])}"

    return {
        name: [show(row) for row in part],
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": page * size + max(len(part) - 1, 0),
        "uri": uri(page),
        "first_page_uri": uri(0),
        "previous_page_uri": uri(page - 1) if page else None,
        "next_page_uri": uri(page + 1) if len(rows) > (page + 1) * size else None,
    }


def _count(query: QueryParams, name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal():
        raise Refusal(400, 20001, f"{name} {text!r} is not a number")
    return int(text)


def moment(text: str) -> datetime:
    """A day or a time, as `2026-11-23`, ISO 8601 or RFC 2822."""
    try:
        if len(text) == len("2026-11-23"):
            return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError as error:
            raise Refusal(400, 20001, f"{text!r} is not a time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
