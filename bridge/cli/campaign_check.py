"""`callbridge campaign check`: the dry run of a contact file. Needs no server, calls nobody and keeps nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bridge.cli.campaign_source import opened
from bridge.config import Settings
from bridge.dialer.export import write_problems
from bridge.dialer.forecast import Forecast, forecast
from bridge.dialer.importer import ImportedRow, Intake, RowProblem, read_contacts
from bridge.dialer.lists import intake
from bridge.dialer.rules import Rules
from bridge.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Generator

    from bridge.agents.agent import Agent
    from bridge.store.database import Database

Row = ImportedRow | RowProblem
_TOGETHER = 500
"""Numbers that are looked up on the do-not-call list at a time."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The dry run, and what it was told about the file."""

    forecast: Forecast
    notes: list[str]
    errors: int

    @property
    def good(self) -> bool:
        """Somebody can be called, and no row was refused but duplicates."""
        return bool(self.forecast.dialable) and not self.forecast.invalid


def must_be_contacts(file: Path) -> None:
    """Raises ContactFileError for a file in which no row can be one: before a campaign is made for it."""
    with closing(cast("Generator[Row]", read_contacts(file, Intake(frozenset())).rows)):
        pass


def check(settings: Settings, file: Path, given: Mapping[str, Any], agent_spec: str, errors: Path | None) -> Checked:
    """Read it all. Raises UsageError (ContactFileError ...), StoreError."""
    rules = Rules.read(given)
    agent = _agent(settings, agent_spec)
    asked = intake(rules, agent, settings.countries, settings.twilio_phone_number)
    contacts = read_contacts(file, asked)
    refused: list[RowProblem] = []
    with closing(cast("Generator[Row]", contacts.rows)) as rows:
        found = _forecast(settings, rows, rules, agent.greeting, refused.append if errors else lambda _: None)
    if errors is not None:
        write_errors(errors, contacts.columns.header, refused)
    return Checked(found, contacts.notes, len(refused))


def write_errors(file: Path, header: tuple[str, ...], refused: list[RowProblem]) -> None:
    """`errors.csv`. Raises UsageError."""
    try:
        with file.open("w", encoding="utf-8-sig", newline="") as out:  # with a mark, or Excel guesses wrongly
            write_problems(out, header, refused)
    except OSError as error:
        raise UsageError(f"{file}: cannot be written ({error.strerror})") from None


def _agent(settings: Settings, spec: str) -> Agent:
    from bridge.agents.library import load_agent
    from bridge.agents.team import Routing

    found = load_agent(spec or settings.agent)
    return found.otherwise if isinstance(found, Routing) else found


def _forecast(
    settings: Settings, rows: Iterator[Row], rules: Rules, greeting: str, on_problem: Callable[[RowProblem], None]
) -> Forecast:
    """With the do-not-call list, where there is a database that has one."""
    from bridge.store.address import read_address

    path = read_address(settings.database_url, settings.data).path
    if path is not None and not path.is_file():
        return forecast(rows, rules, now=time.time(), greeting=greeting, on_problem=on_problem)

    async def work() -> Forecast:
        async with opened(settings) as db:
            marked = _Marked(rows, db, asyncio.get_running_loop())
            return await asyncio.to_thread(
                lambda: forecast(
                    marked.rows(),
                    rules,
                    now=time.time(),
                    greeting=greeting,
                    do_not_call=lambda phone: phone in marked.listed,
                    on_problem=on_problem,
                )
            )

    return asyncio.run(work())


class _Marked:
    """Rows, of which it is known whether they are on the do-not-call list by the time they are handed out."""

    def __init__(self, rows: Iterator[Row], db: Database, loop: asyncio.AbstractEventLoop) -> None:
        from bridge.store.do_not_call import DoNotCallList

        self.listed: set[str] = set()
        self._rows = rows
        self._list = DoNotCallList(db)
        self._loop = loop

    def rows(self) -> Iterator[Row]:
        while some := list(islice(self._rows, _TOGETHER)):
            phones = [row.number.e164 for row in some if isinstance(row, ImportedRow)]
            asked = asyncio.run_coroutine_threadsafe(self._list.listed(phones), self._loop)
            self.listed.clear()
            self.listed.update(asked.result())
            yield from some
