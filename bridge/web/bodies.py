"""What people and programs send to the admin API: JSON that must fit, and files that may be long."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from bridge.errors import UsageError
from bridge.web.access import LOCAL

MOST_BYTES = 65_536
MOST_UPLOAD = 200_000_000
_BLOCK = 1 << 20


class Body(BaseModel):
    """A JSON body; fields that it does not know are refused."""

    model_config = ConfigDict(extra="forbid")


class By(Body):
    """A body that says who asks, for the audit. Whoever came with a token of their own is named by that first."""

    by: str = Field(default="admin API", min_length=1, max_length=100)


class TooLong(UsageError):
    """The body is longer than it may be."""


B = TypeVar("B", bound=BaseModel)


async def read_body(request: Request, kind: type[B]) -> B:
    """The body. Raises UsageError, one sentence."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise UsageError("send JSON (content-type: application/json)")
    text = bytearray()
    async for part in request.stream():
        text += part
        if len(text) > MOST_BYTES:
            raise TooLong(f"the body is longer than {MOST_BYTES} bytes")
    try:
        body = kind.model_validate_json(bytes(text) or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}") from None
    if isinstance(body, By):
        body.by = asker(request, body.by if "by" in body.model_fields_set else "")
    return body


def asker(request: Request, said: str = "") -> str:
    """Who asks, for the audit: who they are known to be, and who they say they are."""
    who = request.state.who
    if who == LOCAL:
        return said or "admin API"
    return f"{who.name} ({said})" if said else str(who.name)


@asynccontextmanager
async def uploaded(request: Request, folder: Path, most: int = MOST_UPLOAD) -> AsyncIterator[Path]:
    """The body as a file of its own, which is gone afterwards: it holds people's names and numbers.

    Raises TooLong (nothing more is read then), UsageError, OSError.
    """
    file = await asyncio.to_thread(_new_file, folder)
    try:
        size, waiting = 0, bytearray()
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise TooLong(f"the file is longer than {most // 1_000_000} MB")
            waiting += part
            if len(waiting) >= _BLOCK:
                await asyncio.to_thread(_append, file, bytes(waiting))
                waiting.clear()
        await asyncio.to_thread(_append, file, bytes(waiting))
        await asyncio.to_thread(file.flush)
        yield Path(file.name)
    finally:
        await asyncio.to_thread(file.close)


def _new_file(folder: Path) -> IO[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.NamedTemporaryFile(dir=folder, prefix="upload-")


def _append(file: IO[bytes], block: bytes) -> None:
    file.write(block)
