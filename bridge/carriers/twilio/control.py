"""Twilio's REST side, by the twilio package, in a thread.

The package's client blocks, so each request runs in a thread; it has no time-out of its own unless told, and its
asynchronous one repeats POSTs when asked for retries, which may dial a person twice. Here: one try, 5 s.
The package's REST part takes 0.2 s and 20 MB to import; it is loaded at the first request and never on a call's path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from bridge.carriers.base import CallRef, DialOrder, Outcome
from bridge.carriers.twilio.errors import carrier_error
from bridge.config import Settings
from bridge.errors import CarrierError

if TYPE_CHECKING:
    from twilio.rest import Client

TIMEOUT_S = 5.0
"""A live caller waits for whatever we ask here."""

_OVER = {"completed", "busy", "no-answer", "failed", "canceled"}
_T = TypeVar("_T")


class TwilioControl:
    """Place, hang up, redirect and look up calls; send texts."""

    def __init__(self, settings: Settings, *, timeout_s: float = TIMEOUT_S) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._client: Client | None = None

    async def hang_up(self, call: CallRef) -> None:
        """End a call; one that has ended already is no error. Raises CarrierError."""
        try:
            await self._do("hang up", lambda c: c.calls(call.carrier_call_id).update(status="completed"))
        except CarrierError as error:
            if not error.gone:
                raise

    async def dial(self, order: DialOrder) -> CallRef:
        """Call a number; tried once. Raises CarrierError."""
        base = self._settings.public_url.rstrip("/")
        placed = await self._do(
            "place the call",
            lambda c: c.calls.create(
                to=order.to,
                from_=order.from_,
                url=base + order.answer_path,
                status_callback=base + order.status_path,
                status_callback_event=["answered", "completed"],
                timeout=order.ring_s,
            ),
        )
        return CallRef(str(placed.sid))

    async def send_text(self, to: str, from_: str, text: str) -> str:
        """Send a text message; tried once. Raises CarrierError."""
        sent = await self._do("send the text", lambda c: c.messages.create(to=to, from_=from_, body=text))
        return str(sent.sid)

    async def redirect(self, call: CallRef, document: str) -> None:
        """Have a live call follow this TwiML (at most 4,000 characters, absolute URLs). Raises CarrierError."""
        await self._do("redirect the call", lambda c: c.calls(call.carrier_call_id).update(twiml=document))

    async def look_up(self, call: CallRef) -> Outcome | None:
        """What Twilio says of a call; None when it does not know it. Raises CarrierError."""
        try:
            found = await self._do("look up the call", lambda c: c.calls(call.carrier_call_id).fetch())
        except CarrierError as error:
            if error.gone:
                return None
            raise
        status = str(found.status)
        return Outcome(status, status in _OVER, found.answered_by or "")

    async def _do(self, doing: str, act: Callable[[Client], _T]) -> _T:
        try:
            return await asyncio.wait_for(asyncio.to_thread(self._act, doing, act), self._timeout_s + 1.0)
        except TimeoutError:
            raise CarrierError(f"Twilio did not {doing}: no answer within {self._timeout_s:g} s") from None

    def _act(self, doing: str, act: Callable[[Client], _T]) -> _T:
        from requests.exceptions import RequestException
        from twilio.base.exceptions import TwilioException

        try:
            return act(self._connect())
        except TwilioException as error:
            # Refusals come as one of two kinds, the older with `msg`, the newer (RFC 9457) with `title` and `detail`.
            status, code = getattr(error, "status", 0), getattr(error, "code", 0)
            said = getattr(error, "msg", "") or getattr(error, "detail", "") or getattr(error, "title", "")
            raise carrier_error(doing, status or 0, code or 0, str(said or type(error).__name__)) from None
        except RequestException as error:
            raise CarrierError(f"Twilio did not {doing}: {type(error).__name__}") from None
        except (ValueError, AttributeError):  # the package parses answers without looking at them first
            raise CarrierError(f"Twilio did not {doing}: an answer that cannot be read") from None

    def _connect(self) -> Client:
        if self._client is None:
            from twilio.http.http_client import TwilioHttpClient
            from twilio.rest import Client

            s = self._settings
            user, password = s.twilio_account_sid, s.auth_tokens[0] if s.auth_tokens else ""
            if s.twilio_api_key:
                user, password = s.twilio_api_key, s.twilio_api_secret
            if not user or not password:
                raise CarrierError("no Twilio credentials: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN")
            http: Any = TwilioHttpClient(timeout=self._timeout_s)
            self._client = Client(user, password, s.twilio_account_sid, http_client=http)
            if s.twilio_api_url:
                self._client.api.base_url = s.twilio_api_url.rstrip("/")
        return self._client
