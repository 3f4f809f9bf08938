"""Where a contact stands after what happened: one place for each state of its latest attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never, cast

from bridge.dialer import gate, retries
from bridge.dialer.evidence import was_taken_out
from bridge.dialer.outcomes import Outcome
from bridge.dialer.rules import Rules, kept
from bridge.store import attempts, campaigns, contacts
from bridge.store.base import Attempt, CampaignState, Contact, ContactState
from bridge.store.database import Connection

BUSY_S = 60.0
"""A number that another campaign is calling is looked at again after this."""
NOT_PLACED_S = 5.0
"""What the carrier had no room for is tried again after this."""
CALLED_OFF_S = 30.0
"""Who was taken out of the carrier's queue is not called sooner than this: a callback that is late may still say that
their phone rang, and then it counts as a call to them."""
_DAYS_BACK_S = 3 * 86_400.0
"""Diallings that count for a day's cap, and for spacing."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a contact's attempts came to so far, its latest one included."""

    latest: int
    outcomes: tuple[str, ...]
    dialled: tuple[float, ...]
    """When the number was dialled lately, for whatever campaign."""


# ---- when somebody is taken from the list


def dialing(contact: Contact, now: float) -> Contact:
    """Taken from the list."""
    return replace(contact, state="dialing", attempts=contact.attempts + 1, last_attempt_at=now)


def busy_elsewhere(contact: Contact, now: float) -> Contact:
    """Another campaign is calling the same number."""
    return replace(contact, due_at=now + BUSY_S)


def held(contact: Contact, answer: gate.Wait | gate.Never) -> Contact:
    """May not be called now, or not at all."""
    if isinstance(answer, gate.Never):
        return replace(contact, state="skipped", outcome=answer.why)
    untried = contact.state == "waiting" and contact.outcome in ("", "not_placed")
    outcome = contacts.HELD if untried else contact.outcome
    return replace(contact, due_at=answer.until, outcome=outcome)


def variables(contact: Contact, n: int) -> dict[str, str]:
    """What the agent's words may name: the row's columns, and which attempt it is."""
    known = {"name": contact.name, "attempt": str(n), "language": contact.language}
    return {key: value for key, value in known.items() if value} | dict(contact.variables)


def terms(rules: Rules, contact: Contact) -> dict[str, Any]:
    """What a call may do and cost, kept with its attempt: an edited campaign changes the calls after it."""
    minutes = rules.max_minutes
    if rules.budget_call_usd and rules.price_minute_usd:
        minutes = min(minutes, rules.budget_call_usd / rules.price_minute_usd)
    return {
        "ring_s": rules.ring_s,
        "max_minutes": minutes,
        "voicemail": rules.voicemail,
        "voicemail_text": rules.voicemail_text,
        "voicemail_file": rules.voicemail_file,
        "purpose": rules.purpose,
        "company": rules.company,
        "disclosure": rules.disclosure,
        "language": contact.language or rules.language,
        "price_minute_usd": rules.price_minute_usd,
        "carrier_minute_usd": min(rules.carrier_minute_usd, rules.price_minute_usd),
    }


def carrier_usd(attempt: Attempt, duration_s: float | None) -> float | None:
    """What the carrier takes for a call of this length by the rules, which count begun minutes; None: nobody knows."""
    if not duration_s:
        return None
    return -(-duration_s // 60) * float(attempt.terms.get("carrier_minute_usd", 0.0))


# ---- when something became of an attempt


def place(contact: Contact, attempt: Attempt, rules: Rules, campaign: CampaignState, past: Past) -> Contact:
    """Where the contact stands now. The same evidence comes to the same place, as often as it is asked."""
    counted = sum(outcome != "not_placed" for outcome in past.outcomes)
    here = replace(contact, attempts=counted, outcome=attempt.outcome, call_id=attempt.call_id or contact.call_id)
    if attempt.state != "closed":
        return replace(here, state=going_on(attempt))
    after = _closed(here, attempt, rules, past)
    off = campaign == "cancelled" and after.state in ("waiting", "retry_at")
    return replace(after, state="cancelled") if off else after


def going_on(attempt: Attempt) -> ContactState:
    """Where the contact of an attempt stands that is not closed."""
    match attempt.state:
        case "intent":
            return "dialing"
        case "placed":
            return "ringing" if attempt.status == "ringing" else "dialing"
        case "answered":
            return "in_call"
        case "unknown":
            return "unsure"
        case "review":
            return "review"
        case "closed":
            raise AssertionError("a closed attempt says more than this: see `place`")
        case _:
            assert_never(attempt.state)


def _closed(contact: Contact, attempt: Attempt, rules: Rules, past: Past) -> Contact:
    ended_at = attempt.ended_at or attempt.claimed_at
    if attempt.outcome == "not_placed":
        # Nothing happened: what the attempt before came to holds, a promise to call back above all.
        before = next((outcome for outcome in reversed(past.outcomes) if outcome != "not_placed"), "not_placed")
        state: ContactState = "retry_at" if contact.attempts else "waiting"
        pause_s = CALLED_OFF_S if was_taken_out(attempt) else NOT_PLACED_S
        return replace(contact, state=state, outcome=before, due_at=ended_at + pause_s)
    found = retries.decide(
        cast(Outcome, attempt.outcome),
        contact,
        rules,
        ended_at=ended_at,
        outcomes=[outcome for outcome in past.outcomes if outcome != "not_placed"],
        dialled=past.dialled,
        callback_at=attempt.callback_at,
    )
    match found:
        case retries.RetryAt(at):
            return replace(contact, state="retry_at", due_at=at)
        case retries.GiveUp():
            return replace(contact, state="gave_up")
        case retries.Done():
            return replace(contact, state="done")
        case retries.Skip(why):
            return replace(contact, state="skipped", outcome=why)
        case retries.Review():
            return replace(contact, state="review")


def follow(conn: Connection, changed: Sequence[tuple[Attempt, Attempt]]) -> dict[str, Contact]:
    """Put the contacts of these attempts (before, after; already written) where they stand now, in the same
    transaction. By token, those whose call is over."""
    contacts.go_on(conn, [move for before, after in changed if (move := _goes_on(before, after)) is not None])
    by_contact = {after.contact_id: after for before, after in changed if _decides(before, after)}
    return _settle(conn, {known: attempt for known, attempt in by_contact.items() if known is not None})


def _goes_on(before: Attempt, after: Attempt) -> contacts.GoesOn | None:
    """An open attempt is its contact's latest one, and says where the contact stands by itself."""
    if after.contact_id is None or after.state == "closed":
        return None
    state = going_on(after)
    if (before.state, going_on(before), before.call_id) == (after.state, state, after.call_id):
        return None
    return contacts.GoesOn(after.contact_id, state, after.call_id)


def _decides(before: Attempt, after: Attempt) -> bool:
    """Does more follow for the contact than that its call goes on?"""
    if after.contact_id is None or after.state != "closed":
        return False
    return any(getattr(before, name) != getattr(after, name) for name in _DECISIVE)


_DECISIVE = ("state", "outcome", "ended_at", "callback_at", "call_id")
"""What `place` reads of an attempt that is closed."""


def _settle(conn: Connection, by_contact: Mapping[int, Attempt]) -> dict[str, Contact]:
    if not by_contact:
        return {}
    ids = sorted(by_contact)
    known = contacts.get(conn, ids)
    pasts = _pasts(conn, known)
    rules: dict[str, tuple[Rules, CampaignState]] = {}
    after: dict[int, Contact] = {}
    for contact_id, contact in known.items():
        attempt, past = by_contact[contact_id], pasts[contact_id]
        if attempt.n != past.latest:
            continue  # an old one's last words; a newer one decides
        if contact.campaign_id not in rules:
            rules[contact.campaign_id] = _rules_of(conn, contact.campaign_id)
        after[contact_id] = place(contact, attempt, *rules[contact.campaign_id], past)
    contacts.move(conn, [contacts.moved(c) for contact_id, c in after.items() if c != known[contact_id]])
    return {by_contact[contact_id].token: contact for contact_id, contact in after.items()}


def _rules_of(conn: Connection, campaign_id: str) -> tuple[Rules, CampaignState]:
    campaign = campaigns.get(conn, campaign_id)
    if campaign is None:  # its contacts would be gone with it
        return Rules(), "cancelled"
    return kept(campaign.rules), campaign.state


def _pasts(conn: Connection, known: Mapping[int, Contact]) -> dict[int, Past]:
    rows = attempts.history(conn, list(known))
    since = min((at for past in rows.values() for _, _, at in past), default=0.0) - _DAYS_BACK_S
    dialled = attempts.dialled_since(conn, sorted({contact.phone for contact in known.values()}), since)
    return {
        contact_id: Past(
            max((n for n, _, _ in rows.get(contact_id, ())), default=0),
            tuple(outcome for _, outcome, _ in rows.get(contact_id, ())),
            tuple(sorted(dialled.get(contact.phone, ()))),
        )
        for contact_id, contact in known.items()
    }
