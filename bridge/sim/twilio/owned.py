"""The account's own phone numbers: which there are, whom their calls are told to, and how they are printed.

A number with an application or a trunk answers through that and not through its own URLs, as at the real one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.sim.twilio.fields import Fields, Refusal, choice_of_method, web_address
from bridge.sim.twilio.forms import API_VERSION, rfc2822

URLS = {"VoiceUrl": "voice_url", "VoiceFallbackUrl": "voice_fallback_url", "StatusCallback": "status_callback"}
METHODS = {
    "VoiceMethod": "voice_method",
    "VoiceFallbackMethod": "voice_fallback_method",
    "StatusCallbackMethod": "status_callback_method",
}
LONGEST_NAME = 64


@dataclass(slots=True)
class SimNumber:
    """One number of the account."""

    number: str
    voice: bool = True
    voice_url: str = ""
    voice_method: str = "POST"
    voice_fallback_url: str = ""
    voice_fallback_method: str = "POST"
    status_callback: str = ""
    status_callback_method: str = "POST"
    voice_application_sid: str = ""
    trunk_sid: str = ""
    name: str = ""

    @property
    def sid(self) -> str:
        """The same for the same number, so that a carrier that is started again knows it."""
        return "PN" + hashlib.sha256(self.number.encode()).hexdigest()[:32]

    def update(self, fields: Fields) -> None:
        """Take over a form's fields, all or none. Raises Refusal."""
        strange = fields.keys() - URLS.keys() - METHODS.keys() - {"FriendlyName"}
        if strange:
            raise Refusal(400, 20001, f"the pretend carrier knows no {', '.join(sorted(strange))} of a number")
        found = {attribute: web_address(fields, name, 21502) for name, attribute in URLS.items() if name in fields}
        found |= {attribute: choice_of_method(fields, name) for name, attribute in METHODS.items() if name in fields}
        for name in fields.get("FriendlyName", ()):
            if len(name) > LONGEST_NAME:
                raise Refusal(400, 21402, f"FriendlyName has {len(name)} characters; at most {LONGEST_NAME} are taken")
            found["name"] = name
        for attribute, value in found.items():
            setattr(self, attribute, value)


def number_resource(account_sid: str, one: SimNumber, now: datetime) -> dict[str, Any]:
    """A number as the REST API prints it."""
    return {
        "account_sid": account_sid,
        "address_requirements": "none",
        "address_sid": None,
        "api_version": API_VERSION,
        "beta": False,
        "bundle_sid": None,
        "capabilities": {"voice": one.voice, "sms": True, "mms": True, "fax": False},
        "date_created": rfc2822(now),
        "date_updated": rfc2822(now),
        "emergency_address_sid": None,
        "emergency_address_status": "unregistered",
        "emergency_status": "Inactive",
        "friendly_name": one.name or one.number,
        "identity_sid": None,
        "origin": "twilio",
        "phone_number": one.number,
        "sid": one.sid,
        "sms_application_sid": None,
        "sms_fallback_method": "POST",
        "sms_fallback_url": None,
        "sms_method": "POST",
        "sms_url": None,
        "status": "in-use",
        "status_callback": one.status_callback or None,
        "status_callback_method": one.status_callback_method,
        "trunk_sid": one.trunk_sid or None,
        "type": "local",
        "uri": f"/{API_VERSION}/Accounts/{account_sid}/IncomingPhoneNumbers/{one.sid}.json",
        "voice_application_sid": one.voice_application_sid or None,
        "voice_caller_id_lookup": False,
        "voice_fallback_method": one.voice_fallback_method,
        "voice_fallback_url": one.voice_fallback_url or None,
        "voice_method": one.voice_method,
        "voice_receive_mode": "voice",
        "voice_url": one.voice_url or None,
    }


def account_resource(account_sid: str, *, trial: bool, status: str, now: datetime) -> dict[str, Any]:
    """The account as the REST API prints it."""
    path = f"/{API_VERSION}/Accounts/{account_sid}"
    return {
        "auth_token": "never told here",
        "date_created": rfc2822(now),
        "date_updated": rfc2822(now),
        "friendly_name": "The pretend account",
        "owner_account_sid": account_sid,
        "sid": account_sid,
        "status": status,
        "subresource_uris": {"calls": f"{path}/Calls.json", "messages": f"{path}/Messages.json"},
        "type": "Trial" if trial else "Full",
        "uri": f"{path}.json",
    }


def verified_resource(account_sid: str, number: str, now: datetime) -> dict[str, Any]:
    """A verified caller id as the REST API prints it."""
    sid = SimNumber(number).sid
    return {
        "account_sid": account_sid,
        "date_created": rfc2822(now),
        "date_updated": rfc2822(now),
        "friendly_name": number,
        "phone_number": number,
        "sid": sid,
        "uri": f"/{API_VERSION}/Accounts/{account_sid}/OutgoingCallerIds/{sid}.json",
    }
