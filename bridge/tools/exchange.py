"""One question to an HTTP service and its whole answer, within a time and a size.

Not `httpx2.AsyncClient` but the transport under it: a client writes every address into the log, arguments and keys
included, takes proxies and passwords from the environment, and keeps cookies from one caller's call to the next's.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

from bridge.errors import ToolError
from bridge.tools.base import JSON
from bridge.tools.outward import Guard, OutwardTransport

_REDIRECTS = (301, 302, 303, 307, 308)
_KEPT_ABROAD = ("accept", "accept-encoding", "user-agent")
"""Headers that go along to another host. All others may hold a key of ours."""
_ZLIB_OR_GZIP = 47  # zlib's window size of 15, plus 32: see from the data which of the two it is


class NoAnswer(ToolError):
    """There is no usable answer; the text is for the model.

    `reason` is one word for the log, `detail` more of it; `sent`: the service may have got the question.
    """

    def __init__(self, sentence: str, reason: str, *, detail: str = "", sent: bool = True) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.detail = detail
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service said."""

    status: int
    headers: httpx2.Headers
    body: bytes

    @property
    def is_json(self) -> bool:
        """Does it say so?"""
        return "json" in self.headers.get("content-type", "").lower()

    def json(self) -> JSON:
        """The body as JSON. Raises NoAnswer."""
        try:
            document: JSON = json.loads(self.body)
        except (ValueError, RecursionError):
            raise NoAnswer("The service answered, but not in readable JSON.", "json") from None
        return document

    def text(self) -> str:
        """The body as text. Raises NoAnswer for what is none."""
        if b"\0" in self.body:
            raise NoAnswer("The service answered with something that is not text.", "binary")
        charset = httpx2.Response(self.status, headers=self.headers).charset_encoding or "utf-8"
        return self.body.decode(charset, "replace")


class Exchange:
    """Asks one service, over connections it keeps."""

    def __init__(self, guard: Guard, *, most_bytes: int, redirects: int, uses_tls: bool) -> None:
        self._guard = guard
        self._most_bytes = most_bytes
        self._redirects = redirects
        # Loading the certificates takes tens of milliseconds: now, and not while people talk.
        self._tls = httpx2.create_ssl_context(trust_env=False) if uses_tls else None
        self._transport: OutwardTransport | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, limit_s: float
    ) -> Answer:
        """The answer, of whatever status. Raises NoAnswer, or ToolError for an address the guard does not allow."""
        try:
            async with asyncio.timeout(limit_s):
                return await self._follow(httpx2.Request(method, url, headers=headers, content=body), limit_s)
        except httpx2.InvalidURL:
            raise NoAnswer("The arguments are too long to be sent.", "url", sent=False) from None
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            # OpenSSL's and the system's words: they name no argument and no header.
            raise NoAnswer("The service could not be reached.", "connect", detail=str(error), sent=False) from None
        except (TimeoutError, httpx2.TimeoutException):
            raise NoAnswer(f"The service did not answer within {limit_s:.3g} seconds.", "timeout") from None
        except httpx2.TransportError as error:
            kind = type(error).__name__
            raise NoAnswer("The connection broke before the whole answer was here.", "broken", detail=kind) from None

    async def close(self) -> None:
        """Close the connections. It may be used again afterwards."""
        transport, self._transport = self._transport, None
        if transport is not None and self._loop is asyncio.get_running_loop():
            await transport.aclose()

    async def _follow(self, request: httpx2.Request, limit_s: float) -> Answer:
        # Half of the time for connecting: then there is some left to say that nobody is there.
        request.extensions["timeout"] = {"connect": limit_s / 2}
        answer = await self._once(request)
        for _ in range(self._redirects):
            onward = _onward(request, answer)
            if onward is None:
                break
            onward.extensions["timeout"] = request.extensions["timeout"]
            request, answer = onward, await self._once(onward)
        return answer

    async def _once(self, request: httpx2.Request) -> Answer:
        response = await self._connections().handle_async_request(request)
        try:
            body = await self._read(response)
        finally:
            await response.aclose()
        return Answer(response.status_code, response.headers, body)

    async def _read(self, response: httpx2.Response) -> bytes:
        body = bytearray()
        async for part in response.aiter_raw():
            body += part
            if len(body) > self._most_bytes:
                raise self._too_large()
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("", "identity") or not body:
            return bytes(body)
        if encoding not in ("gzip", "x-gzip", "deflate"):  # we asked for none
            raise NoAnswer("The service answered in an encoding that is not understood.", "encoding")
        return self._inflate(bytes(body))

    def _inflate(self, body: bytes) -> bytes:
        """A kilobyte may hold a megabyte of zeros: no more is unpacked than may be read."""
        try:
            whole = zlib.decompressobj(_ZLIB_OR_GZIP).decompress(body, self._most_bytes + 1)
        except zlib.error:
            raise NoAnswer("The service answered, but the answer cannot be unpacked.", "encoding") from None
        if len(whole) > self._most_bytes:
            raise self._too_large()
        return whole

    def _too_large(self) -> NoAnswer:
        return NoAnswer(f"The service's answer is larger than the {self._most_bytes} bytes that are read.", "too_large")

    def _connections(self) -> OutwardTransport:
        loop = asyncio.get_running_loop()
        if self._transport is None or self._loop is not loop:
            # Sockets belong to a loop. Where there is one after the other (tests do that), each has its own.
            self._transport, self._loop = OutwardTransport(self._guard, ssl_context=self._tls), loop
        return self._transport


def _onward(request: httpx2.Request, answer: Answer) -> httpx2.Request | None:
    """Where a redirect leads, if it may be followed: as a GET, never from https to http, with no key to a stranger."""
    location = answer.headers.get("location")
    if answer.status not in _REDIRECTS or not location or (request.method != "GET" and answer.status != 303):
        return None
    try:
        url = request.url.join(location)
    except httpx2.InvalidURL:
        return None
    if request.url.scheme == "https" and url.scheme == "http":
        return None
    at_home = (url.scheme, url.host, url.port) == (request.url.scheme, request.url.host, request.url.port)
    left_behind = ("host", "content-length", "content-type", "transfer-encoding")
    headers = {
        name: value
        for name, value in request.headers.items()
        if name not in left_behind and (at_home or name in _KEPT_ABROAD)
    }
    return httpx2.Request("GET", url, headers=headers)
