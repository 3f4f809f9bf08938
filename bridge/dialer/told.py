"""What the outside is told of contacts and attempts (`store/webhooks.py`), when their evidence is written. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.store.base import Attempt, Contact
from bridge.store.webhooks import Event


def news(changed: Sequence[tuple[Attempt, Attempt]], places: Mapping[str, Contact], now: float) -> list[Event]:
    """`changed`: attempts before and after; `places`: where contacts stand now whose call is over, by token."""
    found = []
    for before, after in changed:
        # Who was not called for a campaign is due again; a single call that was not placed is over.
        due_again = after.outcome == "not_placed" and after.campaign_id is not None
        if after.state == "closed" != before.state and not after.call_id and not due_again:
            found.append(Event("call.failed", f"call.failed:{after.id}", now, _attempt(after)))
        if after.state == "review" != before.state:
            found.append(Event("contact.review", f"contact.review:{after.id}", now, _attempt(after)))
        contact = places.get(after.token)
        if contact is None:
            continue
        if contact.state == "review":
            found.append(Event("contact.review", f"contact.review:{after.id}", now, _contact(contact, after)))
        elif contact.state in ("done", "gave_up"):
            found.append(Event("contact.done", f"contact.done:{contact.id}", now, _contact(contact, after)))
    return found


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt_id": attempt.id,
        "campaign_id": attempt.campaign_id or "",
        "contact_id": attempt.contact_id,
        "from": attempt.from_number,
        "to": attempt.phone,
        "outcome": attempt.outcome,
        "reason": attempt.reason,
        "sip": attempt.sip,
        "error_code": attempt.error_code,
    }


def _contact(contact: Contact, attempt: Attempt) -> dict[str, Any]:
    return {
        "contact_id": contact.id,
        "campaign_id": contact.campaign_id,
        "external_id": contact.external_id,
        "phone": contact.phone,
        "state": contact.state,
        "outcome": contact.outcome,
        "attempts": contact.attempts,
        "attempt_id": attempt.id,
        "call_id": contact.call_id,
    }
