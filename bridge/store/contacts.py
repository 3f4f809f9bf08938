"""Contacts in the database. Every function works inside a transaction that the caller has begun."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

import sqlalchemy as sa

from bridge.store.base import FINAL, Contact, ContactState
from bridge.store.tables import IS_DUE, as_rows, contacts, one_of, padded, values

HELD = "window"
"""The outcome of a contact that was never called and is not due before its window opens (or a cap allows it): it waits
for the rules, not for a time that its row names."""
NO_HOURS = "no_hours"
"""The outcome of a contact that was skipped because the window never opens in all of its zones at once."""
PRIORITIES = tuple(range(9, -1, -1))
"""The most urgent first."""
_ROWS = 500
"""Contacts of one INSERT."""


class Moved(NamedTuple):
    """A contact's new place."""

    id: int
    state: ContactState
    outcome: str
    due_at: float
    attempts: int
    last_attempt_at: float | None
    call_id: str


class GoesOn(NamedTuple):
    """How the call of a contact goes; an empty `call_id` leaves the one that is there."""

    id: int
    state: ContactState
    call_id: str


_WAITS = sa.and_(contacts.c.campaign_id == sa.bindparam("of_campaign"), IS_DUE)
_NEXT_LOOKS = [
    sa.select(contacts.c.due_at)
    .where(_WAITS, contacts.c.priority == priority)
    .order_by(contacts.c.due_at)
    .limit(1)
    .subquery()
    for priority in PRIORITIES
]
_NEXT_DUE = sa.union_all(*(sa.select(look.c.due_at) for look in _NEXT_LOOKS))
_UNFINISHED = (
    sa.select(contacts.c.id)
    .where(
        contacts.c.campaign_id == sa.bindparam("campaign_id"),
        # Said so, and not "in no final state": the index is not walked through all who are finished.
        contacts.c.state.in_([state for state in get_args(ContactState) if state not in FINAL]),
    )
    .limit(1)
)
_GET = sa.select(contacts).where(one_of(contacts.c.id, "ids"))
_MOVE = (
    contacts.update()
    .where(contacts.c.id == sa.bindparam("to_id"))
    .values({name: sa.bindparam(f"to_{name}") for name in Moved._fields if name != "id"})
)

_GO_ON = (
    contacts.update()
    .where(contacts.c.id == sa.bindparam("to_id"))
    .values(
        state=sa.bindparam("to_state"),
        outcome="",
        call_id=sa.func.coalesce(sa.func.nullif(sa.bindparam("to_call_id", type_=sa.Text), ""), contacts.c.call_id),
    )
)


def moved(contact: Contact) -> Moved:
    """The place a contact value stands in."""
    c = contact
    return Moved(c.id, c.state, c.outcome, c.due_at, c.attempts, c.last_attempt_at, c.call_id)


def add(conn: sa.Connection, rows: Iterable[Contact]) -> int:
    """Keep new ones (their `id` is given by the database); how many there were."""
    batch: list[dict[str, object]] = []
    count = 0
    for row in rows:
        given = values(row)
        del given["id"]
        batch.append(given)
        if len(batch) == _ROWS:
            conn.execute(contacts.insert(), batch)
            count += len(batch)
            batch = []
    if batch:
        conn.execute(contacts.insert(), batch)
    return count + len(batch)


def next_due(conn: sa.Connection, campaign_id: str) -> float | None:
    """When the first of them may be called; None when nobody waits."""
    return min(conn.execute(_NEXT_DUE, {"of_campaign": campaign_id}).scalars(), default=None)


def get(conn: sa.Connection, ids: Sequence[int]) -> dict[int, Contact]:
    """Those of these ids."""
    return {row.id: row for row in as_rows(Contact, conn.execute(_GET, {"ids": padded(ids)}))}


def move(conn: sa.Connection, places: Sequence[Moved]) -> None:
    """Put each of them into its new place."""
    if places:
        conn.execute(_MOVE, [{f"to_{name}": value for name, value in place._asdict().items()} for place in places])


def go_on(conn: sa.Connection, moves: Sequence[GoesOn]) -> None:
    """The calls of these have come further."""
    if moves:
        conn.execute(_GO_ON, [{f"to_{name}": value for name, value in move._asdict().items()} for move in moves])


def release(conn: sa.Connection, campaign_id: str, now: float) -> None:
    """Who waits only because the rules did not allow a call is asked about anew: the rules are others now."""
    state = sa.case((contacts.c.attempts > 0, "retry_at"), else_="waiting")
    for held in (("waiting", HELD), ("skipped", NO_HOURS)):
        theirs = (contacts.c.campaign_id == campaign_id, contacts.c.state == held[0], contacts.c.outcome == held[1])
        conn.execute(contacts.update().where(*theirs).values(state=state, due_at=now, outcome=""))


def end_waiting(conn: sa.Connection, campaign_id: str, state: ContactState, outcome: str) -> int:
    """Everybody of a campaign who still waits to be called is not; how many they were."""
    done = conn.execute(
        contacts.update().where(_WAITS).values(state=state, outcome=outcome), {"of_campaign": campaign_id}
    )
    return int(done.rowcount)


def unfinished(conn: sa.Connection, campaign_id: str) -> bool:
    """Is there anybody with whom the campaign is not finished?"""
    return conn.execute(_UNFINISHED, {"campaign_id": campaign_id}).first() is not None


def without_consent(conn: sa.Connection, campaign_id: str) -> bool:
    """Is there anybody who waits and whose row names no source of consent?"""
    query = sa.select(contacts.c.id).where(_WAITS, contacts.c.consent_source == "").limit(1)
    return conn.execute(query, {"of_campaign": campaign_id}).first() is not None


def never_dialable(conn: sa.Connection, campaign_id: str) -> int:
    """How many were left out before anybody called them."""
    query = (
        sa.select(sa.func.count())
        .select_from(contacts)
        .where(contacts.c.campaign_id == campaign_id, contacts.c.state == "skipped", contacts.c.attempts == 0)
    )
    return int(conn.execute(query).scalar_one())


class Wanted(NamedTuple):
    """Which contacts of a campaign are asked for; "" is any."""

    state: str = ""
    outcome: str = ""
    text: str = ""
    """Stands in their name, their number, or is their external id."""


ANY = Wanted()


def page(
    conn: sa.Connection, campaign_id: str, wanted: Wanted = ANY, *, after: int = 0, most: int = 100
) -> Sequence[Contact]:
    """Contacts in the order of their lines, behind the one with id `after`."""
    c = contacts.c
    query = sa.select(contacts).where(c.campaign_id == campaign_id, c.id > after)
    if wanted.state:
        query = query.where(c.state == wanted.state)
    if wanted.outcome:
        query = query.where(c.outcome == wanted.outcome)
    if wanted.text:
        text = wanted.text.lower()
        digits = "".join(letter for letter in text if letter.isdecimal())
        there = [sa.func.lower(c.name).contains(text, autoescape=True), c.external_id == wanted.text]
        # A number is looked for by its digits, however it is written; in a name they stand for nothing.
        if digits and not any(letter.isalpha() for letter in text):
            there.append(c.phone.contains(digits))
        query = query.where(sa.or_(*there))
    return as_rows(Contact, conn.execute(query.order_by(c.id).limit(most)))


def forget(conn: sa.Connection, campaign_id: str, most: int) -> int:
    """Remove some of a campaign's contacts, that a long list holds nobody up; how many."""
    some = sa.select(contacts.c.id).where(contacts.c.campaign_id == campaign_id).limit(most)
    return int(conn.execute(contacts.delete().where(contacts.c.id.in_(some))).rowcount)
