"""A file of numbers and nothing else that matters: who shall never be called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bridge.dialer.columns import columns
from bridge.dialer.table import open_table
from bridge.errors import ContactFileError, NumberRefused
from bridge.numbers import read_number


class NoPhone(NamedTuple):
    """A cell or a row that holds no number."""

    line: int
    why: str
    """`NumberRefused.why`, or no_number."""
    sentence: str


def plain(text: str) -> str:
    """A number as E.164. One that does not exist may be listed all the same, if it can be read at all.

    Raises NumberRefused."""
    try:
        return read_number(text).e164
    except NumberRefused as error:
        bare = "".join(letter for letter in text if letter not in " ().-")
        if error.why == "no_such_number" and bare.startswith("+") and bare[1:].isdecimal():
            return bare
        raise


def read_phones(path: Path) -> Iterator[str | NoPhone]:
    """The numbers of a CSV or XLSX file, in order: every filled cell of every column of numbers.

    Raises ContactFileError when it has no such column.
    """
    rows = open_table(path).rows
    header = next(rows, None)
    found = columns(header.cells) if header is not None else None
    if found is None:
        raise ContactFileError(f"{path}: no column is called phone_number")
    places = found.phones

    def read() -> Iterator[str | NoPhone]:
        for raw in rows:
            cells = [raw.cells[place].strip() for place in places if place < len(raw.cells)]
            for cell in filter(None, cells):
                try:
                    yield plain(cell.removeprefix("'"))  # our own exports have it before the plus
                except NumberRefused as error:
                    yield NoPhone(raw.line, error.why, str(error))
            if not any(cells) and any(cell.strip() for cell in raw.cells):
                yield NoPhone(raw.line, "no_number", "the row has no number")

    return read()
