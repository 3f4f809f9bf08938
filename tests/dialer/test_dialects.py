"""Contact files as twelve other programs write them are read as they are."""

from pathlib import Path

import pytest

from bridge.dialer.importer import ImportedRow, Intake, read_contacts

FILES = Path(__file__).parent / "contacts"
AMERICANS = ["+14155550111", "+13125550112", "+16025550113"]
BERLIN = ["+493023125011", "+493023125012", "+493023125013"]
INTAKE = Intake(frozenset({"US"}), consent="customers")


def rows(name: str, intake: Intake = INTAKE) -> list[ImportedRow]:
    found = list(read_contacts(FILES / name, intake).rows)
    assert all(isinstance(row, ImportedRow) for row in found), found
    return [row for row in found if isinstance(row, ImportedRow)]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("hubspot.csv", [2, 3, 4]),
        ("salesforce.csv", [2, 3, 4]),
        ("excel-de.csv", [2, 3, 4]),
        ("excel-unicode.txt", [2, 3, 4]),
        ("google-sheets.csv", [2, 3, 4]),
        ("numbers.csv", [3, 4, 5]),
        ("retell.csv", [2, 3, 4]),
        ("vapi.csv", [2, 3, 4]),
        ("bland.csv", [2, 3, 4]),
        ("bolna-dograh.csv", [2, 3, 4]),
        ("twilio-console.csv", [2, 3, 4]),
        ("zaza.csv", [3, 4, 5]),
        ("fluents-formant.csv", [2, 3, 4]),
    ],
)
def test_every_row_is_somebody_to_call(name: str, lines: list[int]) -> None:
    german = name == "excel-de.csv"
    found = rows(name, Intake(frozenset({"DE"}), consent="customers") if german else INTAKE)
    assert [row.number.e164 for row in found] == (BERLIN if german else AMERICANS)
    assert [row.line for row in found] == lines
    assert all(row.zones for row in found)


def test_every_file_is_read() -> None:
    assert len(list(FILES.iterdir())) == 13


def test_what_else_stands_in_them_is_understood() -> None:
    ada, alan, _ = rows("hubspot.csv")
    assert (ada.name, ada.external_id, ada.variables["contact_owner"]) == ("Ada Lovelace", "151", "Grace Hopper")
    assert "phone_number" not in ada.variables and alan.variables["first_name"] == "Alan"
    assert [row.variables["account_name"] for row in rows("salesforce.csv")][1:] == [
        'Example "Labs"',
        "Line one\r\nline two",
    ]
    gross, _, soehne = rows("excel-de.csv", Intake(frozenset({"DE"}), consent="customers"))
    assert (gross.name, gross.variables["strasse"], gross.language) == ("Jürgen Groß", "Königsallee 1", "de")
    assert soehne.name == "Müller; Söhne" and gross.variables["betrag"] == "1.234,50"
    assert [row.name for row in rows("excel-unicode.txt")] == ["Łukasz Nowak", "花子 田中", "Tab\tinside"]
    assert rows("google-sheets.csv")[1].timezone == "America/Chicago"
    assert rows("vapi.csv")[1].variables["due_amount"] == "-3.00"
    assert rows("bolna-dograh.csv")[0].variables["initial_greeting"] == "Hello Ada"
    pacific, chicago, _ = rows("fluents-formant.csv")
    assert (pacific.zones, chicago.zones) == (("US/Pacific",), ("America/Chicago",))
    assert pacific.notes == ("14155550111.0 was read as 14155550111", "the + before 14155550111 was missing")


def test_what_was_taken_for_granted_is_said() -> None:
    assert read_contacts(FILES / "numbers.csv", INTAKE).notes == [
        "line 2 names the columns; what stands above it is left out"
    ]
    assert read_contacts(FILES / "excel-de.csv", INTAKE).notes == ["read as cp1252"]
    (note,) = read_contacts(FILES / "hubspot.csv", INTAKE).notes
    assert note.endswith("is called: Phone Number, Mobile Phone Number")
