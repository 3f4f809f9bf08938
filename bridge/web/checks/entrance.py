"""The public URL, seen from outside: is it us who answers, do upgrades go through, do signatures fit?

Three things break here that look like a bug in the bridge and are none: a tunnel that is left from yesterday and leads
to somebody else, a proxy that passes HTTP and drops the upgrade of a WebSocket (the call connects and is silent), and
a proxy that changes the path or redirects, so that no signature fits (every webhook is answered with 403).
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import httpx2
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException

from bridge.carriers.base import RawRequest
from bridge.config import is_loopback
from bridge.errors import BadSignature
from bridge.store.identity import new_nonce
from bridge.web.checks.check import Result
from bridge.web.checks.question import ASK, PATH
from bridge.web.checks.scene import HTTP_S, Scene

DEV = "callbridge dev --tunnel ngrok"
SERVE = "callbridge serve"
OR_WRONG = "or PUBLIC_URL in .env is wrong"
UPGRADE = (
    "let the proxy pass upgrades; nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
    'proxy_set_header Connection "upgrade";'
)
_GATEWAY = {502, 503, 504, 530}
"""What proxies and tunnels answer when nobody is behind them. 530: Cloudflare's."""


async def public_url(scene: Scene) -> Result:
    """PUBLIC_URL leads to this installation: whoever answers gives our own answer to a new nonce."""
    base = scene.settings.public_url.rstrip("/")
    if not base:
        line = "PUBLIC_URL=https://..."
        return Result("fail", "PUBLIC_URL is not set", "Twilio has to reach us from outside", DEV, (line,))
    api_host = urlsplit(scene.settings.twilio_api_url).hostname or ""
    if is_loopback(urlsplit(base).hostname or "") and not is_loopback(api_host):
        return Result("fail", base, "this name means this machine alone: Twilio cannot reach it", DEV)
    nonce, began = new_nonce(), time.monotonic()
    try:
        async with scene.http(base) as http:
            answer = await http.get(f"{base}/healthz", params={"nonce": nonce})
    except httpx2.HTTPError as error:
        return _unreachable(base, error)
    took = f"{round((time.monotonic() - began) * 1000)} ms"
    if answer.status_code != 200:
        return await _strange_status(scene, base, answer, took)
    if not await scene.answered_by_us(nonce, str(_object(answer).get("answer", ""))):
        return Result(
            "fail",
            f"{base} is answered by another server",
            f"an old tunnel leads to somebody else (or to a callbridge of another BRIDGE_DATA), {OR_WRONG}",
            DEV,
        )
    return Result("ok", f"{base} answered in {took}, and it is this callbridge")


def _unreachable(base: str, error: httpx2.HTTPError) -> Result:
    said = _words(error)
    host = urlsplit(base).hostname
    if "CERTIFICATE" in said.upper():
        cause = "Twilio refuses a certificate that nobody vouches for"
        return Result("fail", f"{base}: {said}", cause, f"get a certificate for {host}")
    slow = isinstance(error, httpx2.TimeoutException)
    cause = f"nobody listens at {host}, {OR_WRONG}"
    detail = f"{base} -> {'no answer within ' + format(HTTP_S, 'g') + ' s' if slow else said}"
    return Result("fail", detail, cause, DEV)


async def _strange_status(scene: Scene, base: str, answer: httpx2.Response, took: str) -> Result:
    status = answer.status_code
    detail = f"{base} -> {status} in {took}"
    if answer.is_redirect:
        to = answer.headers.get("location", "")
        cause = f"it redirects to {to}: a redirect turns Twilio's POST into a GET without its fields"
        return Result("fail", detail, cause, "put the address that it redirects to into PUBLIC_URL")
    if status in _GATEWAY:
        running = await scene.local() == "ours"
        if running:
            cause = f"the tunnel or proxy stands, and leads to another place than port {scene.settings.port}"
            return Result("fail", detail, cause, f"let it lead to 127.0.0.1:{scene.settings.port}")
        return Result("fail", detail, "the tunnel or proxy stands, and nobody serves behind it", SERVE)
    return Result("fail", detail, f"another server answers there, {OR_WRONG}", DEV)


def _words(error: Exception) -> str:
    """What an error says, without the system's number for it."""
    return re.sub(r"\[Errno -?\d+\] ", "", str(error)) or type(error).__name__


def _object(answer: httpx2.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def websocket(scene: Scene) -> Result:
    """A signed upgrade through PUBLIC_URL: that is how a caller's voice comes."""
    base = scene.settings.public_url.rstrip("/")
    if not base:
        return _not_tried("PUBLIC_URL is not set")
    nonce, began = new_nonce(), time.monotonic()
    url = f"ws{base.removeprefix('http')}{PATH}{nonce}"
    proxy: Literal[True] | None = None if is_loopback(urlsplit(base).hostname or "") else True
    try:
        headers = dict(_signed(scene, nonce, websocket=True))
        async with asyncio.timeout(HTTP_S):
            async with connect(url, additional_headers=headers, compression=None, proxy=proxy) as socket:
                answer = await socket.recv()
    except TimeoutError:
        cause = "a proxy took the upgrade and passed nothing on: calls would connect and be silent"
        return Result("fail", f"{base}: no upgrade within {HTTP_S:g} s", cause, UPGRADE)
    except InvalidStatus as error:
        return await _no_upgrade(scene, base, error.response.status_code)
    except InvalidHandshake as error:
        cause = "a proxy answers in place of callbridge: calls would connect and be silent"
        return Result("fail", f"{base}: {error}", cause, UPGRADE)
    except (OSError, WebSocketException) as error:
        return Result("fail", f"{base}: {_words(error)}", f"no connection came about, {OR_WRONG}", DEV)
    took = f"{round((time.monotonic() - began) * 1000)} ms"
    if not await scene.answered_by_us(nonce, str(answer)):
        return Result("fail", f"{base} is answered by another server", "see the check of the public URL", DEV)
    return Result("ok", f"upgraded and answered in {took}")


async def _no_upgrade(scene: Scene, base: str, status: int) -> Result:
    detail = f"{base} answered the upgrade with HTTP {status}"
    if status == 403:
        cause = "the upgrade came through and its signature did not fit"
        return Result("fail", detail, cause, "see the check of signatures: what mends that mends this")
    if status in _GATEWAY and await scene.local() != "ours":
        return Result("fail", detail, "nobody serves behind the tunnel or proxy", SERVE)
    cause = "a proxy passes HTTP and drops the upgrade of WebSockets: calls would connect and be silent"
    return Result("fail", detail, cause, UPGRADE)


async def signature(scene: Scene) -> Result:
    """A request signed as Twilio signs is taken, one without a signature refused, both through PUBLIC_URL."""
    base = scene.settings.public_url.rstrip("/")
    if not base:
        return _not_tried("PUBLIC_URL is not set")
    if scene.settings.insecure_dev:
        cause = "with --insecure-dev anybody may send webhooks"
        return Result("warn", "signatures are off", cause, "put TWILIO_AUTH_TOKEN into .env, and serve without it")
    nonce = new_nonce()
    url = f"{base}{PATH}{nonce}"
    try:
        headers = dict(_signed(scene, nonce)) | {ASK: await asyncio.to_thread(scene.identity.ask, nonce)}
        async with scene.http(base) as http:
            signed, forged = await asyncio.gather(
                http.post(url, content=_BODY, headers=headers),
                http.post(url, content=_BODY, headers={"Content-Type": headers["Content-Type"]}),
            )
    except BadSignature as error:
        return _not_tried(str(error))
    except httpx2.HTTPError as error:
        return _not_tried(f"{base} cannot be reached ({_words(error)})")
    if signed.status_code == 200 and await scene.answered_by_us(nonce, str(_object(signed).get("answer", ""))):
        if forged.status_code == 403:
            return Result("ok", "a signed request is taken, one without is refused")
        cause = "anybody who knows the address can send webhooks"
        fix = "serve without --insecure-dev, and let no proxy answer 403 for us"
        return Result("fail", f"a request without a signature was answered with {forged.status_code}", cause, fix)
    return _misfit(scene, base, url, signed)


_BODY = urlencode({"Check": "signature", "Blank": ""})


def _signed(scene: Scene, nonce: str, *, websocket: bool = False) -> dict[str, str]:
    """Headers as Twilio sends them; without a signature where nobody looks at one. Raises BadSignature."""
    try:
        body = b"" if websocket else _BODY.encode()
        return dict(scene.carrier.webhook.sign(RawRequest(PATH + nonce, "", {}, body, websocket=websocket)))
    except BadSignature:
        if websocket or scene.settings.insecure_dev:
            return {}
        raise


def _misfit(scene: Scene, base: str, expected: str, answer: httpx2.Response) -> Result:
    """Why a signed request was not taken."""
    told = _object(answer)
    computed = str(told.get("computed", ""))
    if answer.is_redirect:
        to = answer.headers.get("location", "")
        cause = f"it redirects to {to}: a redirect turns Twilio's POST into a GET, and no signature fits"
        return Result("fail", f"{base} -> {answer.status_code}", cause, "put that address into PUBLIC_URL")
    if answer.status_code != 403 or not computed:
        cause = "another server answers there, or one that is older" if answer.status_code != 403 else "it is not ours"
        return Result("fail", f"a signed request was answered with HTTP {answer.status_code}", cause, SERVE)
    detail = f"signed for {_short(expected)}, the server computed {_short(computed)}"
    ours, theirs = urlsplit(expected), urlsplit(computed)
    if (ours.scheme, ours.netloc) != (theirs.scheme, theirs.netloc):
        served = computed.partition(PATH)[0]
        cause = f"the running callbridge was started with PUBLIC_URL={served}, and these settings say {base}"
        fix = f"start callbridge again with PUBLIC_URL={base}"
        return Result("fail", detail, cause, fix, (f"PUBLIC_URL={base}",))
    if ours.path != theirs.path or ours.query != theirs.query:
        cause = "a proxy on the way changes the path, and Twilio signs the one that it was given"
        fix = "let the proxy pass the path as it comes, or put the path's prefix into PUBLIC_URL"
        return Result("fail", detail, cause, fix)
    seen = told.get("seen")
    kind = seen.get("content-type", "") if isinstance(seen, dict) else ""
    cause = "the URL is right, so the running callbridge has another TWILIO_AUTH_TOKEN, or a proxy changes the body"
    if "x-www-form-urlencoded" not in str(kind):
        cause = f"a proxy changed the content type into {kind or 'nothing'}"
    return Result("fail", f"a signed request to {_short(expected)} was refused", cause, f"start `{SERVE}` again")


def _short(url: str) -> str:
    """Without the nonce, which says nothing to anybody."""
    before, mark, _ = url.partition(PATH)
    return f"{before}{PATH}..." if mark else url


def _not_tried(why: str) -> Result:
    return Result("warn", f"not tried: {why}")
