"""Each row of a contact file is accepted or refused by line, whatever is in it, and a million rows need no memory."""

import csv
import io
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.dialer.columns import columns, normalised
from bridge.dialer.export import safe_cell, write_csv, write_problems
from bridge.dialer.importer import ImportedRow, Intake, RowProblem, read_contacts
from bridge.dialer.seen import Seen
from bridge.dialer.table import LONGEST_CELL
from bridge.dialer.template import names, render
from bridge.errors import ContactFileError

INTAKE = Intake(frozenset({"US", "CA"}), own=("+14155550100",), consent="customers")
MILLION = """
import resource, sys
from pathlib import Path
from bridge.dialer.seen import Seen
from bridge.dialer.table import open_table
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, seen, count = peak(), Seen(), 0
for raw in open_table(Path(sys.argv[1])).rows:
    count += 1
    if count > 1 and seen.add(int(raw.cells[0]), raw.line):
        raise SystemExit("seen before")
print(count, peak() - before)
"""
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]


def read(folder: Path, text: str | bytes, intake: Intake = INTAKE) -> list[ImportedRow | RowProblem]:
    file = folder / "contacts.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_contacts(file, intake).rows)


def only(found: list[ImportedRow | RowProblem]) -> ImportedRow:
    (row,) = found
    assert isinstance(row, ImportedRow), row
    return row


def problem(found: list[ImportedRow | RowProblem]) -> RowProblem:
    (row,) = found
    assert isinstance(row, RowProblem), row
    assert row.sentence and "\n" not in row.sentence and len(row.text) <= 80
    return row


@pytest.mark.parametrize(
    ("cell", "number", "note"),
    [
        ("+14155550123", "+14155550123", None),
        ("'+14155550123", "+14155550123", None),
        ('"=""+14155550123"""', "+14155550123", None),
        ("0014155550123", "+14155550123", None),
        ("(415) 555-0123", "+14155550123", None),
        ("4155550123", "+14155550123", "the + before"),
        ("14155550123", "+14155550123", "the + before"),
        ("14155550123.0", "+14155550123", "was read as"),
        ("tel:+1-415-555-0123", "+14155550123", None),
    ],
)
def test_a_number_that_can_be_one_thing_only_is_that(tmp_path: Path, cell: str, number: str, note: str | None) -> None:
    row = only(read(tmp_path, f"phone\n{cell}\n"))
    assert row.number.e164 == number
    if note == "was read as" or cell == "14155550123":
        assert any(note in told for told in row.notes if note)


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("1.4155E+10", "excel_number"),
        ("1,4155E+10", "excel_number"),
        ("=1+1", "not_a_number"),
        ("=HYPERLINK(1)", "not_a_number"),
        ("@SUM(1)", "not_a_number"),
        ("-", "not_a_number"),
        ("n/a", "not_a_number"),
        ("911", "emergency"),
        ("12345", "short_code"),
        ("442079460123", "country_not_allowed"),
        ("+18765550123", "country_not_allowed"),
        ("+19005550123", "premium"),
        ("5550123", "no_such_number"),
        ("+14155550100", "own_number"),
        ("+18005550199", "no_zone"),
    ],
)
def test_a_number_that_is_none_is_refused_by_name(tmp_path: Path, cell: str, why: str) -> None:
    found = problem(read(tmp_path, f"name,phone\nAda,{cell if ',' not in cell else chr(34) + cell + chr(34)}\n"))
    assert (found.why, found.line, found.column, found.text) == (why, 2, "phone", cell)
    assert found.cells == ("Ada", cell)


def test_a_number_that_can_be_two_things_is_not_guessed(tmp_path: Path) -> None:
    # A number of Germany, or of the United States with its plus lost.
    both = Intake(frozenset({"US", "DE"}), country="DE", consent="x")
    found = problem(read(tmp_path, "phone\n15125550112\n", both))
    assert found.why == "ambiguous" and "+4915125550112 or +15125550112" in found.sentence


def test_the_rows_own_words(tmp_path: Path) -> None:
    header = "phone,agent,Time Zone,language,priority,not_before,external id,consent source,consent_at,Plan"
    cells = "+18005550199,sales,america/new york,en_US,9,2026-12-01 14:00,77,web form,2026-01-02,gold"
    row = only(read(tmp_path, f"{header}\n{cells}\n", Intake(frozenset({"US"}))))
    assert (row.agent, row.timezone, row.zones) == ("sales", "America/New_York", ("America/New_York",))
    assert (row.language, row.priority, row.external_id, row.consent_source, row.consent_at) == (
        "en-US",
        9,
        "77",
        "web form",
        "2026-01-02",
    )
    assert row.not_before == 1796151600.0  # 14:00 in New York is 19:00 UTC
    assert row.variables["plan"] == "gold"


@pytest.mark.parametrize(
    ("column", "cell", "why"),
    [
        ("timezone", "Pacific Time (US & Canada)", "timezone"),
        ("timezone", "../../etc/passwd", "timezone"),
        ("priority", "10", "priority"),
        ("priority", "high", "priority"),
        ("not_before", "tomorrow", "not_before"),
        ("not_before", "0001-01-01", "not_before"),
        ("language", "en-US; DROP", "language"),
        ("external_id", "x" * 201, "too_long"),
        ("agent", "x" * 201, "too_long"),
    ],
)
def test_a_word_that_cannot_be_used_names_its_column(tmp_path: Path, column: str, cell: str, why: str) -> None:
    found = problem(read(tmp_path, f"phone,{column}\n+14155550123,{cell}\n"))
    assert (found.why, found.column) == (why, column)


def test_nobody_is_imported_without_a_ground_to_call_them(tmp_path: Path) -> None:
    text = "phone,consent_source\n+14155550123,\n+13125550112,web form\n"
    first, second = read(tmp_path, text, Intake(frozenset({"US"})))
    assert isinstance(first, RowProblem) and first.why == "no_consent"
    assert isinstance(second, ImportedRow)


def test_a_missing_variable_is_found_before_anybody_is_called(tmp_path: Path) -> None:
    intake = Intake(
        frozenset({"US"}),
        consent="x",
        texts=("Hello {first_name}, this is {company} for {to_number}.", "Call {{Desk Number}}."),
        given=frozenset({"company"}),
    )
    text = "phone,First Name,Desk Number\n+14155550123,Ada,5\n+13125550112, ,5\n"
    first, second = read(tmp_path, text, intake)
    assert isinstance(first, ImportedRow)
    assert isinstance(second, RowProblem) and (second.why, second.column) == ("variable", "First Name")
    found = problem(read(tmp_path, "phone,First Name\n+14155550123,Ada\n", intake))
    assert found.why == "variable" and "{desk_number}" in found.sentence


def test_the_same_number_twice_is_called_once(tmp_path: Path) -> None:
    text = "phone\n+14155550123\nbad\n\n(415) 555-0123\n 14155550123\n"
    good, bad, again, third = read(tmp_path, text)
    assert isinstance(good, ImportedRow) and isinstance(bad, RowProblem)
    for row in (again, third):
        assert isinstance(row, RowProblem) and (row.why, row.sentence) == ("duplicate", "the same number as line 2")
    assert [row.line for row in (good, bad, again, third)] == [2, 3, 5, 6]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_encoding_and_delimiter(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = "Téléphone|Prénom|Ville\r\n+14155550123|Zoë|Orléans\r\n".replace("|", delimiter)
    row = only(read(tmp_path, text.encode(encoding)))
    assert row.variables == {"prenom": "Zoë", "ville": "Orléans"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_end_of_a_line(tmp_path: Path, end: str) -> None:
    found = read(tmp_path, end.join(["phone,note", '+14155550123,"two', 'lines"', "", "+13125550112,x", ""]))
    assert [row.line for row in found] == [2, 5]


def test_a_file_that_was_made_to_break_a_reader_is_refused_by_line(tmp_path: Path) -> None:
    big = "x" * 1_000_000
    rows = [
        "phone,note",
        f"+14155550123,{big}",
        f'+14155550123,"{big}"',
        "+14155550123,\0",
        "+14155550123,a,b,c",
        f"+14155550123,{'y' * (LONGEST_CELL + 1)}",
        "x," * 2000,
        " , ",
        "," * 2000,
        "+14155550123,fine",
    ]
    found = read(tmp_path, "\n".join(rows))
    assert [row.line for row in found] == [2, 3, 4, 5, 6, 7, 10]
    assert all(isinstance(row, RowProblem) and row.why == "row" for row in found[:-1])
    assert isinstance(found[-1], ImportedRow)


def test_a_quotation_mark_that_never_ends_costs_no_memory_and_not_the_file(tmp_path: Path) -> None:
    lines = ["phone,note", '+14155550123,"never closed', *(f"+1312555{n:04}," for n in range(100, 110))]
    many = "\n".join([*lines, *["filler," * 20] * 2000, "+16025550113,x"])
    found = read(tmp_path, many)
    assert isinstance(found[0], RowProblem)
    assert isinstance(found[-1], ImportedRow) and found[-1].number.e164 == "+16025550113"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\n\n", "is empty"),
        (b"name,city\nAda,London\n", "no column is called phone_number"),
        (b"+14155550123\n+13125550112\n", "no column is called phone_number"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "of the old kind"),
        (b"PK\x03\x04" + bytes(600), "cannot be read as an Excel file"),
        (bytes(range(256)) * 4, "no column is called"),
    ],
)
def test_what_is_no_contact_file_is_said_in_a_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(ContactFileError, match=says):
        read(tmp_path, content)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ContactFileError, match="No such file"):
        read_contacts(tmp_path / "none.csv", INTAKE)


def test_an_excel_workbook(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["Phone", "Name", "Amount", "When"])
    book.active.append([14155550123, "Ada", 12.5, None])
    book.active.append([None, None, None, None])
    book.active.append(["+13125550112", "Alan", 3.0, "noon"])
    book.save(tmp_path / "list.xlsx")
    file = read_contacts(tmp_path / "list.xlsx", INTAKE)
    ada, alan = file.rows
    assert isinstance(ada, ImportedRow) and isinstance(alan, ImportedRow)
    assert (ada.number.e164, ada.line, ada.variables["amount"]) == ("+14155550123", 2, "12.5")
    assert (alan.number.e164, alan.line, alan.variables["amount"]) == ("+13125550112", 4, "3")
    assert file.notes == ["read as an Excel workbook, its first sheet"]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_rows_problems_or_a_refused_file(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    for whole in (content, b"phone_number,name\n" + content):
        try:
            found = read(folder, whole)
        except ContactFileError as error:
            assert "\n" not in str(error)
        else:
            assert all(row.line > 0 for row in found)


def test_names_of_columns() -> None:
    assert normalised("  Téléphone (Portable) ") == "telephone_portable"
    found = columns(["Name", "name", "NAME ", "Phone", "Phone 10", "first.name", ""])
    assert found is not None
    assert found.names == ("name", "name_2", "name_3", "phone", "phone_10", "first_name", "")
    assert [found.header[n] for n in found.phones] == ["Phone", "Phone 10"]
    assert len(found.notes) == 3
    assert columns(["name", "city"]) is None


def test_templates() -> None:
    text = "Hi {first_name}, {{ First Name }}! {x {} {{}} {City}"
    assert names(text) == {"first_name", "city"}
    assert render(text, {"first_name": "Ada {city}"}) == "Hi Ada {city}, Ada {city}! {x {} {{}} {city}"


def test_no_cell_of_an_export_is_a_formula() -> None:
    for start in ("=", "+", "-", "@", "\t", "\r", "\n", " =", "\u00a0=", "\ufeff=", "|", "%"):
        assert safe_cell(start + "cmd|' /C calc'!A0").startswith("'")
    assert [safe_cell(value) for value in (None, -1.5, 3, "plain", "a=b", "it's")] == [
        "",
        "-1.5",
        "3",
        "plain",
        "a=b",
        "it's",
    ]


@settings(max_examples=200)
@given(st.lists(st.lists(st.text(max_size=20), min_size=2, max_size=2), max_size=5))
def test_an_export_reads_back_and_holds_no_formula(rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    assert write_csv(out, ["a", "=b"], rows) == len(rows)
    out.seek(0)
    found = list(csv.reader(out))
    assert len(found) == len(rows) + 1
    assert not [cell for row in found for cell in row if cell[:1] in tuple("=+-@\t\r\n")]


def test_errors_csv_is_mended_and_imported_again(tmp_path: Path) -> None:
    text = "phone,First Name\n555,=Ada\n+14155550123,Alan\n+19005550123,Edsger,more\n"
    file = tmp_path / "list.csv"
    file.write_text(text)
    contacts = read_contacts(file, INTAKE)
    problems = [row for row in contacts.rows if isinstance(row, RowProblem)]
    errors = tmp_path / "errors.csv"
    with errors.open("w", newline="", encoding="utf-8") as out:
        assert write_problems(out, contacts.columns.header, problems) == 2
    written = list(csv.reader(errors.read_text().splitlines()))
    assert written[0] == ["phone", "First Name", "_line", "_problem"]
    assert written[1][:3] == ["555", "'=Ada", "2"] and "short code" in written[1][3]
    assert written[2][:3] == ["'+19005550123", "Edsger more", "4"]
    mended = errors.read_text().replace("'+19005550123", "'+13125550112")
    _, again = read(tmp_path, mended)
    assert isinstance(again, ImportedRow) and again.variables["first_name"] == "Edsger more"


def test_numbers_that_were_seen() -> None:
    seen, chance = Seen(), random.Random(4)
    known: dict[int, int] = {}
    for line in range(1, 40_000):
        number = chance.choice([14155550000 + chance.randrange(20_000), chance.randrange(1, 10**15)])
        assert seen.add(number, line) == known.get(number, 0)
        known.setdefault(number, line)
    assert len(known) > 20_000


def test_a_million_rows_need_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "million.csv"
    with file.open("w") as out:
        out.write("phone,name\n")
        out.writelines(f"1415{n:07},Name {n}\n" for n in range(1_000_000))
    # In a process of its own: what others needed before would hide it.
    ran = subprocess.run([sys.executable, "-c", MILLION, str(file)], capture_output=True, text=True, check=True)
    count, mib = ran.stdout.split()
    assert int(count) == 1_000_001
    assert float(mib) < 50


def test_ten_thousand_rows_are_read_in_well_under_two_seconds_of_work(tmp_path: Path) -> None:
    areas = (212, 415, 312, 602, 808)
    lines: list[Any] = [f"+1{areas[n % 5]}555{n % 10000:04},Name {n}" for n in range(10_000)]
    begun = time.process_time()
    found = read(tmp_path, "phone,name\n" + "\n".join(lines))
    assert len(found) == 10_000
    assert time.process_time() - begun < 2.0
