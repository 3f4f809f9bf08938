"""Rows of the database as JSON for people and programs: what the admin API and `--json` give.

Times are ISO 8601 in UTC. An attempt's token is a key to its webhooks, an endpoint's secret one to what it believes:
both are shown to nobody.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from bridge.dialer.office import Report
from bridge.dialer.progress import Minute
from bridge.dialer.standstill import Standstill
from bridge.records.callrecord import iso
from bridge.store.base import Attempt, AuditEntry, Campaign, Contact, Delivery, DoNotCall, Endpoint

HIDDEN = frozenset({"token", "owner", "request_key", "request_hash", "looked_at", "looks"})

"""What of an attempt is shown to nobody."""
CONTACT_HIDDEN = frozenset({"campaign_id"})
"""Of a contact: it is asked for by its campaign."""
ENDPOINT_HIDDEN = frozenset({"secret"})


def attempt_row(attempt: Attempt) -> dict[str, Any]:
    """An attempt."""
    return {"id": attempt.id, "state": attempt.state, "outcome": attempt.outcome} | _row(attempt, HIDDEN)


def contact_row(contact: Contact) -> dict[str, Any]:
    """A contact of a campaign."""
    return _row(contact, CONTACT_HIDDEN)


def campaign_row(campaign: Campaign) -> dict[str, Any]:
    """A campaign without its contacts."""
    return _row(campaign)


def do_not_call_row(entry: DoNotCall) -> dict[str, Any]:
    """A number that nobody may dial."""
    return _row(entry)


def endpoint_row(endpoint: Endpoint) -> dict[str, Any]:
    """Who is told what happens. What stands behind a `?` may be a key: it is not shown."""
    return _row(endpoint, ENDPOINT_HIDDEN) | {"url": bare_url(endpoint.url), "events": list(endpoint.events)}


def bare_url(url: str) -> str:
    """An endpoint's address as it may be shown."""
    before, asks, _ = url.partition("?")
    return f"{before}?..." if asks else before


def delivery_row(delivery: Delivery) -> dict[str, Any]:
    """What one endpoint was told, or is."""
    return _row(delivery)


def audit_row(entry: AuditEntry) -> dict[str, Any]:
    """Who did what."""
    return _row(entry) | {"at": iso(entry.at)}


def report_row(report: Report, still: Standstill) -> dict[str, Any]:
    """How a campaign stands, and why nothing begins now."""
    row = asdict(report) | {"campaign": campaign_row(report.campaign)}
    row |= {"next_due_at": _time(report.next_due_at), "ends_at": _time(report.ends_at)}
    return row | {"standstill": asdict(still) | {"until": _time(still.until)}}


def minute_row(minute: Minute) -> dict[str, Any]:
    """A minute of a campaign."""
    return asdict(minute) | {"at": iso(minute.at)}


def _row(value: Any, hidden: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Its fields; those whose names end in `_at` and are numbers are times."""
    found: dict[str, Any] = {}
    for field in fields(value):
        if field.name not in hidden:
            given = getattr(value, field.name)
            is_time = field.name.endswith("_at") and isinstance(given, (int, float))
            found[field.name] = _time(given or None) if is_time else given  # due at 0.0: at once
    return found


def _time(epoch_s: float | None) -> str | None:
    return None if epoch_s is None else iso(epoch_s)
