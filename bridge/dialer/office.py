"""Campaigns as their owner handles them: make, fill, start, pause, go on, cancel, look at, decide.

Every change is written to the audit in the same transaction. Whoever dials (this process or another) sees a change at
its next look, at the latest before the next order goes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from bridge.dialer import standing
from bridge.dialer.ledger import day_of
from bridge.dialer.progress import Minute, Steps, pace, steps
from bridge.dialer.rules import Rules
from bridge.errors import CampaignRefused, NoSuchCampaign, UsageError
from bridge.store import attempts, audit, campaigns, contacts, spending, wake
from bridge.store.base import FINAL, Attempt, AuditEntry, Campaign, CampaignState, Contact
from bridge.store.contacts import ANY, Wanted
from bridge.store.database import Connection, Database
from bridge.store.ids import new_id

T = TypeVar("T")

MOVES: Mapping[str, tuple[CampaignState, tuple[CampaignState, ...]]] = {
    "check": ("checked", ("draft", "checked")),
    "start": ("running", ("draft", "checked")),
    "pause": ("paused", ("running",)),
    "resume": ("running", ("paused",)),
    "cancel": ("cancelled", ("draft", "checked", "running", "paused")),
}
"""What an owner may do: into which state, out of which."""
_SAID: Mapping[str, str] = {
    "check": "checked",
    "start": "started",
    "pause": "paused",
    "resume": "resumed",
    "cancel": "cancelled",
}

FILLING = "its contacts are being read"
"""How the reason of a draft begins while its list is not whole. Whatever happens meanwhile, it cannot be started."""

Decision = Literal["called", "dial"]


@dataclass(frozen=True, slots=True)
class Report:
    """How a campaign stands. `funnel`: contacts by state; `outcomes`: contacts by what became of their last attempt."""

    campaign: Campaign
    contacts: int
    finished: int
    funnel: Mapping[str, int]
    outcomes: Mapping[str, int]
    attempts: int
    open_calls: int
    spent_usd: float
    spent_today_usd: float
    next_due_at: float | None
    calls_last_minute: int
    ends_at: float | None
    """When it will be over at the pace of the last minutes; None: nobody can tell."""


class Office:
    """The owner's desk. `wake` tells the dialer that something changed; `clock` gives epoch seconds."""

    def __init__(self, db: Database, wake: Callable[[], None], clock: Callable[[], float]) -> None:
        self.db = db
        self._wake = wake
        self._clock = clock

    @property
    def now(self) -> float:
        """Epoch seconds, by the clock that calls are placed by."""
        return self._clock()

    # ---- make and fill

    async def create(self, name: str, agent: str, rules: Mapping[str, Any], who: str) -> Campaign:
        """A new campaign without contacts. Raises UsageError for rules that cannot be."""
        if not name.strip():
            raise UsageError("a campaign needs a name")
        now = self._clock()
        made = Campaign(new_id("camp", now), name.strip(), "draft", "", agent, Rules.read(rules).dump(), now)

        def act(conn: Connection) -> None:
            campaigns.add(conn, made)
            audit.note(conn, AuditEntry(now, who, "campaign.create", made.id, {}, {"name": made.name, "agent": agent}))

        await self.db.write(act)
        return made

    async def fill(self, campaign_id: str, rows: Iterable[Contact], who: str) -> int:
        """Add contacts; how many. Raises CampaignRefused when it is over, StoreConflict for a number it has already."""
        people = [replace(row, campaign_id=campaign_id) for row in rows]

        def act(conn: Connection) -> int:
            found = _known(conn, campaign_id, lock=True)
            if found.state in ("done", "cancelled"):
                raise CampaignRefused(f"campaign {found.name!r} is {found.state}; make a new one")
            count = contacts.add(conn, people)
            audit.note(conn, AuditEntry(self._clock(), who, "campaign.fill", campaign_id, {}, {"contacts": count}))
            return count

        return await self._change(act)

    async def edit(
        self, campaign_id: str, changes: Mapping[str, Any], who: str, *, agent: str | None = None
    ) -> Campaign:
        """Other rules, obeyed from the next order on. Raises UsageError, CampaignRefused."""

        def act(conn: Connection) -> Campaign:
            found = _known(conn, campaign_id, lock=True)
            if found.state in ("done", "cancelled"):
                raise CampaignRefused(f"campaign {found.name!r} is {found.state}; nothing can be changed any more")
            rules = Rules.changed(found.rules, changes).dump()
            after = replace(found, rules=rules, agent=found.agent if agent is None else agent)
            campaigns.edit(conn, campaign_id, rules, after.agent, after.name)
            contacts.release(conn, campaign_id, self._clock())
            before = {key: found.rules.get(key) for key in changes}
            audit.note(conn, AuditEntry(self._clock(), who, "campaign.edit", campaign_id, before, dict(changes)))
            return after

        return await self._change(act)

    # ---- start, stop

    async def move(self, campaign_id: str, verb: str, who: str, *, reason: str = "") -> Campaign:
        """check, start, pause, resume or cancel. Raises CampaignRefused: what it is, and what can be done with it."""
        into, out_of = MOVES[verb]

        def act(conn: Connection) -> Campaign:
            found = _known(conn, campaign_id, lock=True)
            if found.state not in out_of:
                raise CampaignRefused(
                    f"campaign {found.name!r} is {found.state}; only one that is {_or(out_of)} can be {_SAID[verb]}"
                )
            if found.reason.startswith(FILLING) and verb != "cancel":
                raise CampaignRefused(
                    f"campaign {found.name!r} has a part of its contacts only: their file is being read, or was not "
                    "read to its end; then give it again"
                )
            if verb in ("start", "resume"):
                _may_start(conn, found)
            now = self._clock()
            started = now if verb == "start" else None
            ended = now if verb == "cancel" else None
            campaigns.move(
                conn, campaign_id, into, out_of=out_of, at=now, reason=reason, started_at=started, ended_at=ended
            )
            if verb == "cancel":
                contacts.end_waiting(conn, campaign_id, "cancelled", "cancelled")
            audit.note(
                conn,
                AuditEntry(
                    now, who, f"campaign.{verb}", campaign_id, {"state": found.state}, {"state": into, "why": reason}
                ),
            )
            return replace(found, state=into, reason=reason, started_at=started or found.started_at, ended_at=ended)

        return await self._change(act)

    async def _change(self, act: Callable[[Connection], T]) -> T:
        """In one transaction, and whoever dials is told."""

        def told(conn: Connection) -> T:
            found = act(conn)
            wake.tell(conn)
            return found

        after = await self.db.write(told)
        self._wake()
        return after

    # ---- look

    async def every(self) -> Sequence[Campaign]:
        """All campaigns, oldest first."""
        return await self.db.read(campaigns.every)

    async def find(self, wanted: str) -> Campaign:
        """A campaign by id, or the newest of that name. Raises CampaignRefused when there is none."""
        return await self.db.read(_find, wanted)

    async def report(self, campaign_id: str) -> Report:
        """How it stands. Raises CampaignRefused."""
        return await self.db.read(_report, campaign_id, self._clock())

    async def progress(self, campaign_id: str) -> tuple[Report, Steps, Sequence[Minute]]:
        """How it stands, how far it has come, and its last hour, all at one moment. Raises CampaignRefused."""
        now = self._clock()

        def look(conn: Connection) -> tuple[Report, Steps, Sequence[Minute]]:
            report = _report(conn, campaign_id, now)
            return report, steps(conn, campaign_id, report.contacts), pace(conn, campaign_id, now)

        return await self.db.read(look)

    async def people(
        self, campaign_id: str, wanted: Wanted = ANY, *, after: int = 0, most: int = 100
    ) -> Sequence[Contact]:
        """Its contacts, in order of their lines."""
        return await self.db.read(lambda conn: contacts.page(conn, campaign_id, wanted, after=after, most=most))

    async def person(self, campaign_id: str, contact_id: int) -> tuple[Contact, Sequence[Attempt]] | None:
        """One of its contacts with every attempt to call them, in order; None when there is no such contact."""

        def look(conn: Connection) -> tuple[Contact, Sequence[Attempt]] | None:
            found = contacts.get(conn, [contact_id]).get(contact_id)
            if found is None or found.campaign_id != campaign_id:
                return None
            return found, attempts.of_contacts(conn, [contact_id]).get(contact_id, ())

        return await self.db.read(look)

    async def attempts(self, campaign_id: str) -> Sequence[Attempt]:
        """Every dialling of it, in order of time."""
        return await self.db.read(attempts.of_campaign, campaign_id)

    # ---- decide

    async def review(self, campaign_id: str = "") -> Sequence[Attempt]:
        """Attempts that a person has to decide: of one campaign, or all."""
        rows = await self.db.read(attempts.open_ones, campaign_id or None)
        return [row for row in rows if row.state == "review"]

    async def decide(self, attempt_id: str, decision: Decision, who: str) -> Attempt:
        """A person says: they were `called`, or `dial` them (again). Raises CampaignRefused."""

        def act(conn: Connection) -> Attempt:
            row = attempts.of_id(conn, attempt_id)
            if row is not None:  # as it is, and stays until this is over: evidence may just have come
                row = attempts.get(conn, [row.token], lock=True).get(row.token)
            if row is None or row.state != "review":
                raise CampaignRefused(f"attempt {attempt_id} does not wait for a decision")
            now = self._clock()
            outcome = "unknown" if decision == "called" else "not_placed"
            closed = replace(row, state="closed", outcome=outcome, reason=f"decided by {who}", ended_at=now)
            attempts.write(conn, [closed])
            if decision == "dial":  # as if the carrier had refused it: again, unless the campaign was cancelled
                standing.follow(conn, [(row, closed)])
            elif row.contact_id is not None:
                contact = contacts.get(conn, [row.contact_id])[row.contact_id]
                place = replace(contact, state="done", outcome="unknown", due_at=now)
                contacts.move(conn, [contacts.moved(place)])
            audit.note(conn, AuditEntry(now, who, f"attempt.{decision}", attempt_id, {"state": "review"}, {}))
            return closed

        return await self._change(act)


def _known(conn: Connection, campaign_id: str, *, lock: bool = False) -> Campaign:
    found = campaigns.get(conn, campaign_id, lock=lock)
    if found is None:
        raise NoSuchCampaign(f"there is no campaign {campaign_id!r}; `callbridge campaign list` shows them")
    return found


def _find(conn: Connection, wanted: str) -> Campaign:
    found = campaigns.get(conn, wanted)
    return found or next(iter(campaigns.named(conn, wanted)), None) or _known(conn, wanted)


def _may_start(conn: Connection, campaign: Campaign) -> None:
    """What a campaign must have before anybody is called. Raises CampaignRefused."""
    if contacts.next_due(conn, campaign.id) is None and not contacts.unfinished(conn, campaign.id):
        raise CampaignRefused(f"campaign {campaign.name!r} has nobody to call")
    rules = Rules.read(campaign.rules)
    if not rules.consent and contacts.without_consent(conn, campaign.id):
        raise CampaignRefused(
            f"campaign {campaign.name!r}: on what ground may these people be called? Give the rule `consent`, "
            "or a consent_source in every row"
        )


def _report(conn: Connection, campaign_id: str, now: float) -> Report:
    campaign = _known(conn, campaign_id)
    by_both = campaigns.funnel(conn, campaign_id)
    funnel: dict[str, int] = {}
    outcomes: dict[str, int] = {}
    for (state, outcome), count in by_both.items():
        funnel[state] = funnel.get(state, 0) + count
        if outcome and outcome != contacts.HELD:
            outcomes[outcome] = outcomes.get(outcome, 0) + count
    total = sum(funnel.values())
    finished = sum(funnel.get(state, 0) for state in FINAL)
    pace = len(attempts.ended_since(conn, campaign_id, now - _PACE_S)) / _PACE_S
    left = total - finished
    return Report(
        campaign=campaign,
        contacts=total,
        finished=finished,
        funnel=funnel,
        outcomes=outcomes,
        attempts=attempts.count(conn, campaign_id),
        open_calls=attempts.count_open(conn, campaign_id),
        spent_usd=campaign.spent_usd,
        spent_today_usd=spending.spent(conn, day_of(now), campaign_id),
        next_due_at=contacts.next_due(conn, campaign_id),
        calls_last_minute=len(attempts.ended_since(conn, campaign_id, now - 60.0)),
        ends_at=now + left / pace if pace and campaign.state == "running" else None,
    )


_PACE_S = 300.0
"""The time over which a campaign's pace is measured."""


def _or(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else list(words))
