"""Text messages: what may be asked of `POST /Messages`, how one is printed, and what is posted about it.

A message is queued, sent after `SENT_S` and delivered after `DELIVERED_S`; nobody reads it but the test.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bridge.sim.twilio.account import Account
from bridge.sim.twilio.fields import E164, Fields, Refusal, one, web_address
from bridge.sim.twilio.forms import API_VERSION, rfc2822
from bridge.sim.twilio.problems import Problem
from bridge.sim.twilio.webhook import Exchange, Form

MOST_CHARACTERS = 1600
SENT_S, DELIVERED_S = 0.5, 2.0
_SERVICE = re.compile(r"MG[0-9a-f]{32}")

# GSM 03.38: the characters of seven bits, and those that take two of them. Anything else makes it UCS-2.
_GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = set("^{}\\[~]|€\f")


@dataclass(frozen=True, slots=True)
class Text:
    """One message the application sent; `from_` is empty when a messaging service was to choose the number."""

    from_: str
    to: str
    body: str
    at: datetime
    service_sid: str = ""
    callback: str = ""
    sid: str = field(default_factory=lambda: "SM" + secrets.token_hex(16))

    def status(self, now: datetime) -> str:
        """queued, sent or delivered."""
        age_s = (now - self.at).total_seconds()
        return "queued" if age_s < SENT_S else "sent" if age_s < DELIVERED_S else "delivered"


def create_text(fields: Fields, numbers: frozenset[str] | None, at: datetime) -> Text:
    """Read a `POST /Messages`. Raises Refusal."""
    to, from_, service, body = (one(fields, name) for name in ("To", "From", "MessagingServiceSid", "Body"))
    if not to:
        raise Refusal(400, 21604, "A 'To' phone number is required.")
    if not E164.fullmatch(to):
        raise Refusal(400, 21211, f"The 'To' number {to} is not a valid phone number")
    if not from_ and not service:
        raise Refusal(400, 21603, "A 'From' phone number is required.")
    if service and not _SERVICE.fullmatch(service):
        raise Refusal(404, 21701, f"The Messaging Service {service} does not exist")
    if from_ and not E164.fullmatch(from_):
        raise Refusal(400, 21212, f"The 'From' number {from_} is not a valid phone number")
    if from_ and numbers is not None and from_ not in numbers:
        raise Refusal(400, 21606, f"The 'From' phone number {from_} is not a message-capable number of this account")
    if not body:
        raise Refusal(400, 21602, "Message body is required.")
    if len(body) > MOST_CHARACTERS:
        raise Refusal(400, 21617, f"The message body has {len(body)} characters; at most {MOST_CHARACTERS} are taken")
    return Text(from_, to, body, at, service, web_address(fields, "StatusCallback", 21609))


def segments(body: str) -> int:
    """How many short messages the text takes."""
    if set(body) <= _GSM | _GSM_TWICE:
        length, alone, joined = len(body) + sum(character in _GSM_TWICE for character in body), 160, 153
    else:
        length, alone, joined = len(body.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= alone else -(-length // joined)


def text_resource(account: Account, text: Text) -> dict[str, Any]:
    """All fields of a message, numbers as the texts they are there."""
    path = f"/{API_VERSION}/Accounts/{account.account_sid}/Messages/{text.sid}"
    status = text.status(account.now())
    sent = text.at + timedelta(seconds=SENT_S)
    return {
        "sid": text.sid,
        "account_sid": account.account_sid,
        "api_version": API_VERSION,
        "body": text.body,
        "date_created": rfc2822(text.at),
        "date_sent": rfc2822(sent) if status != "queued" else None,
        "date_updated": rfc2822(text.at if status == "queued" else sent),
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": text.from_ or None,
        "messaging_service_sid": text.service_sid or None,
        "num_media": "0",
        "num_segments": str(segments(text.body)),
        "price": None,
        "price_unit": "USD",
        "status": status,
        "to": text.to,
        "uri": f"{path}.json",
        "subresource_uris": {"media": f"{path}/Media.json"},
    }


async def report_progress(account: Account, text: Text, seen: Callable[[Exchange], None]) -> None:
    """Post `sent` and `delivered` to the message's own callback."""
    for after_s, status in ((SENT_S, "sent"), (DELIVERED_S - SENT_S, "delivered")):
        await asyncio.sleep(after_s)
        exchange = await account.post.request(text.callback, _form(account, text, status), seen)
        if exchange.failure or exchange.status >= 300:
            reason = exchange.reason or f"the application answered {exchange.status}"
            now_s = asyncio.get_running_loop().time()
            account.on_problem(
                text.sid, Problem(11200, f"the status callback {text.callback}: {reason}", now_s, "error")
            )


def _form(account: Account, text: Text, status: str) -> Form:
    form = [("AccountSid", account.account_sid), ("ApiVersion", API_VERSION), ("From", text.from_), ("To", text.to)]
    form += [("MessageSid", text.sid), ("MessageStatus", status), ("SmsSid", text.sid), ("SmsStatus", status)]
    if text.service_sid:
        form.append(("MessagingServiceSid", text.service_sid))
    return tuple(form)
