"""The REST API: create, change, look up and list calls, with Basic auth and the carrier's own error answers.

What it answers about messages stands in `rest_texts.py`, about the account and its numbers in `rest_account.py`.

What requests meet besides (refused before anything happens, or answered with an error, not in time or not at all
although the call was placed) stands in `weather.py`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import socket
import struct
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.sim.twilio.call import SimCall
from bridge.sim.twilio.fields import Refusal, form_fields
from bridge.sim.twilio.forms import API_VERSION
from bridge.sim.twilio.orders import create_order, update_change
from bridge.sim.twilio.paging import moment, page_of
from bridge.sim.twilio.resource import call_resource
from bridge.sim.twilio.rest_account import AccountApi
from bridge.sim.twilio.rest_texts import TextsApi

if TYPE_CHECKING:
    from bridge.sim.carrier import Carrier

Answer = Callable[[Request], Awaitable[Response]]


def rest_routes(carrier: Carrier) -> list[Route]:
    """The API's routes, for a server."""
    api = RestApi(carrier)
    texts, own = TextsApi(carrier), AccountApi(carrier)
    account = f"/{API_VERSION}/Accounts/{{account}}"
    calls, messages, numbers = (f"{account}/{name}" for name in ("Calls", "Messages", "IncomingPhoneNumbers"))
    return [
        Route(f"{calls}.json", api.guarded(api.create), methods=["POST"]),
        Route(f"{calls}.json", api.guarded(api.list_calls), methods=["GET"]),
        Route(f"{calls}/{{sid}}.json", api.guarded(api.update), methods=["POST"]),
        Route(f"{calls}/{{sid}}.json", api.guarded(api.fetch), methods=["GET"]),
        Route(f"{messages}.json", api.guarded(texts.create), methods=["POST"]),
        Route(f"{messages}.json", api.guarded(texts.list_texts), methods=["GET"]),
        Route(f"{messages}/{{sid}}.json", api.guarded(texts.fetch), methods=["GET"]),
        Route(f"{account}.json", api.guarded(own.fetch), methods=["GET"]),
        Route(f"{numbers}.json", api.guarded(own.numbers), methods=["GET"]),
        Route(f"{numbers}/{{sid}}.json", api.guarded(own.update_number), methods=["POST"]),
        Route(f"{account}/OutgoingCallerIds.json", api.guarded(own.verified), methods=["GET"]),
        Route(f"/{API_VERSION}/{{rest:path}}", api.guarded(api.unknown)),
    ]


class RestApi:
    """The answers of one carrier's API."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._busy = 0

    def guarded(self, answer: Answer) -> Answer:
        """Wrap a route: rate limit, authentication, faults, and refusals in the carrier's form."""

        async def guard(request: Request) -> Response:
            self._busy += 1
            try:
                self._admit(request)
                return await self._with_fault(answer, request)
            except Refusal as refusal:
                return refused(refusal)
            finally:
                self._busy -= 1

        return guard

    def _admit(self, request: Request) -> None:
        if self._busy > self._carrier.options.rest_concurrency:
            raise Refusal(429, 20429, "Too many concurrent requests")
        options = self._carrier.options
        user, _, secret = _basic(request).partition(":")
        known = dict(options.api_keys) | {options.account_sid: options.auth_token}
        if not hmac.compare_digest(known.get(user, "\0").encode(), secret.encode()):
            raise Refusal(401, 20003, "Authenticate")
        if request.path_params.get("account", options.account_sid) != options.account_sid:
            raise Refusal(404, 20404, f"The requested resource {request.url.path} was not found")

    async def _with_fault(self, answer: Answer, request: Request) -> Response:
        fault = self._carrier.rest_faults.popleft() if self._carrier.rest_faults else None
        if fault is None and answer == self.create:
            fault = self._carrier.next_dial_fault()
        if fault is None:
            return await answer(request)
        if fault.placed:
            await answer(request)
        else:
            await request.body()
        await _held(request, fault.delay_s)
        if fault.reset:
            await _reset(request)
        raise Refusal(fault.status, fault.code, "Injected by the simulator")

    async def create(self, request: Request) -> Response:
        """POST /Calls.json"""
        new = create_order(await form_fields(request), self._carrier.options.numbers)
        call = self._carrier.dial(
            new.from_,
            new.to,
            new.order,
            status_url=new.status_url,
            status_method=new.status_method,
            events=new.events,
            time_limit_s=new.time_limit_s,
        )
        return JSONResponse(call_resource(call), 201)

    async def update(self, request: Request) -> Response:
        """POST /Calls/{sid}.json"""
        call = self._find(request)
        change = update_change(call, await form_fields(request))
        if change is not None:
            call.change(change)
        return JSONResponse(call_resource(call))

    async def fetch(self, request: Request) -> Response:
        """GET /Calls/{sid}.json"""
        return JSONResponse(call_resource(self._find(request)))

    async def list_calls(self, request: Request) -> Response:
        """GET /Calls.json, newest first, in pages."""
        query, carrier = request.query_params, self._carrier
        listed = carrier.account.now() - timedelta(seconds=carrier.options.list_lag_s)
        found = [
            call
            for call in reversed(carrier.calls.values())
            if _matches(call, query) and call.created_at is not None and call.created_at <= listed
        ]
        return JSONResponse(page_of(request, "calls", found, call_resource))

    async def unknown(self, request: Request) -> Response:
        """Everything else under the API's root."""
        raise Refusal(404, 20404, f"The requested resource {request.url.path} was not found")

    def _find(self, request: Request) -> SimCall:
        call = self._carrier.calls.get(request.path_params["sid"])
        if call is None:
            raise Refusal(404, 20404, f"The requested resource {request.url.path} was not found")
        return call


async def _held(request: Request, seconds: float) -> None:
    """Let the client wait, until it gives up."""
    gone = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({gone}, timeout=seconds)
    finally:
        gone.cancel()


async def _reset(request: Request) -> None:
    """RST instead of an answer. The server keeps the connection's transport beside what it hands out as `receive`."""
    transport: asyncio.Transport = request.receive.__self__.transport  # type: ignore[attr-defined]
    # Lingering for 0 s makes the close a reset.
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await request.receive()  # until the server has noticed: then it sends nothing more


def refused(refusal: Refusal) -> Response:
    """An error as the API prints it."""
    body = {
        "code": refusal.code,
        "message": str(refusal),
        "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
        "status": refusal.status,
    }
    headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if refusal.status == 401 else None
    return JSONResponse(body, refusal.status, headers)


def _basic(request: Request) -> str:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _matches(call: SimCall, query: QueryParams) -> bool:
    if query.get("To", call.to) != call.to or query.get("From", call.from_) != call.from_:
        return False
    if (
        query.get("Status", call.status) != call.status
        or query.get("ParentCallSid", call.parent_sid) != call.parent_sid
    ):
        return False
    began = call.created_at or datetime.now(UTC)
    if (day := query.get("StartTime")) and began.date() != moment(day).date():
        return False
    if (after := query.get("StartTime>")) and began < moment(after):
        return False
    return not ((before := query.get("StartTime<")) and began > moment(before))
