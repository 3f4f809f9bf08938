"""The first sheet of an Excel workbook as rows of cells. Needs the extra `xlsx`; nobody else imports openpyxl."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from bridge.dialer.table import Raw, checked
from bridge.errors import ContactFileError

LARGEST = 1 << 30
"""Bytes of the unpacked workbook: a small file can hold a very large one."""


def sheet_rows(path: Path) -> Iterator[Raw]:
    """Rows from the top, streamed; the file is closed at the end. Raises ContactFileError when it cannot be opened."""
    try:
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError:
        raise ContactFileError("Excel files need one more package: pip install 'callbridge[xlsx]'") from None
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
        if size > LARGEST:
            raise ContactFileError(f"{path} unpacks to {size:,} bytes; save it as CSV")
        workbook = load_workbook(path, read_only=True, data_only=True)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, InvalidFileException) as error:
        raise ContactFileError(f"{path} cannot be read as an Excel file: {error}") from None

    def rows() -> Iterator[Raw]:
        try:
            for line, row in enumerate(workbook.worksheets[0].iter_rows(values_only=True), 1):
                cells = [_text(value) for value in row]
                if any(cells):
                    yield checked(line, cells)
        finally:
            workbook.close()

    return rows()


def _text(value: object) -> str:
    """A cell as a CSV export writes it. Numbers have no `.0`: a phone number that Excel took for one is whole."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == datetime.min.time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)
