"""`<Connect><Stream>`: checked, signed, connected, and what happens when it ends.

Whichever side ends the stream but the caller: the `action` is requested if there is one, else the next verb runs, else
the call ends. A stream that never started falls through in the same way, after a `stream-error` callback.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from bridge.sim.twilio.call import Change, SimCall
from bridge.sim.twilio.problems import CATALOGUE, Complaint
from bridge.sim.twilio.signature import sign
from bridge.sim.twilio.stream import MediaStream, StreamNoun
from bridge.sim.twilio.twiml import Element
from bridge.sim.twilio.webhook import LOOPBACK_HOSTS

if TYPE_CHECKING:
    from bridge.sim.twilio.verbs import Interpreter


async def connect(call: SimCall, interpreter: Interpreter, verb: Element) -> Change | None:
    """Perform the verb."""
    element = next((child for child in verb.children if child.name == "Stream"), None)
    if element is None:
        call.report(12200, "<Connect> has no <Stream>")
        return None
    line = call.answer()
    stream = _stream(call, interpreter, element)
    call.streams.append(stream)
    try:
        place = _place(call, stream.noun, element)
    except Complaint as error:
        call.report(error.code, str(error))
        await call.stream_event(stream, "stream-error", CATALOGUE[error.code][1])
        return interpreter.next_document(verb)
    callbacks: list[asyncio.Task[None]] = []
    problems = len(call.problems)

    def started() -> None:
        callbacks.append(asyncio.create_task(call.stream_event(stream, "stream-started"), name="stream callback"))

    ended = "stopped"
    try:
        ended = await stream.run(line, place, started)
    finally:
        if callbacks:  # never started, never stopped
            await asyncio.wait(callbacks)
            await call.stream_event(stream, "stream-stopped")
    if ended != "server_closed" and len(call.problems) > problems:
        await call.stream_event(stream, "stream-error", call.problems[-1].title)
    return interpreter.next_document(verb)


def _stream(call: SimCall, interpreter: Interpreter, element: Element) -> MediaStream:
    url = element.get("url")
    if "://" not in url and interpreter.base.startswith("http"):
        url = "ws" + urljoin(interpreter.base, url).removeprefix("http")
    callback = element.get("statusCallback")
    noun = StreamNoun(
        url=url,
        name=element.get("name") or "stream",
        parameters={child.get("name"): child.get("value") for child in element.children},
        status_callback=(interpreter.absolute(callback) or "") if callback else "",
        status_method=element.get("statusCallbackMethod", "POST"),
    )
    account = call.account
    return MediaStream(
        noun,
        account_sid=account.account_sid,
        call_sid=call.sid,
        signature=sign(account.auth_token, url),
        report=call.report,
        options=account.stream_options,
        rng=account.rng,
    )


def _place(call: SimCall, noun: StreamNoun, element: Element) -> tuple[str, int]:
    """Where to connect. Raises Complaint for everything the real carrier refuses before it connects."""
    if element.get("track", "inbound_track") != "inbound_track":
        raise Complaint(31941, f"track={element.get('track')!r}; under <Connect> there is inbound_track only")
    try:
        parts = urlsplit(noun.url)
        scheme, host = parts.scheme, parts.hostname
        _ = parts.port
    except ValueError as error:
        raise Complaint(31923, f"{noun.url!r}: {error}") from error
    if not scheme or not host:
        raise Complaint(31923, f"{noun.url!r} is no absolute URL")
    address = call.account.post.address
    if scheme != "wss" and not (scheme == "ws" and host in LOOPBACK_HOSTS and not address.secure):
        raise Complaint(31922, f"{noun.url!r} does not begin with wss://")
    if parts.query:
        raise Complaint(31920, f"{noun.url!r} has a query string, which a <Stream> does not support")
    place = address.of(noun.url)
    if place is None:
        raise Complaint(31902, f"{noun.url!r} is neither under PUBLIC_URL nor on this machine")
    return place
