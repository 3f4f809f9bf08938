"""The results of a campaign, a row for each contact: what spreadsheets and other programs are given."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Sequence
from typing import Any

from bridge.dialer.export import write_csv
from bridge.dialer.shown import contact_row
from bridge.records.callrecord import iso
from bridge.store import attempts, contacts
from bridge.store.base import Attempt, Contact
from bridge.store.database import Connection, Database

PAGE = 200
"""Contacts read and written together: some milliseconds of the loop's time."""
HEADER = (
    "phone_number",
    "name",
    "external_id",
    "state",
    "outcome",
    "attempts",
    "last_attempt_at",
    "next_attempt_at",
    "talked_s",
    "cost_usd",
    "reason",
    "call_id",
    "line",
)
Result = tuple[Contact, Sequence[Attempt]]


async def results(db: Database, campaign_id: str) -> AsyncIterator[list[Result]]:
    """Every contact with its attempts, in order of the file, some at a time. Raises StoreError."""
    after = 0
    while page := await db.read(_page, campaign_id, after):
        yield page
        after = page[-1][0].id


def _page(conn: Connection, campaign_id: str, after: int) -> list[Result]:
    people = contacts.page(conn, campaign_id, after=after, most=PAGE)
    of = attempts.of_contacts(conn, [contact.id for contact in people])
    return [(contact, of.get(contact.id, ())) for contact in people]


def variable_names(page: Sequence[Result]) -> list[str]:
    """The columns of the contact file, to stand behind HEADER: the first contacts', as all of a file have them.

    What HEADER names already is not named twice.
    """
    names = {name: None for contact, _ in page for name in contact.variables}
    return [name for name in names if name not in HEADER]


def table_row(result: Result, variables: Sequence[str]) -> list[object]:
    """One contact as HEADER and the variables have it."""
    contact, tries = result
    waits = contact.state in ("waiting", "retry_at") and contact.due_at
    last = tries[-1] if tries else None
    return [
        contact.phone,
        contact.name,
        contact.external_id,
        contact.state,
        contact.outcome,
        contact.attempts,
        _time(contact.last_attempt_at),
        _time(contact.due_at if waits else None),
        round(sum(_talked_s(attempt) for attempt in tries), 1),
        round(_cost_usd(tries), 6),
        last.reason if last else "",
        contact.call_id,
        contact.line,
        *(contact.variables.get(name, "") for name in variables),
    ]


async def table_pieces(db: Database, campaign_id: str) -> AsyncIterator[str]:
    """The whole table as CSV in which nothing is a formula, piece by piece. Raises StoreError."""
    names: list[str] | None = None
    async for page in results(db, campaign_id):
        header: tuple[str, ...] = ()
        if names is None:
            names = variable_names(page)
            header = (*HEADER, *names)
        yield _csv(header, [table_row(result, names) for result in page])
    if names is None:
        yield _csv(HEADER, [])


def _csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    write_csv(out, header, rows)
    return out.getvalue() if header else out.getvalue().removeprefix("\r\n")  # a header of nothing is an empty line


def json_row(result: Result) -> dict[str, Any]:
    """One contact as JSON, its attempts with it."""
    contact, tries = result
    brief = [
        {
            "id": attempt.id,
            "at": iso(attempt.claimed_at),
            "state": attempt.state,
            "outcome": attempt.outcome,
            "reason": attempt.reason,
            "call_id": attempt.call_id,
        }
        for attempt in tries
    ]
    return contact_row(contact) | {"cost_usd": round(_cost_usd(tries), 6), "tries": brief}


def _talked_s(attempt: Attempt) -> float:
    if attempt.answered_at is None or attempt.ended_at is None:
        return 0.0
    return max(0.0, attempt.ended_at - attempt.answered_at)


def _cost_usd(tries: Sequence[Attempt]) -> float:
    return sum(attempt.carrier_usd + attempt.model_usd for attempt in tries)


def _time(epoch_s: float | None) -> str:
    return "" if epoch_s is None else iso(epoch_s)
