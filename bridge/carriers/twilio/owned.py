"""What an account is and has: its state, its phone numbers and their webhooks, as the twilio package shows them.

A number whose calls go to an application or a trunk keeps its webhooks and does not use them (`ruled_by`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.carriers.base import AccountFacts, NumberHooks, OwnedNumber

if TYPE_CHECKING:
    from twilio.rest import Client
    from twilio.rest.api.v2010.account.incoming_phone_number import IncomingPhoneNumberInstance

MOST_NUMBERS = 1000
MOST_VERIFIED = 20
"""A trial may verify a handful."""


def read_account(client: Client) -> AccountFacts:
    """The account of the client's credentials, and whom it may call where it is a trial."""
    found = client.api.accounts(client.account_sid).fetch()
    trial = str(found.type).lower() == "trial"
    verified = client.outgoing_caller_ids.list(limit=MOST_VERIFIED) if trial else []
    status = str(found.status)
    return AccountFacts(
        str(found.sid),
        found.friendly_name or "",
        status,
        status == "active",
        trial,
        tuple(str(one.phone_number) for one in verified),
    )


def list_numbers(client: Client, number: str) -> list[OwnedNumber]:
    """The account's numbers, or only this one."""
    wanted = {"phone_number": number} if number else {}
    found = client.incoming_phone_numbers.list(limit=MOST_NUMBERS, page_size=100, **wanted)
    # Asked for one, Twilio also lists those that only contain it.
    return [_number(one) for one in found if number in ("", one.phone_number)]


def point(client: Client, number_id: str, hooks: NumberHooks) -> OwnedNumber:
    """Set a number's webhooks; an empty URL takes one away."""
    changed = client.incoming_phone_numbers(number_id).update(
        voice_url=hooks.voice_url,
        voice_method=hooks.voice_method,
        voice_fallback_url=hooks.fallback_url,
        voice_fallback_method=hooks.fallback_method,
        status_callback=hooks.status_url,
        status_callback_method=hooks.status_method,
    )
    return _number(changed)


def _number(found: IncomingPhoneNumberInstance) -> OwnedNumber:
    able = found.capabilities or {}
    return OwnedNumber(
        str(found.sid),
        str(found.phone_number),
        found.friendly_name or "",
        bool(able.get("voice") if isinstance(able, dict) else getattr(able, "voice", False)),
        NumberHooks(
            found.voice_url or "",
            found.voice_method or "POST",
            found.voice_fallback_url or "",
            found.voice_fallback_method or "POST",
            found.status_callback or "",
            found.status_callback_method or "POST",
        ),
        ruled_by=found.trunk_sid or found.voice_application_sid or "",
    )
