"""The JSON body of a request to the admin API, read no further than it may be long."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from bridge.errors import UsageError

MOST_BYTES = 65_536
B = TypeVar("B", bound=BaseModel)


async def read(request: Request, kind: type[B]) -> B:
    """The body. Raises UsageError, one sentence."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise UsageError("send JSON (content-type: application/json)")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise UsageError(f"the body is longer than {MOST_BYTES} bytes")
    try:
        return kind.model_validate_json(bytes(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}") from None
