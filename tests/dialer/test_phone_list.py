"""Files of numbers that shall never be called: whatever program wrote them, and whatever stands between the numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.dialer.phone_list import NoPhone, read_phones
from bridge.errors import ContactFileError


def test_every_number_of_every_column_of_numbers_is_read_and_the_rest_is_told_by_line(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(
        "name,phone_number,mobile phone\r\n"
        "Ada,+1 415 555 0140,+14155550141\r\n"
        "Grace,'+14155550142,\r\n"  # as our own exports have it, so that no spreadsheet calculates
        "Eve,nobody,\r\n"
        "Bob,,\r\n"
        ",,\r\n"
        "Joan,+1 (999) 555-0143,\r\n"  # no such number; it may be listed all the same
    )
    found = list(read_phones(file))
    phones = [one for one in found if isinstance(one, str)]
    refused = [(one.line, one.why) for one in found if isinstance(one, NoPhone)]
    assert phones == ["+14155550140", "+14155550141", "+14155550142", "+19995550143"]
    assert refused[-1] == (5, "no_number") and refused[0][0] == 4 and len(refused) == 2


def test_a_file_without_a_column_of_numbers_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("name,town\r\nAda,London\r\n")
    with pytest.raises(ContactFileError, match="no column is called phone_number"):
        read_phones(file)
