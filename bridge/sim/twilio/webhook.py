"""The carrier's HTTP side: signed form posts to the application, with the real one's time-outs and retries.

`PUBLIC_URL` is what is signed and named in the Host header; the bytes go to a loopback address over plain HTTP. Other
addresses than PUBLIC_URL's and loopback are never contacted.

Time-outs and retries can be set in a URL's fragment, as at the real carrier: `#ct=2000&rt=5000&tt=15000&rc=2&rp=5xx`
(connect, read, total in ms; count; policy out of ct, rt, 4xx, 5xx, all). Default: one more try when no connection
could be made, 15 s in all. A redirect (301, 302, 303) is followed as GET and so loses the form.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urldefrag, urlencode, urljoin, urlsplit

import httpx2

from bridge.errors import CarrierError, ConfigError
from bridge.sim.twilio.signature import sign

Form = tuple[tuple[str, str], ...]
Failure = Literal["", "url", "ct", "rt", "4xx", "5xx"]

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_REDIRECTS = 10
_CONNECT_MS, _READ_MS, _TOTAL_MS, _RETRIES = 5_000, 15_000, 15_000, 1
_MOST_RETRIES = 5


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request of the carrier and what came back. `status` is 0 when nothing came; `failure` says why."""

    method: str
    url: str
    form: Form
    signature: str
    at_s: float
    took_s: float
    status: int
    content_type: str
    body: bytes
    failure: Failure
    reason: str

    @property
    def fields(self) -> dict[str, str]:
        """The form as a mapping."""
        return dict(self.form)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait and how often to try, read from the fragment of a URL."""

    connect_s: float
    read_s: float
    total_s: float
    retries: int
    policy: frozenset[str]

    @classmethod
    def of(cls, url: str) -> Patience:
        """The settings in the fragment of `url`; what is missing or no number keeps its default."""
        given = dict(parse_qsl(urldefrag(url).fragment))

        def number(name: str, default: int, most: int) -> int:
            text = given.get(name, "")
            return min(int(text), most) if text.isdecimal() else default

        return cls(
            connect_s=number("ct", _CONNECT_MS, 10_000) / 1000,
            read_s=number("rt", _READ_MS, 15_000) / 1000,
            total_s=number("tt", _TOTAL_MS, 15_000) / 1000,
            retries=number("rc", _RETRIES, _MOST_RETRIES),
            policy=frozenset(given.get("rp", "ct").split(",")),
        )

    def again(self, failure: Failure) -> bool:
        """May a request that failed like this be repeated?"""
        return bool(failure) and failure != "url" and ("all" in self.policy or failure in self.policy)


class Address:
    """Where PUBLIC_URL really listens: knows for every URL the host and port to connect to."""

    def __init__(self, public_url: str, connect: tuple[str, int] | None) -> None:
        self.public_url = public_url.rstrip("/")
        parts = urlsplit(self.public_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(f"PUBLIC_URL must look like https://host[/prefix], not {public_url!r}")
        self.secure = parts.scheme == "https"
        self._netloc = parts.netloc
        if connect is None:
            if parts.hostname not in LOOPBACK_HOSTS:
                raise ConfigError(f"{public_url} is not on this machine: say where it listens (connect HOST:PORT)")
            connect = (parts.hostname, parts.port or (443 if self.secure else 80))
        if connect[0] not in LOOPBACK_HOSTS:
            raise ConfigError(f"the pretend carrier only calls this machine, not {connect[0]}")
        self.connect = connect

    def of(self, url: str) -> tuple[str, int] | None:
        """Host and port to connect to for `url`; None when it is neither PUBLIC_URL's nor this machine's."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return None
        if parts.netloc == self._netloc:
            return self.connect
        if parts.hostname in LOOPBACK_HOSTS and port:
            return parts.hostname, port
        return None

    def absolute(self, path: str) -> str:
        """A path of the application as the carrier knows it."""
        return path if "://" in path else self.public_url + path


class Post:
    """Sends the carrier's requests. One per carrier; every exchange is handed to `seen`."""

    def __init__(self, address: Address, auth_token: str) -> None:
        self.address = address
        self._auth_token = auth_token
        # No kept connections: a server may close an idle one just as it is used again.
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._client = httpx2.AsyncClient(limits=limits, trust_env=False, timeout=None)

    async def close(self) -> None:
        """End all connections."""
        await self._client.aclose()

    async def request(
        self, url: str, form: Sequence[tuple[str, str]], seen: Callable[[Exchange], None], *, method: str = "POST"
    ) -> Exchange:
        """Send the form, repeat as the URL's patience allows, and answer the last exchange. Never raises."""
        patience = Patience.of(url)
        token = secrets.token_hex(16)
        deadline = asyncio.get_running_loop().time() + patience.total_s
        for attempt in range(patience.retries + 1):
            exchange = await self._follow(url, tuple(form), method, token, patience, deadline)
            seen(exchange)
            left = deadline - asyncio.get_running_loop().time()
            if attempt == patience.retries or left <= 0 or not patience.again(exchange.failure):
                break
        return exchange

    async def _follow(
        self, url: str, form: Form, method: str, token: str, patience: Patience, deadline: float
    ) -> Exchange:
        for _ in range(MAX_REDIRECTS):
            exchange, location = await self._once(url, form, method, token, patience, deadline)
            if not location:
                break
            url = urljoin(url, location)
            if exchange.status in {301, 302, 303}:
                method, form = "GET", ()
        return exchange

    async def _once(
        self, url: str, form: Form, method: str, token: str, patience: Patience, deadline: float
    ) -> tuple[Exchange, str]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        target = urldefrag(url).url
        if method == "GET" and form:
            target += ("&" if "?" in target else "?") + urlencode(form)
        signature = sign(self._auth_token, target, form if method == "POST" else ())
        status, content_type, body, location = 0, "", b"", ""
        failure: Failure = ""
        reason = ""
        try:
            async with asyncio.timeout_at(min(deadline, began + patience.connect_s + patience.read_s)):
                response = await self._send(target, form, method, signature, token, patience)
            status, body = response.status_code, response.content
            content_type = response.headers.get("content-type", "")
            location = response.headers.get("location", "") if 300 <= status < 400 else ""
            if status >= 400:
                failure, reason = ("5xx" if status >= 500 else "4xx"), f"the application answered {status}"
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            failure, reason = "ct", f"no connection could be made ({error})"
        except (TimeoutError, httpx2.TimeoutException):
            failure, reason = "rt", f"no answer within {loop.time() - began:.1f} s"
        except httpx2.HTTPError as error:
            failure, reason = "rt", f"the answer broke off ({error})"
        except CarrierError as error:
            failure, reason = "url", str(error)
        took = loop.time() - began
        exchange = Exchange(method, url, form, signature, began, took, status, content_type, body, failure, reason)
        return exchange, location

    async def _send(
        self, url: str, form: Form, method: str, signature: str, token: str, patience: Patience
    ) -> httpx2.Response:
        place = self.address.of(url)
        if place is None or urlsplit(url).scheme not in {"http", "https"}:
            raise CarrierError(f"{url} is neither under PUBLIC_URL nor on this machine")
        parts = urlsplit(url)
        host = f"[{place[0]}]" if ":" in place[0] else place[0]
        target = f"http://{host}:{place[1]}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")
        headers = {
            "Host": parts.netloc,
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
            "Accept-Encoding": "gzip",
            "X-Twilio-Signature": signature,
            "I-Twilio-Idempotency-Token": token,
        }
        content = None
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
            content = urlencode(form).encode("ascii")
        timeout = httpx2.Timeout(patience.read_s, connect=patience.connect_s)
        return await self._client.request(method, target, content=content, headers=headers, timeout=timeout)
