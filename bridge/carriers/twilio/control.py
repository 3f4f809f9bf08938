"""Twilio's REST side, by the twilio package, in a thread.

The package's client blocks, so each request runs in a thread; it has no time-out of its own unless told, and its
asynchronous one repeats POSTs when asked for retries, which may dial a person twice. Here: one try, 5 s (10 s to place
a call: an answer that we did not wait for is a call that nobody knows of).
The package's REST part takes 0.2 s and 20 MB to import; it is loaded at the first request and never on a call's path.
Calls are placed and searched in threads of their own, so that a slow carrier does not keep a live caller waiting.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from bridge.carriers.base import AccountFacts, CallRef, DialOrder, NumberHooks, Outcome, OwnedNumber
from bridge.carriers.twilio import owned
from bridge.carriers.twilio.errors import carrier_error
from bridge.config import Settings
from bridge.errors import CarrierError

if TYPE_CHECKING:
    from twilio.rest import Client
    from twilio.rest.api.v2010.account.call import CallInstance

TIMEOUT_S = 5.0
"""A live caller waits for whatever we ask here."""
DIAL_TIMEOUT_S = 10.0
"""For placing a call, where nobody waits and not knowing is worse than waiting."""
DIAL_THREADS = 4
"""Requests about calls to be placed, at once: Twilio begins one call a second unless told otherwise."""
MOST_FOUND = 200
"""Calls looked at when one is searched: more in the time of one attempt nobody makes to one number."""

_OVER = {"completed", "busy", "no-answer", "failed", "canceled"}
_T = TypeVar("_T")


class TwilioControl:
    """Place, call off, hang up, redirect, search and look up calls; send texts."""

    def __init__(
        self, settings: Settings, *, timeout_s: float = TIMEOUT_S, dial_timeout_s: float = DIAL_TIMEOUT_S
    ) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._dial_timeout_s = dial_timeout_s
        self._clients: dict[float, Client] = {}
        self._dialing: ThreadPoolExecutor | None = None

    async def hang_up(self, call: CallRef) -> None:
        """End a call; one that has ended already is no error. Raises CarrierError."""
        try:
            await self._do("hang up", lambda c: c.calls(call.carrier_call_id).update(status="completed"))
        except CarrierError as error:
            if not error.gone:
                raise

    async def take_back(self, call: CallRef) -> bool:
        """Call off a call before anybody picks up: True. Too late: it goes on, and False. Raises CarrierError."""
        try:
            await self._do("call off the call", lambda c: c.calls(call.carrier_call_id).update(status="canceled"))
        except CarrierError as error:
            if not error.gone:
                raise
            return False  # 21220 says so of an answered call as well as of one that is over
        return True

    async def cancel(self, call: CallRef) -> bool:
        """Call off a call before anybody picks up: True. Too late: it is hung up, and False. Raises CarrierError."""
        if await self.take_back(call):
            return True
        await self.hang_up(call)
        return False

    async def dial(self, order: DialOrder) -> CallRef:
        """Call a number; tried once. Raises CarrierError, whose `placed` says whether it can ring all the same."""
        fields = self._order(order)
        placed = await self._do("place the call", lambda c: c.calls.create(**fields), dialing=True)
        if not isinstance(placed.sid, str) or not placed.sid:
            raise CarrierError("Twilio did not place the call: an answer without the call's id")
        return CallRef(placed.sid)

    def _order(self, order: DialOrder) -> dict[str, Any]:
        base = self._settings.public_url.rstrip("/")
        fields: dict[str, Any] = {
            "to": order.to,
            "from_": order.from_,
            "url": base + order.answer_path,
            "status_callback": base + order.status_path,
            "status_callback_event": list(order.events),
            "timeout": order.ring_s,
        }
        if order.time_limit_s is not None:
            fields["time_limit"] = order.time_limit_s
        if order.detect_path:
            # Asynchronous: the call is connected at once, and told of a machine when its greeting is over.
            fields["machine_detection"] = "DetectMessageEnd"
            fields["async_amd"] = "true"  # True would be sent as "True"
            fields["async_amd_status_callback"] = base + order.detect_path
        return fields

    async def find(self, to: str, from_: str, since: float) -> list[CallRef]:
        """Calls between these numbers that began since then, newest first. Raises CarrierError.

        Twilio's own filter by time goes by the start time, which a call in the queue does not have yet; so the time is
        compared here, with that of its creation.
        """
        return await self._do(
            "list the calls",
            lambda c: _since(c.calls.stream(to=to, from_=from_, limit=MOST_FOUND, page_size=50), since),
            dialing=True,
        )

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
            return await self._do("look up the call", lambda c: _outcome(c.calls(call.carrier_call_id).fetch()))
        except CarrierError as error:
            if error.gone:
                return None
            raise

    async def account(self) -> AccountFacts:
        """The account, as it stands. Raises CarrierError."""
        return await self._do("tell of the account", owned.read_account)

    async def numbers(self, number: str = "") -> list[OwnedNumber]:
        """The account's numbers, or only this one. Raises CarrierError."""
        return await self._do("list the numbers", lambda c: owned.list_numbers(c, number))

    async def point_number(self, number_id: str, hooks: NumberHooks) -> OwnedNumber:
        """Set a number's webhooks; what it then says of itself. Raises CarrierError."""
        return await self._do("change the number", lambda c: owned.point(c, number_id, hooks))

    async def _do(self, doing: str, act: Callable[[Client], _T], *, dialing: bool = False) -> _T:
        timeout_s = self._dial_timeout_s if dialing else self._timeout_s
        turn = threading.Lock()  # whoever gets it first decides: the thread, which sends, or we, who no longer want it

        def work() -> _T:
            if not turn.acquire(blocking=False):
                raise CarrierError(f"Twilio was not asked to {doing}: it came too late")
            return self._act(doing, act, timeout_s)

        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s + 1.0):
                return await loop.run_in_executor(self._threads() if dialing else None, work)
        except TimeoutError:
            if turn.acquire(blocking=False):
                raise CarrierError(f"Twilio was not asked to {doing}: too many requests wait", placed="no") from None
            raise CarrierError(f"Twilio did not {doing}: no answer within {timeout_s:g} s") from None

    def _threads(self) -> ThreadPoolExecutor:
        if self._dialing is None:
            self._dialing = ThreadPoolExecutor(DIAL_THREADS, thread_name_prefix="twilio dialing")
        return self._dialing

    def _act(self, doing: str, act: Callable[[Client], _T], timeout_s: float) -> _T:
        from requests.exceptions import RequestException
        from twilio.base.exceptions import TwilioException

        from bridge.carriers.twilio.rest_client import never_sent, new_client, retry_after_s, what_was_said

        try:
            client = self._clients.get(timeout_s)
            if client is None:
                client = self._clients[timeout_s] = new_client(self._settings, timeout_s)
            return act(client)
        except TwilioException as error:
            raise carrier_error(doing, *what_was_said(error), retry_after_s=retry_after_s()) from None
        except RequestException as error:
            why = f"Twilio did not {doing}: {type(error).__name__}"
            raise CarrierError(why, placed="no" if never_sent(error) else "maybe") from None
        except (ValueError, AttributeError):  # the package parses answers without looking at them first
            raise CarrierError(f"Twilio did not {doing}: an answer that cannot be read") from None


def _since(calls: Iterable[CallInstance], since: float) -> list[CallRef]:
    found = []
    for call in calls:
        if call.date_created is not None and call.date_created.timestamp() < int(since):
            break  # newest first: all that follow are older
        found.append(CallRef(str(call.sid)))
    return found


def _outcome(call: CallInstance) -> Outcome:
    status = str(call.status)
    price = call.price if call.price and (call.price_unit or "USD").upper() == "USD" else None
    return Outcome(
        status,
        status in _OVER,
        call.answered_by or "",
        duration_s=int(call.duration or 0),
        price_usd=abs(float(price)) if price is not None else None,
    )
