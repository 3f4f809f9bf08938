"""The Call resource as the REST API prints it."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from bridge.sim.twilio.call import SimCall
from bridge.sim.twilio.forms import API_VERSION, rfc2822

_SUBRESOURCES = ("events", "notifications", "payments", "recordings", "siprec", "streams", "transcriptions")


def call_resource(call: SimCall) -> dict[str, Any]:
    """All fields of a call, numbers as the texts they are there."""
    path = f"/{API_VERSION}/Accounts/{call.account.account_sid}/Calls/{call.sid}"
    answered = call.answered_at is not None
    return {
        "sid": call.sid,
        "date_created": _time(call.created_at),
        "date_updated": _time(call.ended_at or call.answered_at or call.created_at),
        "parent_call_sid": call.parent_sid or None,
        "account_sid": call.account.account_sid,
        "to": call.to,
        "to_formatted": call.to,
        "from": call.from_,
        "from_formatted": call.from_,
        "phone_number_sid": None,
        "status": call.status,
        "start_time": _time(call.answered_at or (call.created_at if call.over else None)),
        "end_time": _time(call.ended_at),
        "duration": str(int(call.duration_s)) if call.over else None,
        "price": _price(call),
        "price_unit": "USD",
        "direction": call.direction,
        "answered_by": call.answered_by or None if answered else None,
        "api_version": API_VERSION,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": str(call.queue_time_ms),
        "trunk_sid": None,
        "uri": f"{path}.json",
        "subresource_uris": {name: f"{path}/{name.capitalize()}.json" for name in _SUBRESOURCES},
    }


def _price(call: SimCall) -> str | None:
    """What it cost, negative as there; told only some time after the end."""
    account = call.account
    if call.ended_at is None or (account.now() - call.ended_at).total_seconds() < account.price_after_s:
        return None
    minutes = math.ceil(call.duration_s / 60)
    return f"{-minutes * account.price_minute_usd:.5f}" if minutes else "0"


def _time(at: datetime | None) -> str | None:
    return rfc2822(at) if at is not None else None
