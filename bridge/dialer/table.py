"""A contact file as rows of cells, whoever wrote it: encodings, delimiters, and files that were made to break a reader.

UTF-8, UTF-16 of both byte orders with or without a mark, and what Windows wrote before (cp1252); commas, semicolons,
tabs and bars, or what a first line `sep=;` says. The file is read from beginning to end twice (once to know its
encoding) and never kept: a million rows need no more memory than ten.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from bridge.errors import ContactFileError

LONGEST_LINE = 262_144
"""Characters; a row of a contact list has some hundred."""
LONGEST_CELL = 10_000
MOST_CELLS = 500
_DELIMITERS = (",", ";", "\t", "|")
_BLOCK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class Raw:
    """One row as it stands in the file."""

    line: int
    """The line it begins on; the first is 1."""
    cells: tuple[str, ...]
    wrong: str = ""
    """One sentence, when it cannot be used; `cells` are then what could be read of it."""


@dataclass(slots=True)
class Table:
    """An open file: rows, and what was noticed while it was opened."""

    rows: Iterator[Raw]
    notes: list[str] = field(default_factory=list)
    """What was taken for granted, one sentence each."""


def open_table(path: Path) -> Table:
    """The rows of a CSV or XLSX file, with its header among them. The file is closed when they are read to the end.

    Raises ContactFileError: it is not there, is empty or is of another kind.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise ContactFileError(f"{path}: {error.strerror or error}") from None
    start = file.read(4096)
    if start.startswith(_ZIP):
        from bridge.dialer.spreadsheet import sheet_rows

        file.close()
        return Table(sheet_rows(path), ["read as an Excel workbook, its first sheet"])
    if start.startswith(_OLD_EXCEL):
        file.close()
        raise ContactFileError(f"{path}: this is an Excel file of the old kind; save it as CSV or .xlsx")
    encoding = _encoding(file, start)
    rows = _rows(file, encoding)
    first = next(rows, None)
    if first is None:
        raise ContactFileError(f"{path} is empty; its first line must name the columns")
    notes = [] if encoding in ("utf-8", "utf-8-sig") else [f"read as {encoding}"]
    return Table(_with(first, rows), notes)


def _with(first: Raw, rows: Iterator[Raw]) -> Iterator[Raw]:
    yield first
    yield from rows


def _encoding(file: BinaryIO, start: bytes) -> str:
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    if len(start) > 1 and b"\0" in (start[:1], start[1:2]) and start.count(0) > len(start) // 4:
        return "utf-16-le" if start[1] == 0 else "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while block := file.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


class _Lines:
    """The lines of a file, none of them longer than it may be; what was cut off is known."""

    def __init__(self, text: TextIOWrapper) -> None:
        self._text = text
        self.number = 0
        self.cut = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            self.cut = True
            while (rest := self._text.readline(LONGEST_LINE)) and not rest.endswith("\n"):
                pass
            # Not what is left of it: an open quotation mark would swallow the next rows.
            return "\n"
        return line


def _rows(file: BinaryIO, encoding: str) -> Iterator[Raw]:
    file.seek(0)
    # newline="" leaves the ends of lines to csv, as it asks; "replace": cp1252 has five bytes that mean nothing.
    with closing(file), TextIOWrapper(file, encoding, errors="replace", newline="") as text:
        first = text.readline(LONGEST_LINE)
        named = first.strip().lower().startswith("sep=") and len(first.strip()) <= 5
        top = [first, *(text.readline(LONGEST_LINE) for _ in range(4))]
        delimiter = (first.strip()[4:] or "\t") if named else _delimiter(top)
        text.seek(0)
        lines = _Lines(text)
        if named:
            next(lines)
        yield from _parsed(lines, delimiter)


def _parsed(lines: _Lines, delimiter: str) -> Iterator[Raw]:
    reader = csv.reader(lines, delimiter=delimiter, strict=False)
    while True:
        line = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Raw(line, (), f"a cell has more than {csv.field_size_limit():,} characters")
            continue
        if lines.cut:
            lines.cut = False
            yield Raw(line, (), f"the line has more than {LONGEST_LINE:,} characters")
        elif any(cells):
            yield checked(line, cells)


def checked(line: int, cells: list[str]) -> Raw:
    """A row, with a sentence when no contact list has such a one."""
    wrong = ""
    if len(cells) > MOST_CELLS:
        cells, wrong = cells[:MOST_CELLS], f"the row has more than {MOST_CELLS} cells"
    for n, cell in enumerate(cells):
        if len(cell) > LONGEST_CELL:
            cells[n], wrong = cell[:200], f"cell {n + 1} has more than {LONGEST_CELL:,} characters"
        elif "\0" in cell:
            cells[n], wrong = cell.replace("\0", ""), f"cell {n + 1} has a NUL character; the file is damaged"
    return Raw(line, tuple(cells), wrong)


def _delimiter(top: list[str]) -> str:
    """What stands most often between the names of the columns, quoted ones left out; a title has nothing between."""
    for line in top:
        bare = "".join(part for n, part in enumerate(line.split('"')) if n % 2 == 0)
        most = max(_DELIMITERS, key=bare.count)
        if bare.count(most):
            return most
    return ","
