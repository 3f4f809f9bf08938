"""A campaign's list of people: from its file into the database, while calls and claims go on.

Rows are read and checked in a thread, some at a time, and kept in transactions of TOGETHER contacts. Until the last one
the campaign is a draft that says so (`office.FILLING`): half a list cannot be started, not even by another process, nor
after a crash. A list that is given again replaces the one before it; one that fails leaves nothing.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bridge.agents.agent import Agent
from bridge.dialer.forecast import Forecast, forecast
from bridge.dialer.importer import ContactFile, ImportedRow, Intake, RowProblem, read_contacts
from bridge.dialer.office import FILLING
from bridge.dialer.rules import Rules, kept
from bridge.errors import CampaignRefused, NoSuchCampaign, NumberRefused
from bridge.numbers import check_number
from bridge.store import audit, campaigns, consents, contacts, do_not_call
from bridge.store.base import AuditEntry, Campaign, Consent, Contact
from bridge.store.database import Connection, Database

if TYPE_CHECKING:
    from collections.abc import Generator

TOGETHER = 500
"""Contacts of one transaction: some 15 ms, which claims and evidence can wait."""
BREATH = 10
"""Rows after which the thread lets the loop have the interpreter."""
BREATH_S = 0.0005
FORGET = 2_000
"""Contacts removed in one transaction."""
_FEW = 20
"""Refused rows that are kept where nobody asks for all of them."""
MOST_PROBLEMS = 100_000
"""Refused rows that are kept at all: whoever has more has given the wrong file."""


@dataclass(slots=True)
class Filled:
    """What came of a file."""

    contacts: int = 0
    do_not_call: int = 0
    """Of these, on the do-not-call list: kept as skipped."""
    repaired: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Rows that were not taken, by `RowProblem.why`."""
    notes: list[str] = field(default_factory=list)
    header: tuple[str, ...] = ()
    problems: list[RowProblem] = field(default_factory=list)
    """The first rows that were refused, or all of them."""
    meanings: tuple[tuple[str, str], ...] = ()
    """Each column of the file: as it is called there, and what it was taken for."""


def intake(rules: Rules, agent: Agent, countries: frozenset[str], number: str) -> Intake:
    """What is asked of every row of a campaign. `number`: the caller id where the rules name none."""
    # What `prepare` finds out fills the greeting too; who that is known for is not known before the call.
    greeting = agent.greeting if agent.prepare is None else ""
    return Intake(
        countries=rules.allowed(countries),
        own=frozenset({number, *rules.numbers} - {""}),
        consent=rules.consent,
        priority=rules.priority,
        texts=(greeting, rules.voicemail_text if rules.voicemail == "message" else ""),
    )


class ContactLists:
    """Fills campaigns. `clock` gives epoch seconds."""

    def __init__(self, db: Database, clock: Callable[[], float]) -> None:
        self._db = db
        self._clock = clock

    async def replace(
        self, campaign: Campaign, path: Path, asked: Intake, who: str, *, all_problems: bool = False
    ) -> Filled:
        """Make the people of this file the campaign's, in place of those it had.

        Raises:
            ContactFileError: it is no contact file; nothing has changed.
            CampaignRefused: the campaign was started or given another list.
            StoreError: the campaign is left without contacts.
        """
        file = await asyncio.to_thread(read_contacts, path, asked)
        found = Filled(notes=file.notes, header=file.columns.header, meanings=file.columns.meanings())
        mark = f"{FILLING} ({secrets.token_hex(4)})"
        await self._db.write(_begin, campaign.id, mark)
        try:
            await self._forget(campaign.id)
            await self._fill(campaign, file, found, mark, MOST_PROBLEMS if all_problems else _FEW)
            entry = AuditEntry(self._clock(), who, "campaign.contacts", campaign.id, {}, {"contacts": found.contacts})
            await self._db.write(_end, campaign.id, mark, entry)
        except BaseException:
            await asyncio.shield(self._undo(campaign.id, mark))
            raise
        return found

    async def _fill(self, campaign: Campaign, file: ContactFile, found: Filled, mark: str, most: int) -> None:
        with closing(cast("Generator[ImportedRow | RowProblem]", file.rows)) as rows:
            while taken := await asyncio.to_thread(_some, rows):
                people = [row for row in taken if isinstance(row, ImportedRow)]
                for row in taken:
                    if isinstance(row, RowProblem):
                        found.refused[row.why] += 1
                        if len(found.problems) < most:
                            found.problems.append(row)
                found.repaired += sum(bool(row.notes) for row in people)
                found.do_not_call += await self._db.write(_keep, campaign, mark, people, self._clock())
                found.contacts += len(people)

    async def _forget(self, campaign_id: str) -> None:
        while await self._db.write(contacts.forget, campaign_id, FORGET):
            pass

    async def _undo(self, campaign_id: str, mark: str) -> None:
        """Nothing is left of a list that failed, unless somebody else has begun another one."""
        if await self._db.read(_is_ours, campaign_id, mark):
            await self._forget(campaign_id)
            await self._db.write(_unmark, campaign_id, mark)

    async def forecast(self, campaign: Campaign, countries: frozenset[str], greeting: str) -> Forecast:
        """The dry run of the people that a campaign has. Raises StoreError."""
        loop = asyncio.get_running_loop()

        def page(after: int) -> list[tuple[Contact, bool]]:
            asked = self._db.read(_page, campaign.id, after)
            return asyncio.run_coroutine_threadsafe(asked, loop).result()

        return await asyncio.to_thread(_forecast, page, kept(campaign.rules), countries, self._clock(), greeting)


def _some(rows: Iterator[ImportedRow | RowProblem]) -> list[ImportedRow | RowProblem]:
    """The next rows. Runs in a thread; the loop, with live calls on it, gets its turn every few rows."""
    return list(islice(_breathing(rows), TOGETHER))


def _breathing(rows: Iterator[ImportedRow | RowProblem]) -> Iterator[ImportedRow | RowProblem]:
    for n, row in enumerate(rows):
        yield row
        if n % BREATH == 0:
            time.sleep(BREATH_S)


def _contact(campaign: Campaign, row: ImportedRow) -> Contact:
    return Contact(
        0,
        campaign.id,
        row.line,
        row.number.e164,
        name=row.name,
        variables=row.variables,
        agent=row.agent,
        timezone=row.timezone,
        zones=row.zones,
        language=row.language,
        external_id=row.external_id,
        priority=row.priority,
        consent_source=row.consent_source,
        consent_at=row.consent_at,
        due_at=row.not_before,
    )


# ---- transactions


def _begin(conn: Connection, campaign_id: str, mark: str) -> None:
    found = campaigns.get(conn, campaign_id, lock=True)
    if found is None:
        raise NoSuchCampaign(f"there is no campaign {campaign_id!r}")
    if not campaigns.move(conn, campaign_id, "draft", out_of=("draft", "checked"), at=0.0, reason=mark):
        raise CampaignRefused(
            f"campaign {found.name!r} is {found.state}; its list can be given before it is started, and not after"
        )


def _keep(conn: Connection, campaign: Campaign, mark: str, people: list[ImportedRow], now: float) -> int:
    """Keep these; how many of them are on the do-not-call list."""
    if not _is_ours(conn, campaign.id, mark, lock=True):
        raise CampaignRefused(f"campaign {campaign.name!r} was cancelled or given another list meanwhile")
    listed = do_not_call.listed(conn, [row.number.e164 for row in people])
    skipped = 0
    rows = []
    for row in people:
        contact = _contact(campaign, row)
        if contact.phone in listed:
            contact = replace(contact, state="skipped", outcome=do_not_call.REASON)
            skipped += 1
        rows.append(contact)
    contacts.add(conn, rows)
    consents.record(conn, list(_consents(rows, kept(campaign.rules), now)))
    return skipped


def _consents(rows: list[Contact], rules: Rules, now: float) -> Iterator[Consent]:
    for row in rows:
        source = row.consent_source or rules.consent
        if source:
            yield Consent(row.phone, now, source, row.consent_at, row.campaign_id, rules.purpose)


def _is_ours(conn: Connection, campaign_id: str, mark: str, *, lock: bool = False) -> bool:
    found = campaigns.get(conn, campaign_id, lock=lock)
    return found is not None and found.state == "draft" and found.reason == mark


def _unmark(conn: Connection, campaign_id: str, mark: str) -> bool:
    return _is_ours(conn, campaign_id, mark, lock=True) and campaigns.move(
        conn, campaign_id, "draft", out_of=("draft",), at=0.0
    )


def _end(conn: Connection, campaign_id: str, mark: str, entry: AuditEntry) -> None:
    if not _unmark(conn, campaign_id, mark):
        raise CampaignRefused("the campaign was cancelled or given another list meanwhile")
    audit.note(conn, entry)


def _page(conn: Connection, campaign_id: str, after: int) -> list[tuple[Contact, bool]]:
    rows = contacts.page(conn, campaign_id, after=after, most=TOGETHER)
    listed = do_not_call.listed(conn, [row.phone for row in rows])
    return [(row, row.phone in listed) for row in rows]


# ---- the dry run


def _forecast(
    page: Callable[[int], list[tuple[Contact, bool]]],
    rules: Rules,
    countries: frozenset[str],
    now: float,
    greeting: str,
) -> Forecast:
    listed: set[str] = set()

    def rows() -> Iterator[ImportedRow | RowProblem]:
        after = 0
        while people := page(after):
            listed.clear()
            listed.update(contact.phone for contact, is_listed in people if is_listed)
            for contact, _ in people:
                yield _as_row(contact, countries)
            after = people[-1][0].id

    return forecast(_breathing(rows()), rules, now=now, greeting=greeting, do_not_call=lambda phone: phone in listed)


def _as_row(contact: Contact, countries: frozenset[str]) -> ImportedRow | RowProblem:
    try:
        number = check_number(contact.phone, countries)
    except NumberRefused as error:  # the countries were changed after the import
        return RowProblem(contact.line, "", contact.phone, error.why, str(error))
    return ImportedRow(
        line=contact.line,
        number=number,
        zones=contact.zones,
        name=contact.name,
        variables=dict(contact.variables),
        not_before=contact.due_at,
    )
