"""From a contact file to people who may be called: every row is accepted, or refused with its line and one sentence.

Nothing is guessed in silence. What Excel does to phone numbers is repaired where only one reading is possible (a lost
plus, `.0` behind it, an apostrophe before it) and said so in `notes`; where digits are gone (1.4155E+10) the row is
refused. The rest is `table` (cells), `columns` (what they mean) and `bridge.numbers` (who may be dialled).

    file = read_contacts(path, Intake(countries=settings.countries))
    for row in file.rows: ...        # ImportedRow | RowProblem, in the order of the file, streamed
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from bridge.dialer import template
from bridge.dialer.columns import Columns, columns
from bridge.dialer.seen import Seen
from bridge.dialer.table import Raw, open_table
from bridge.errors import ContactFileError, NumberRefused
from bridge.numbers import Number, check_number, one_plan

_HEADER_WITHIN = 5
"""Rows; some programs write a title over the table."""
_FORMULA_TEXT = re.compile(r'="(.*)"')
_SCIENTIFIC = re.compile(r"\+?\d+([.,]\d+)?[eE]\+?\d+")
_FLOAT = re.compile(r"(\d+)\.0+")
_VAGUE = frozenset({"no_country_code", "no_such_number", "not_a_number"})
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_LONGEST = {"name": 200, "agent": 200, "external_id": 200, "consent_source": 500, "consent_at": 64}


@dataclass(frozen=True, slots=True)
class Intake:
    """What is asked of every row."""

    countries: frozenset[str]
    """That may be called; empty: none, so every row is refused."""
    own: Collection[str] = ()
    """Our own numbers, E.164."""
    country: str = ""
    """Whose way of writing numbers have that begin with no plus; "": that of `countries` when they share one."""
    consent: str = ""
    """On what ground all of them may be called; "": every row must say its own."""
    priority: int = 5
    texts: tuple[str, ...] = ()
    """Greeting and voicemail text: who lacks a variable that they name is not called."""
    given: frozenset[str] = frozenset()
    """Variables that come from elsewhere."""


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """Somebody who may be called."""

    line: int
    number: Number
    zones: tuple[str, ...]
    """The row's own, or the number's; never empty."""
    name: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    agent: str = ""
    timezone: str = ""
    language: str = ""
    external_id: str = ""
    priority: int = 5
    not_before: float = 0.0
    """Epoch seconds; 0: at once."""
    consent_source: str = ""
    consent_at: str = ""
    notes: tuple[str, ...] = ()
    """What was repaired."""
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that is not taken."""

    line: int
    column: str
    """The header of the cell at fault; "" for the whole row."""
    text: str
    """That cell, cut to 80 characters."""
    why: str
    """One word: of `NumberRefused.why`, or row, no_number, excel_number, ambiguous, duplicate, no_zone, timezone,
    priority, not_before, language, too_long, no_consent, variable."""
    sentence: str
    cells: tuple[str, ...] = ()


@dataclass(slots=True)
class ContactFile:
    """A file that is being read."""

    columns: Columns
    rows: Iterator[ImportedRow | RowProblem]
    notes: list[str]


class _Wrong(Exception):
    """A row's fault, on its way to its RowProblem."""

    def __init__(self, column: str, why: str, sentence: str) -> None:
        super().__init__(sentence)
        self.column, self.why, self.sentence = column, why, sentence


def read_contacts(path: Path, intake: Intake) -> ContactFile:
    """Open a contact file. Raises ContactFileError when it is none; everything later is a row's own problem."""
    table = open_table(path)
    above: list[str] = []
    for raw in islice(table.rows, _HEADER_WITHIN):
        found = columns(raw.cells)
        if found is not None:
            notes = [*table.notes, *found.notes]
            notes += [f"line {raw.line} names the columns; what stands above it is left out"] if above else []
            return ContactFile(found, _Reader(found, intake).read(table.rows), notes)
        above.append(", ".join(cell.strip() for cell in raw.cells if cell.strip())[:120])
    first = above[0] if above else ""
    raise ContactFileError(
        f"{path}: no column is called phone_number; the first line, which must name them, is: {first}"
    )


class _Reader:
    """Reads the rows of one file."""

    def __init__(self, found: Columns, intake: Intake) -> None:
        self._columns = found
        self._intake = intake
        self._country = intake.country or one_plan(intake.countries)
        self._needed = template.names(*intake.texts) - intake.given - template.ALWAYS
        self._seen = Seen()

    def read(self, rows: Iterator[Raw]) -> Iterator[ImportedRow | RowProblem]:
        for raw in rows:
            if not any(cell.strip() for cell in raw.cells) and not raw.wrong:
                continue
            try:
                yield self._row(raw)
            except _Wrong as wrong:
                cell = self._text(wrong.column, raw.cells)
                yield RowProblem(raw.line, wrong.column, cell[:80], wrong.why, wrong.sentence, raw.cells)

    def _text(self, column: str, cells: tuple[str, ...]) -> str:
        header = self._columns.header
        place = header.index(column) if column in header else len(cells)
        return cells[place] if place < len(cells) else ""

    def _row(self, raw: Raw) -> ImportedRow:
        if raw.wrong:
            raise _Wrong("", "row", raw.wrong)
        if any(cell.strip() for cell in raw.cells[len(self._columns.header) :]):
            raise _Wrong("", "row", "the row has more cells than the header names; is a comma in it without quotes?")
        column, number, notes = self._number(raw.cells)
        timezone = self._timezone(raw.cells)
        zones = (timezone,) if timezone else number.zones
        if not zones:
            raise _Wrong(column, "no_zone", "the number does not tell its time zone; add a column timezone")
        texts = {name: self._limited(name, raw.cells) for name in _LONGEST if name != "name"}
        if not texts["consent_source"] and not self._intake.consent:
            raise _Wrong("", "no_consent", "nothing says that they may be called; add a column consent_source")
        variables = self._columns.variables(raw.cells)
        for name in self._needed:
            if not variables.get(name):
                raise _Wrong(
                    self._titled(name), "variable", f"the greeting or message needs {{{name}}}; the row has none"
                )
        row = ImportedRow(
            line=raw.line,
            number=number,
            zones=zones,
            name=self._columns.name(raw.cells)[: _LONGEST["name"]],
            variables=variables,
            timezone=timezone,
            language=self._language(raw.cells),
            priority=self._priority(raw.cells),
            not_before=self._not_before(raw.cells, zones),
            notes=notes,
            cells=raw.cells,
            **texts,
        )
        # Last, so that a refused row does not make its good twin a duplicate.
        first = self._seen.add(int(number.e164[1:]), raw.line)
        if first:
            raise _Wrong(column, "duplicate", f"the same number as line {first}")
        return row

    def _number(self, cells: tuple[str, ...]) -> tuple[str, Number, tuple[str, ...]]:
        """The first filled of the columns for numbers that may be called, else what is wrong with the first filled."""
        wrong: _Wrong | None = None
        for place in self._columns.phones:
            text = cells[place].strip() if place < len(cells) else ""
            if not text:
                continue
            column = self._columns.header[place]
            try:
                number, notes = self._repaired(text, column)
            except NumberRefused as refused:
                wrong = wrong or _Wrong(column, refused.why, str(refused))
            except _Wrong as other:
                wrong = wrong or other
            else:
                return column, number, notes
        column = self._columns.header[self._columns.phones[0]]
        raise wrong or _Wrong(column, "no_number", "the row has no phone number")

    def _repaired(self, text: str, column: str) -> tuple[Number, tuple[str, ...]]:
        plain, notes = text, []
        if formula := _FORMULA_TEXT.fullmatch(plain):
            plain = formula[1].strip()
        plain = plain.lstrip("'\u2019`").strip()
        if _SCIENTIFIC.fullmatch(plain):
            sentence = "Excel has rounded this number and its digits are lost; format the column as text, export again"
            raise _Wrong(column, "excel_number", sentence)
        if whole := _FLOAT.fullmatch(plain):
            plain = whole[1]
            notes.append(f"{text} was read as {plain}")
        if plain.startswith("00"):
            plain = "+" + plain[2:]
        if plain.startswith("+") or not plain.isdigit():
            return self._checked(plain), tuple(notes)
        number, how = self._without_plus(plain, column)
        return number, (*notes, *how)

    def _without_plus(self, digits: str, column: str) -> tuple[Number, list[str]]:
        """Digits alone: written as in their country, or with a plus that Excel took away. Never both."""
        readings: dict[str, tuple[Number, list[str]]] = {}
        refusals: list[NumberRefused] = []
        for text in (digits, "+" + digits):
            try:
                number = self._checked(text)
            except NumberRefused as refused:
                refusals.append(refused)
                if refused.why in ("short_code", "emergency"):
                    break  # with a plus before it, it would be a typo and nothing else
            else:
                told = [] if number.e164[1:] != digits else [f"the + before {digits} was missing"]
                readings.setdefault(number.e164, (number, told))
        if len(readings) > 1:
            raise _Wrong(column, "ambiguous", f"this can be {' or '.join(readings)}; write the one that is meant")
        if readings:
            return next(iter(readings.values()))
        # Of a number of a country that may not be called that is said, and not that it is no number of ours.
        raise next((refused for refused in refusals if refused.why not in _VAGUE), refusals[0])

    def _checked(self, text: str) -> Number:
        return check_number(text, self._intake.countries, self._intake.own, country=self._country)

    def _timezone(self, cells: tuple[str, ...]) -> str:
        text = self._columns.cell("timezone", cells)
        if not text:
            return ""
        found = _zone_names().get(text.lower().replace(" ", "_"))
        if found is None:
            raise self._wrong("timezone", f"{text[:40]!r} is no time zone; write it as America/Chicago")
        return found

    def _language(self, cells: tuple[str, ...]) -> str:
        text = self._columns.cell("language", cells)
        if len(text) > 35 or (text and not _LANGUAGE.fullmatch(text) and not text.isalpha()):
            raise self._wrong("language", f"{text[:40]!r} is no language; write it as en or en-US")
        return text.replace("_", "-")

    def _priority(self, cells: tuple[str, ...]) -> int:
        text = self._columns.cell("priority", cells)
        if not text:
            return self._intake.priority
        if not (text.isascii() and text.isdigit() and len(text) == 1):
            raise self._wrong("priority", f"{text[:40]!r} is no priority; write 0 to 9, 9 is called first")
        return int(text)

    def _not_before(self, cells: tuple[str, ...], zones: tuple[str, ...]) -> float:
        text = self._columns.cell("not_before", cells)
        if not text:
            return 0.0
        try:
            moment = datetime.fromisoformat(text)
            # The person's own clock; where it may be one of several, the last that shows it.
            clocks = [moment.tzinfo] if moment.tzinfo is not None else [ZoneInfo(zone) for zone in zones]
            at = max(moment.replace(tzinfo=clock).timestamp() for clock in clocks)
        except (ValueError, OverflowError, OSError):
            at = -1.0
        if at < 0:  # the year 1 is a spreadsheet's way to write nothing
            sentence = f"{text[:40]!r} is no time; write it as 2026-12-01 14:00"
            raise self._wrong("not_before", sentence)
        return at

    def _limited(self, name: str, cells: tuple[str, ...]) -> str:
        text = self._columns.cell(name, cells)
        if len(text) > _LONGEST[name]:
            raise _Wrong(self._header(name), "too_long", f"{name} has more than {_LONGEST[name]} characters")
        return text

    def _titled(self, name: str) -> str:
        names = self._columns.names
        return self._columns.header[names.index(name)] if name in names else ""

    def _wrong(self, name: str, sentence: str) -> _Wrong:
        return _Wrong(self._header(name), name, sentence)

    def _header(self, name: str) -> str:
        return self._columns.header[self._columns.known[name]]


@lru_cache(maxsize=1)
def _zone_names() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones() if name not in ("localtime", "Factory")}
