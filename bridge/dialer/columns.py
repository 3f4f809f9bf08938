"""What a contact file's columns are called, by everybody who writes such files, and what they are here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

_NOT_WORD = re.compile(r"[^a-z0-9]+")
_NUMBERED_PHONE = re.compile(r"(?:phone|phone_number|telephone|mobile|number|contact_number)_?([1-9]|10)(?:_value)?")

PHONES = (
    "phone_number",
    "phone",
    "number",
    "contact_number",
    "to_number",
    "customer_phone",
    "customer_phone_number",
    "customer_number",
    "mobile_phone_number",
    "mobile_phone",
    "mobilephone",
    "mobile_number",
    "mobile",
    "cell_phone",
    "cellphone",
    "cell",
    "telephone",
    "telephone_number",
    "tel",
    "phone_no",
    "contact_phone",
    "lead_phone",
    "recipient_phone_number",
    "primary_phone",
    "work_phone",
    "home_phone",
    "business_phone",
    "msisdn",
    "e164",
    "to",
    "telefonnummer",
    "telefon",
    "rufnummer",
    "mobiltelefon",
    "handy",
    "handynummer",
    "telefono",
    "numero_de_telefono",
    "numero_de_telephone",
    "telephone_portable",
    "telefone",
    "celular",
)
"""In order of preference, where a file has several."""
ALIASES: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "full_name", "contact_name", "customer_name", "lead_name", "recipient_name", "nombre", "nom"),
    "agent": ("agent",),
    "timezone": ("timezone", "time_zone", "tz", "zeitzone"),
    "language": ("language", "lang", "locale", "preferred_language", "sprache"),
    "not_before": ("not_before", "call_after", "earliest_at", "scheduled_at"),
    "external_id": (
        "external_id",
        "externalid",
        "id",
        "record_id",
        "contact_id",
        "customer_id",
        "lead_id",
        "reference_id",
    ),
    "consent_source": ("consent_source", "consent", "opt_in_source", "consent_basis"),
    "consent_at": ("consent_at", "consent_date", "consented_at", "opt_in_date"),
    "priority": ("priority",),
}
IGNORED = frozenset({"_line", "_problem"})
"""What our own errors.csv adds: it may be mended and read again."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a row things stand."""

    header: tuple[str, ...]
    """As the file has it."""
    names: tuple[str, ...]
    """The same, normalised and each once: what `{templates}` call them."""
    phones: tuple[int, ...]
    """The first with a number in it counts."""
    known: Mapping[str, int]
    """Of `ALIASES`, those that are there."""
    notes: tuple[str, ...] = ()
    """Collisions and other things that the owner of the file should hear."""

    def variables(self, cells: Sequence[str]) -> dict[str, str]:
        """Every column but the numbers, by its normalised name; `name` too when it was put together."""
        taken = {name: cells[n].strip() for n, name in enumerate(self.names) if n < len(cells) and name}
        for n in self.phones:
            taken.pop(self.names[n], None)
        if "name" not in taken and (name := self.name(cells)):
            taken["name"] = name
        return taken

    def meanings(self) -> tuple[tuple[str, str], ...]:
        """Each column as the file calls it, and what it is taken for: `phone_number`, one of `ALIASES`, the name of
        a variable in braces, or "" for one that is left out."""
        known = {place: field for field, place in self.known.items()} | dict.fromkeys(self.phones, "phone_number")
        return tuple(
            (cell.strip(), known.get(n, f"{{{name}}}" if name else ""))
            for n, (cell, name) in enumerate(zip(self.header, self.names, strict=True))
        )

    def name(self, cells: Sequence[str]) -> str:
        """What the person is called: the name, or first and last name."""
        if "name" in self.known:
            return self.cell("name", cells)
        parts = (self.names.index(part) for part in ("first_name", "last_name") if part in self.names)
        return " ".join(cells[n].strip() for n in parts if n < len(cells) and cells[n].strip())

    def cell(self, known: str, cells: Sequence[str]) -> str:
        """The cell of a known column, or ""."""
        place = self.known.get(known)
        return cells[place].strip() if place is not None and place < len(cells) else ""


@lru_cache(maxsize=4096)
def normalised(name: str) -> str:
    """`"Téléphone (portable)"` is `telephone_portable`: lower case, no accents, words joined by one underscore."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return _NOT_WORD.sub("_", plain).strip("_") if name.strip() not in IGNORED else ""


def columns(header: Sequence[str]) -> Columns | None:
    """What the cells of a header mean; None when none of them is a phone number's."""
    names, notes = _once(header)
    phones = sorted((rank, n) for n, name in enumerate(names) if (rank := _phone_rank(name)) is not None)
    if not phones:
        return None
    known = {}
    for field, aliases in ALIASES.items():
        places = sorted((aliases.index(name), n) for n, name in enumerate(names) if name in aliases)
        if places:
            known[field] = places[0][1]
    if len(phones) > 1:
        tried = ", ".join(header[n].strip() for _, n in phones)
        notes.append(f"several columns have numbers; the first of these that is filled is called: {tried}")
    return Columns(tuple(header), tuple(names), tuple(n for _, n in phones), known, tuple(notes))


def _phone_rank(name: str) -> int | None:
    if name in PHONES:
        return PHONES.index(name)
    numbered = _NUMBERED_PHONE.fullmatch(name)
    return len(PHONES) + int(numbered[1]) if numbered else None


def _once(header: Sequence[str]) -> tuple[list[str], list[str]]:
    """Normalised names, the second of two equal ones with a number behind it."""
    names: list[str] = []
    notes: list[str] = []
    for n, cell in enumerate(header):
        name, count = normalised(cell), 2
        base = name
        while name and name in names:
            name, count = f"{base}_{count}", count + 1
        if name != base:
            first = header[names.index(base)].strip()
            notes.append(
                f"columns {first!r} and {cell.strip()!r} (number {n + 1}) have one name; {{{name}}} is the second"
            )
        names.append(name)
    return names, notes
