"""Phone numbers: what a text means, whether there is such a number, and whether anybody may dial it.

This is the one gate before a carrier is asked, for a dialled contact and for a caller who is transferred alike. What
hurts most is not a typo but a number that costs: premium rates, satellites, countries of high rates behind a familiar
+1 (the North American plan is 25 countries: 809 and 876 are not in the United States). So a country must be allowed by
name, and kinds that only earn somebody money are refused in every country.

`phonenumbers` knows the numbering plans. It is imported when the first number is looked at: it takes 27 ms, and most
commands never see one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from bridge.errors import NumberRefused, UsageError

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

Kind = Literal[
    "fixed",
    "mobile",
    "fixed_or_mobile",
    "voip",
    "toll_free",
    "premium",
    "shared_cost",
    "uan",
    "personal",
    "pager",
    "voicemail",
    "satellite",
    "worldwide",
]
"""`fixed_or_mobile`: the plan does not tell (North America). `worldwide`: a country code that is no country's."""

_EMERGENCIES = frozenset({"112", "911", "999", "000", "110", "111", "113", "115", "118", "119", "15", "17", "18"})
"""Emergency calls of some country; with a country at hand, its own are asked for."""

LONGEST_TEXT = 64
"""Characters; E.164 has 15 digits, and nobody needs more than this to write them."""

_KINDS: tuple[Kind, ...] = (
    "fixed",
    "mobile",
    "fixed_or_mobile",
    "toll_free",
    "premium",
    "shared_cost",
    "voip",
    "personal",
    "pager",
    "uan",
    "voicemail",
)
"""In the order of phonenumbers' own constants, 0 to 10 (UAN 9 and VOICEMAIL 10 among them)."""
_SATELLITE = frozenset({870, 881, 882, 883})
"""Inmarsat, satellite networks, and "international networks" of which most are satellites: dollars a minute."""
_WRITTEN = re.compile(r"[+]?[\d\s().\-\u2010-\u2015\u2212/'\u00b7]+")
"""Digits (of any script), and what stands between them: brackets, dots, and every dash that a word processor makes."""
_WIDE_PLUS = "\uff0b"
_COSTLY = {
    "premium": "is a premium-rate number; nobody is called at a price of their own making",
    "shared_cost": "is a shared-cost number, which charges the one who calls",
    "uan": "is a company's universal access number, which may charge the one who calls; use a number with a place",
    "personal": "is a personal (follow-me) number, of which nobody knows where it leads and what it costs",
    "pager": "is a pager, which cannot be talked to",
    "voicemail": "is a voicemail access number",
    "satellite": "is a satellite phone, which costs dollars a minute",
    "worldwide": "belongs to no country, so nobody knows where it leads and what it costs",
}


@dataclass(frozen=True, slots=True)
class Number:
    """A number that exists, as the numbering plans have it."""

    e164: str
    country: str
    """ISO 3166 code; "001" for codes that belong to no country."""
    kind: Kind
    zones: tuple[str, ...]
    """Every time zone it may be in; empty when it tells none, as toll-free numbers do."""


def read_number(text: str, *, country: str = "") -> Number:
    """The number that a text means. Whether it may be dialled is another question: `check_number`.

    Args:
        text: E.164 or as people write it, `+1 (415) 555-0123`.
        country: Whose way of writing it is when it does not begin with a +; "" takes nothing without.

    Raises NumberRefused: not_a_number, no_country_code, emergency, short_code, no_such_number.
    """
    import phonenumbers

    written = _plain(text)
    if written is None:
        raise _refused("not_a_number", text, "is not a phone number; write it as +14155550123")
    bare = not written.startswith("+")
    if bare:
        _refuse_short(re.sub(r"\D", "", written), country, text)
    if bare and not country:
        raise _refused("no_country_code", text, "has no country code; write it as +14155550123")
    try:
        parsed = phonenumbers.parse(written, country or None)
    except phonenumbers.NumberParseException:
        raise _refused("not_a_number", text, "is not a phone number; write it as +14155550123") from None
    return _known(parsed, text)


def check_number(
    text: str, countries: frozenset[str] | None, own: Collection[str] = (), *, country: str = ""
) -> Number:
    """A number that may be dialled. An empty `countries` allows none.

    A toll-free number passes, but it has no zones: nobody can be called on it whose zone is not given.

    Args:
        text: As `read_number` takes it.
        countries: ISO codes of the countries that may be called; None: any, where the number is the owner's choice.
        own: Our own numbers, E.164: a call to one of them is answered by ourselves.
        country: As `read_number` takes it.

    Raises NumberRefused: what `read_number` says, what `refuse_kind` says, own_number, country_not_allowed.
    """
    number = read_number(text, country=country)
    refuse_kind(number)
    if number.e164 in own:
        raise _refused("own_number", text, "is our own number; we would talk to ourselves")
    if countries is not None and number.country not in countries:
        sentence = (
            f"is in {number.country}, and only {', '.join(sorted(countries))} may be called; see BRIDGE_COUNTRIES"
            if countries
            else f"is in {number.country}, and no country may be called yet; set BRIDGE_COUNTRIES={number.country}"
        )
        raise _refused("country_not_allowed", text, sentence)
    return number


def refuse_kind(number: Number) -> None:
    """Raises NumberRefused, whose `why` is the kind, for a number that nobody may dial whatever its country."""
    if number.kind in _COSTLY:
        raise _refused(number.kind, number.e164, _COSTLY[number.kind])


def country_codes(codes: Iterable[str]) -> frozenset[str]:
    """Codes of countries, upper case. Raises UsageError, one sentence, for the first that is none."""
    import phonenumbers

    found = frozenset(code.strip().upper() for code in codes if code.strip())
    for code in sorted(found - phonenumbers.SUPPORTED_REGIONS):
        # The one mistake that everybody makes.
        meant = "; write GB" if code == "UK" else "; write two letters, such as US"
        raise UsageError(f"{code[:20]!r} is no country{meant}")
    return found


@lru_cache(maxsize=64)
def one_plan(countries: frozenset[str]) -> str:
    """A country whose way of writing numbers all of these share; "" when they have several country codes."""
    import phonenumbers

    codes = {phonenumbers.country_code_for_region(country) for country in countries}
    if len(codes) != 1:
        return ""
    main = phonenumbers.region_code_for_country_code(codes.pop())
    return main if main in countries else min(countries)


def _plain(text: str) -> str | None:
    """Digits and how people group them; None when there are none, or anything else, letters above all."""
    # Copied numbers carry marks of writing direction that nobody sees.
    seen = "".join(sign for sign in text[: LONGEST_TEXT + 1] if unicodedata.category(sign) != "Cf").strip()
    seen = seen.removeprefix("tel:").replace(_WIDE_PLUS, "+")
    good = len(seen) <= LONGEST_TEXT and _WRITTEN.fullmatch(seen) and any(sign.isdigit() for sign in seen)
    return seen if good else None


def _refuse_short(digits: str, country: str, text: str) -> None:
    if len(digits) > 6:
        return
    if digits in _EMERGENCIES or (country and _is_emergency(digits, country)):
        raise _refused("emergency", text, "is an emergency number; a machine never dials one")
    raise _refused("short_code", text, "is a short code, which works inside one network only")


def _is_emergency(digits: str, country: str) -> bool:
    import phonenumbers

    return bool(phonenumbers.connects_to_emergency_number(digits, country))


def _known(parsed: PhoneNumber, text: str) -> Number:
    import phonenumbers

    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    code, national = parsed.country_code or 0, str(parsed.national_number)
    if code in _SATELLITE:
        return Number(e164, "001", "satellite", ())
    kind = phonenumbers.number_type(parsed)
    country = phonenumbers.region_code_for_number(parsed)
    if kind == phonenumbers.PhoneNumberType.UNKNOWN or country is None:
        if len(national) <= 6 and _is_emergency(national, phonenumbers.region_code_for_country_code(code)):
            raise _refused("emergency", text, "is an emergency number; a machine never dials one")
        raise _refused("no_such_number", text, "does not exist: its country has no numbers like it")
    if country == "001" and _KINDS[kind] not in ("premium", "shared_cost"):
        return Number(e164, country, "worldwide", ())
    return Number(e164, country, _KINDS[kind], _zones(parsed, _KINDS[kind]))


def _zones(parsed: PhoneNumber, kind: Kind) -> tuple[str, ...]:
    """Where it may be: what its first digits say, or all of its country when it has no place."""
    from phonenumbers import timezone

    if kind == "toll_free":
        return ()  # it would be every zone from Guam to Bermuda
    # A mobile number is of a place in some countries only, which the other function knows.
    placed = kind in ("fixed", "fixed_or_mobile")
    found = (timezone.time_zones_for_geographical_number if placed else timezone.time_zones_for_number)(parsed)
    return () if "Etc/Unknown" in found else tuple(found)


def _refused(why: str, text: str, sentence: str) -> NumberRefused:
    shown = text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "..."
    return NumberRefused(f"{shown!r} {sentence}", why=why)
