"""CSV for people: what a spreadsheet would take for a formula is text, and stays text.

A name in a contact file can be `=HYPERLINK(...)`, and whoever opens the report runs it. So every text that begins like
a formula gets an apostrophe before it, phone numbers too (a + is a formula); our importer takes it off again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from bridge.dialer.importer import RowProblem

_FORMULA = ("=", "+", "-", "@", "|", "%", "\t", "\r", "\n")
_UNSEEN = " \u00a0\u200b\ufeff"
"""Some spreadsheets leave these out before they look."""


def safe_cell(value: object) -> str:
    """One cell. Numbers that are numbers (-1.5) stay what they are; None is empty."""
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return str(value)
    text = str(value).replace("\0", "")
    return "'" + text if text.lstrip(_UNSEEN).startswith(_FORMULA) else text


def write_csv(out: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Write a table, lines ended as RFC 4180 wants them (open the file with newline=""); how many rows it had."""
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([safe_cell(name) for name in header])
    count = 0
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
        count += 1
    return count


def write_problems(out: TextIO, header: Sequence[str], problems: Iterable[RowProblem]) -> int:
    """`errors.csv`: the rows as they came, with line and reason behind. Mended, it can be imported as it is."""
    width = len(header)

    def rows() -> Iterable[Sequence[object]]:
        for problem in problems:
            cells = [*problem.cells[:width], *[""] * (width - len(problem.cells))]
            # What a row had beyond the header would stand under our own columns.
            cells[-1] = " ".join([cells[-1], *problem.cells[width:]]) if len(problem.cells) > width else cells[-1]
            yield [*cells, problem.line, problem.sentence]

    return write_csv(out, [*header, "_line", "_problem"], rows())
