"""The guard on the way out: what tools may connect to, and a transport that connects to nothing else.

A tool's address may be written by one person, its name server run by a second, and a redirect sent by a third. Any of
them can point at this machine, at its network or at its cloud's metadata, where this process is trusted and they are
not (server-side request forgery). The rules:

1. http and https only, no user name in the address, no addresses in odd spelling.
2. A name is looked up once, all its addresses are judged, and the judged address itself is dialled. A name server that
   gives another answer next time is never asked a next time.
3. TLS and the Host header still speak of the name: certificates are checked as ever.
4. Proxies of the environment are not used, and redirects are not followed here; whoever follows one asks again.

What a tool has to reach all the same (a service beside us) is named in `allow`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import httpcore2
import httpx2

from bridge.errors import AgentError, ToolError
from bridge.tools.addresses import (
    METADATA,
    NOWHERE,
    Address,
    Network,
    is_odd_spelling,
    is_public,
    is_within,
    literal,
    plain,
)

log = logging.getLogger(__name__)

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses, best first. Raises OSError when there are none."""

KEEP_S = 30.0
"""A connection that nobody uses is kept this long: the next question of the same call comes without a handshake."""
_MOST_ADDRESSES = 4


async def look_up(host: str, port: int) -> list[str]:
    """The system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of `allow`: a host name or a network, and the port, if only that one."""

    name: str = ""
    network: Network | None = None
    port: int | None = None

    @classmethod
    def read(cls, text: str) -> Allowed:
        """From `127.0.0.1`, `127.0.0.1:8080`, `[::1]:8080`, `10.1.0.0/16`, `stock.internal:8080`. Raises AgentError."""
        host, port = _split_port(text.strip().lower())
        try:
            return cls(network=ip_network(host), port=port)
        except ValueError:
            pass
        if not host or "/" in host or "*" in host or is_odd_spelling(host):
            raise AgentError(f"allow: {text!r} is no host and no network; write 127.0.0.1:8080, 10.1.0.0/16 or a name")
        return cls(name=host.rstrip("."), port=port)

    def opens(self, host: str, address: Address, port: int) -> bool:
        """May `address`, to which `host` led, be reached although it is not public?"""
        if self.port not in (None, port):
            return False
        if self.network is not None:
            return address in self.network
        # Whoever runs the name's zone could else send us to the metadata service.
        return host == self.name and not is_within(address, METADATA)


class Guard:
    """Says where a tool may connect to. Raises ToolError, with a sentence for the model; the log gets the facts."""

    def __init__(self, allow: Iterable[str] = (), resolver: Resolver = look_up) -> None:
        self._allowed = [Allowed.read(text) for text in allow]
        self._resolver = resolver

    def check(self, url: httpx2.URL) -> None:
        """All that can be said of an address without looking anything up. To be asked for each redirect anew."""
        host = _host(url.raw_host.decode("ascii"))
        if url.scheme not in ("http", "https"):
            raise _refusal(host, "only http and https addresses can be asked")
        if url.userinfo:
            raise _refusal(host, "an address with a user name or password in it is not used")
        if not host:
            raise _refusal(host, "the address names no host")
        if is_odd_spelling(host):
            raise _refusal(host, "the address is spelt in a way that is not accepted")
        address = literal(host)
        if address is not None:
            self._judge(host, address, url.port or {"http": 80, "https": 443}[url.scheme])

    async def addresses(self, host: str, port: int) -> list[str]:
        """Where `host` is, each address judged. Dial these and nothing else.

        Raises ToolError when even one of them is out of bounds (a mixed answer is a trick), OSError for no answer.
        """
        host = _host(host)
        if is_odd_spelling(host):
            raise _refusal(host, "the address is spelt in a way that is not accepted")
        address = literal(host)
        found = [str(address)] if address is not None else await self._resolver(host, port)
        judged: list[str] = []
        for text in found:
            one = literal(text)
            if one is None:
                raise OSError(f"the resolver gave {text!r}, which is no address")
            judged.append(self._judge(host, one, port))
        if not judged:
            raise OSError("the name has no address")
        return judged

    def _judge(self, host: str, address: Address, port: int) -> str:
        address = plain(address)
        if is_public(address):
            return str(address)
        if not is_within(address, NOWHERE) and any(one.opens(host, address, port) for one in self._allowed):
            return str(address)
        raise _refusal(host, "the address is on a private network, where tools may not go", address=str(address))


class Dialler(httpcore2.AsyncNetworkBackend):
    """Connects to judged addresses. Above it nothing knows of addresses: pools and TLS see the name."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own name
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """One TCP connection to `host`. Raises ToolError (out of bounds), ConnectError, ConnectTimeout."""
        addresses = await self._look_up(host, port, timeout)
        # The first address may be of a network that swallows everything (IPv6 half set up): leave time for the others.
        share = timeout if timeout is None else timeout / len(addresses)
        for address in addresses[:-1]:
            with contextlib.suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                return await self._network.connect_tcp(address, port, share, local_address, socket_options)
        return await self._network.connect_tcp(addresses[-1], port, share, local_address, socket_options)

    async def _look_up(self, host: str, port: int, limit_s: float | None) -> list[str]:
        try:
            async with asyncio.timeout(limit_s):
                return (await self._guard.addresses(host, port))[:_MOST_ADDRESSES]
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("the name server did not answer") from error
        except (OSError, UnicodeError) as error:  # UnicodeError: a label of more than 63 characters
            raise httpcore2.ConnectError("the name was not found") from error

    async def connect_unix_socket(self, *_: object, **__: object) -> httpcore2.AsyncNetworkStream:
        """Never."""
        raise _refusal("", "only http and https addresses can be asked")

    async def sleep(self, seconds: float) -> None:
        """For httpcore's retries, of which there are none."""
        await asyncio.sleep(seconds)


class OutwardTransport(httpx2.AsyncBaseTransport):
    """An httpx2 transport that goes nowhere the guard forbids: `httpx2.AsyncClient(transport=OutwardTransport(guard))`.

    Belongs to the event loop it is first used on. Raises ToolError beside the errors of httpx2.
    """

    def __init__(self, guard: Guard, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl_context, keepalive_expiry=KEEP_S, network_backend=Dialler(guard)
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it, and return the answer with its body still to be read."""
        self._guard.check(request.url)
        url = request.url
        asked = httpcore2.Request(
            request.method,
            httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            # "sni_hostname" would let a caller have another name's certificate accepted.
            extensions={key: value for key, value in request.extensions.items() if key != "sni_hostname"},
        )
        with _as_httpx2():
            answer = await self._pool.handle_async_request(asked)
        return httpx2.Response(
            answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions
        )

    async def aclose(self) -> None:
        """Close all connections."""
        with _as_httpx2():
            await self._pool.aclose()


class _Body(httpx2.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream: AsyncIterable[bytes] = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx2():
            async for part in self._stream:
                yield part

    async def aclose(self) -> None:
        with _as_httpx2():
            await self._stream.aclose()  # type: ignore[attr-defined]


@contextlib.contextmanager
def _as_httpx2() -> Iterator[None]:
    """httpcore2 and httpx2 call the same things by the same names."""
    try:
        yield
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        kind = getattr(httpx2, type(error).__name__, httpx2.TransportError)
        raise kind(str(error)) from error


def _host(host: str) -> str:
    return host.lower().strip("[]").removesuffix(".")


def _split_port(text: str) -> tuple[str, int | None]:
    host, colon, port = text.rpartition(":")
    inside_v6 = ":" in host and not host.endswith("]")
    if not colon or not port.isdecimal() or inside_v6:
        return text.strip("[]"), None
    return host.strip("[]"), int(port)


def _refusal(host: str, reason: str, **facts: str) -> ToolError:
    log.warning("outward address refused", extra={"host": host, "reason": reason, **facts})
    return ToolError(f"This cannot be asked: {reason}.")
