"""What a page's form sends (urlencoded), read no further than it may be long. Files come by other ways."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

MOST_BYTES = 65_536
MOST_FIELDS = 200


async def form(request: Request) -> dict[str, str]:
    """The fields, the last one of each name. Raises HTTPException: 413 for too much, 415 for another kind of body."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise HTTPException(415, "send the form as application/x-www-form-urlencoded")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"the form is longer than {MOST_BYTES} bytes")
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise HTTPException(413, f"the form has more than {MOST_FIELDS} fields") from None
