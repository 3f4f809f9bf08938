"""Campaigns as a house has them after some days: one of each state, with contacts and attempts of every kind."""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from bridge.dialer.office import Office
from bridge.store import attempts, campaigns, contacts
from bridge.store.base import Attempt, Campaign, Contact, ContactState, DoNotCall
from bridge.store.database import Connection, Database
from bridge.store.do_not_call import DoNotCallList
from bridge.store.ids import new_id

ZONES = (("America/Los_Angeles",), ("America/Chicago",), ("America/New_York",))
NAMES = ("Ada Byron", "Grace Hopper", "Katherine Johnson", "Alan Turing", "Margaret Hamilton", "Edsger Dijkstra")
FATES: list[tuple[ContactState, str, int]] = [
    ("done", "goal", 14),
    ("done", "human", 6),
    ("done", "no_goal", 5),
    ("done", "opted_out", 2),
    ("retry_at", "no_answer", 12),
    ("retry_at", "machine", 9),
    ("retry_at", "busy", 3),
    ("gave_up", "bad_number", 2),
    ("gave_up", "failed", 1),
    ("skipped", "do_not_call", 3),
    ("review", "", 3),
    ("waiting", "", 60),
]
TALKED = ("goal", "human", "no_goal", "opted_out", "machine")


@dataclass(frozen=True)
class SeededCampaigns:
    """Ids by which their pages are looked at."""

    running: str
    """Halfway through, and paused: nobody dials while one looks."""
    checked: str
    contact: int
    """Of the first one, with two attempts and a call."""


def seed_campaigns(data: Path, now: float, words: str = "") -> SeededCampaigns:
    """Write them. `words` stand wherever people may write something."""
    with ThreadPoolExecutor(1) as alone:  # while a browser is open, its loop runs in this thread
        return alone.submit(lambda: asyncio.run(_seed(data, now, words))).result()


async def _seed(data: Path, now: float, words: str) -> SeededCampaigns:
    db = await Database.open("", data)
    try:
        office = Office(db, lambda: None, lambda: now)
        rules = {
            "consent": words or "patients of ours",
            "concurrency": 8,
            "cps": 2,
            "budget_usd": 60,
            "budget_day_usd": 15,
        }
        running = await office.create(words or "Reminders, spring", "", rules, "ada")
        first = await db.write(_people, running.id, now, words)
        await office.move(running.id, "start", "ada")
        await office.move(running.id, "pause", "ada", reason=words or "lunch; goes on at two")
        await db.write(campaigns.spend_more, running.id, _day(now), 11.42)
        checked = await office.create("Survey of the new branch", "", {"consent": "", **RULES}, "ada")
        await office.fill(checked.id, [_contact(checked.id, n, "waiting", "", words) for n in range(40)], "ada")
        await office.move(checked.id, "check", "ada")
        for name, state in (("Reminders, winter", "done"), ("Wrong list", "cancelled"), ("Ideas for autumn", "draft")):
            times = (None, None) if state == "draft" else (now - 8e5, now - 7e5)
            spent = 0.0 if state == "draft" else 31.4
            made = Campaign(new_id("camp", now), name, state, "", "", running.rules, now - 9e5, *times, spent)  # type: ignore[arg-type]
            await db.write(campaigns.add, made)
        listed = DoNotCallList(db)
        for n, (source, reason) in enumerate(
            (("call", "said so"), ("operator", "asked by mail"), ("import", "list of 2025"))
        ):
            await listed.add(DoNotCall(f"+1415555{140 + n:04d}", now - 4e5 * (n + 1), source, words or reason))
        return SeededCampaigns(running.id, checked.id, first)
    finally:
        await db.close()


RULES = {"concurrency": 4}


def _day(now: float) -> str:
    from bridge.dialer.ledger import day_of

    return day_of(now)


def _contact(campaign: str, n: int, state: ContactState, outcome: str, words: str) -> Contact:
    variables = {"first_name": words or NAMES[n % 6].split()[0], "appointment": words or f"{8 + n % 9}:30"}
    return Contact(
        0,
        campaign,
        n + 2,
        f"+1415555{1000 + n:04d}",
        name=words or NAMES[n % 6],
        variables=variables,
        zones=ZONES[n % 3],
        external_id=words or f"P-{1000 + n}",
        consent_source=words or "signed form",
        state=state,
        outcome=words if words and outcome else outcome,
    )


def _people(conn: Connection, campaign: str, now: float, words: str) -> int:
    chance = random.Random(3)
    n, rows = 0, []
    for state, outcome, count in FATES:
        for _ in range(count):
            row = _contact(campaign, n, state, outcome, "")
            row = replace(row, name=words or row.name, variables={k: words or v for k, v in row.variables.items()})
            tried = state not in ("waiting", "skipped")
            due = now + chance.uniform(3_600, 60_000) if state == "retry_at" else 0.0
            rows.append(
                replace(row, attempts=1 if tried else 0, due_at=due, last_attempt_at=now - 60 if tried else None)
            )
            n += 1
    contacts.add(conn, rows)
    kept = contacts.page(conn, campaign, most=1000)
    made = [_attempt(row, now, chance, words) for row in kept if row.attempts]
    attempts.intend(conn, made)
    attempts.write(conn, made)
    return kept[0].id


def _attempt(contact: Contact, now: float, chance: random.Random, words: str) -> Attempt:
    at = now - chance.triangular(30, 3_500, 400)
    review = contact.state == "review"
    answered = at + 9 if contact.outcome in TALKED else None
    return Attempt(
        token=f"seeded-{contact.id}",
        id=new_id("att", at),
        phone=contact.phone,
        from_number="+14155550100",
        state="review" if review else "closed",
        owner="seed",
        claimed_at=at,
        contact_id=contact.id,
        campaign_id=contact.campaign_id,
        answered_at=answered,
        ended_at=None if review else at + chance.uniform(12, 120),
        outcome=contact.outcome,
        reason=words or ("the carrier did not answer, and its list has no such call" if review else ""),
        carrier_usd=0.014,
        model_usd=0.05 if answered else 0.0,
    )
