"""A server of tools elsewhere, spoken to over streamable HTTP.

The operator writes the address down, so it may lie in a private network. What is sent there stays there: a redirect to
another host is not followed, nothing is taken from the process's environment (proxies, passwords), and neither address
nor headers come into the log.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bridge.errors import AgentError
from bridge.tools.headers import check_header
from bridge.tools.secrets import Secrets

if TYPE_CHECKING:
    import httpx2
    from mcp.client._transport import TransportStreams

MOST_BYTES = 32 * 1024 * 1024
"""Of one message. A result is cut to 16 KiB later; what is larger than this is no message."""
CONNECT_S = 5.0
SILENCE_S = 300.0
"""A stream of notifications may be silent for so long before it is opened again; calls have a deadline of their own."""


class RemoteLink:
    """Where the server is, and what it is told of us. Raises AgentError. Without a repr: headers hold keys."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.host = _checked(url)
        self.url = url
        self.headers = dict(headers)
        for name, value in self.headers.items():
            check_header(name, value)
        query = urlsplit(url).query
        self.secrets = Secrets([*self.headers.values(), *(pair.partition("=")[2] for pair in query.split("&"))])
        self._status = 0

    def transport(
        self, name: str, ended: Callable[[], None]
    ) -> contextlib.AbstractAsyncContextManager[TransportStreams]:
        """A new session's streams, still to be entered. Its end is noticed by whoever uses it."""
        del name, ended
        return self._streams()

    @property
    def is_up(self) -> bool:
        """Nobody knows before asking."""
        return False

    def explain(self, error: BaseException) -> str:
        """Why it could not be opened, as the end of a sentence; empty when only the caller knows."""
        import httpx2

        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
            return f"{self.host} could not be reached"
        if isinstance(error, httpx2.TransportError):
            return f"the connection to {self.host} broke ({type(error).__name__})"
        if self._status in (401, 403):
            return f"{self.host} refuses us with status {self._status}; look at headers"
        if self._status >= 400:
            return f"{self.host} answers with status {self._status}; is this the address of an MCP server?"
        return ""

    @contextlib.asynccontextmanager
    async def _streams(self) -> AsyncIterator[TransportStreams]:
        import httpx2
        from mcp.client.streamable_http import streamable_http_client

        async def note(response: httpx2.Response) -> None:
            self._status = response.status_code
            _bound(response)

        self._status = 0
        async with (
            httpx2.AsyncClient(
                headers=self.headers,
                timeout=httpx2.Timeout(SILENCE_S, connect=CONNECT_S),
                event_hooks={"response": [note]},
                trust_env=False,
            ) as client,
            streamable_http_client(self.url, http_client=client, max_sse_event_size=MOST_BYTES) as streams,
        ):
            yield streams


def _bound(response: httpx2.Response) -> None:
    """Have an answer that is no stream of events end with an error when it is larger than a message may be."""
    import httpx2

    stream = response.stream
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        return  # each of its events is bounded

    class Bounded(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            had = 0
            assert isinstance(stream, httpx2.AsyncByteStream)  # noqa: S101 - of an AsyncClient
            async for part in stream:
                had += len(part)
                if had > MOST_BYTES:
                    raise httpx2.ReadError("the answer is too large")
                yield part

        async def aclose(self) -> None:
            if isinstance(stream, httpx2.AsyncByteStream):
                await stream.aclose()

    response.stream = Bounded()


def _checked(url: str) -> str:
    """The host of an address that may be used."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise AgentError("url: the host or the port cannot be read") from None
    if parts.scheme not in ("http", "https") or not host:
        raise AgentError("url: it has to begin with https:// or http:// and name a host")
    if parts.username or parts.password:
        raise AgentError("url: no name and password in it; put them into headers")
    if any(not 0x20 < ord(one) < 0x7F for one in url):
        raise AgentError("url: blanks and letters beyond ASCII are written as %20 and the like")
    return host
