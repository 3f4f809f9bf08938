"""How the values of a campaign's rules are written, and the sentence for what is written wrongly.

A value may come from a TOML or JSON file or as text from a command line; each reader takes both.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from bridge import numbers
from bridge.dialer.windows import DAYS, Window
from bridge.errors import UsageError

_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")
_CALLER_ID = re.compile(r"\+[1-9]\d{6,14}")
_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")
_LONGEST_TEXT = 4000


class Reader(Protocol):
    """Takes a rule's name and its raw value, gives its value or raises UsageError."""

    def __call__(self, key: str, value: Any, /) -> Any: ...


def wrong(key: str, value: object, what: str) -> UsageError:
    """One sentence: the rule, what stands there, and what to do."""
    shown = repr(value)
    return UsageError(f"{key} = {shown if len(shown) <= 80 else shown[:77] + '...'} {what}")


def known(given: Iterable[object], names: Iterable[str], what: str) -> None:
    """Raises UsageError for the first name that is none, with the one that was probably meant."""
    names = list(names)
    for name in given:
        if name not in names:
            close = difflib.get_close_matches(str(name), names, 1)
            meant = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(names))}"
            raise UsageError(f"{str(name)[:80]!r} is no {what}{meant}")


def table(key: str, value: object, names: Iterable[str]) -> Mapping[str, Any]:
    """A table with no other keys than these."""
    if not isinstance(value, Mapping):
        raise wrong(key, value, f"must be a table with {', '.join(names)}")
    known(value, names, f"part of {key}")
    return value


def flattened(given: Mapping[str, Any]) -> dict[str, Any]:
    """Keys with dots (`retry.busy.most`, as a command line has them) as the tables that files have."""
    plain: dict[str, Any] = {}
    for key, value in given.items():
        *folders, last = str(key).split(".")
        place = plain
        for folder in folders:
            inner = place.get(folder, {})
            if not isinstance(inner, Mapping):
                raise wrong(folder, inner, f"is no table, but {key} is set too")
            place[folder] = place = dict(inner)
        place[last] = value
    return plain


def whole(least: int, most: int) -> Reader:
    """A whole number."""

    def read(key: str, value: Any) -> int:
        number = _number(value)
        if number is None or number != int(number) or not least <= number <= most:
            raise wrong(key, value, f"must be a whole number from {least} to {most}")
        return int(number)

    return read


def number(least: float, most: float) -> Reader:
    """Any number."""

    def read(key: str, value: Any) -> float:
        number = _number(value)
        if number is None or not least <= number <= most:
            raise wrong(key, value, f"must be a number from {least:g} to {most:g}")
        return number

    return read


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def one_of(*choices: str) -> Reader:
    """One of a few words."""

    def read(key: str, value: Any) -> str:
        if value not in choices:
            raise wrong(key, value, f"can be {' or '.join(choices)}")
        return str(value)

    return read


def text(key: str, value: Any) -> str:
    """Any text, on any number of lines."""
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or "\0" in value:
        raise wrong(key, value, f"must be a text of at most {_LONGEST_TEXT} characters")
    return value.strip()


def yes_no(key: str, value: Any) -> bool:
    """True or false."""
    word = str(value).lower()
    if word not in (*_TRUE, *_FALSE):
        raise wrong(key, value, "can be true or false")
    return word in _TRUE


def several(key: str, value: Any) -> list[str]:
    """A list, or its parts with commas between them."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple, set, frozenset)) or not all(isinstance(part, str) for part in parts):
        raise wrong(key, value, "must be a list of words")
    return [part.strip() for part in parts if part.strip()]


def caller_ids(key: str, value: Any) -> tuple[str, ...]:
    """Numbers as the carrier knows them, each once."""
    found = several(key, value)
    for number in found:
        if not _CALLER_ID.fullmatch(number):
            raise wrong(key, number, "is not a phone number; write it as +14155550100")
    return tuple(dict.fromkeys(found))


def countries(key: str, value: Any) -> frozenset[str]:
    """Codes of countries."""
    try:
        return numbers.country_codes(several(key, value))
    except UsageError as error:
        raise UsageError(f"{key}: {error}") from None


def window(hours: Any, days: Any) -> Window:
    """`"09:00-20:00"` or a table with start, end and days; `"mon-sat"`, `"mon,wed"` or a list. None: as usual."""
    usual = Window()
    if hours is None:
        start, end = usual.start, usual.end
    elif isinstance(hours, Mapping):
        given = table("window", hours, ("start", "end", "days"))
        days = given.get("days", days)
        start = _clock("window.start", given["start"]) if "start" in given else usual.start
        end = _clock("window.end", given["end"]) if "end" in given else usual.end
    else:
        first, dash, last = str(hours).partition("-")
        if not dash:
            raise wrong("window", hours, 'must look like "09:00-20:00"')
        start, end = _clock("window", first), _clock("window", last)
    if start >= end:
        shown = f"{_shown(start)}-{_shown(end)}"
        raise wrong("window", shown, "must end later on the same day; hours over midnight are no time to call anybody")
    return Window(start, end, usual.days if days is None else _days(days))


def dumped(window: Window) -> dict[str, Any]:
    """As `window` takes it."""
    return {
        "start": _shown(window.start),
        "end": _shown(window.end),
        "days": [DAYS[day] for day in sorted(window.days)],
    }


def _clock(key: str, value: Any) -> int:
    found = _CLOCK.fullmatch(str(value).strip())
    minutes = int(found[1]) * 60 + int(found[2]) if found else -1
    if not 0 <= minutes <= 24 * 60:
        raise wrong(key, value, "is no time of day; write it as 09:00")
    return minutes


def _shown(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _days(value: Any) -> frozenset[int]:
    found: set[int] = set()
    for part in several("days", value):
        first, dash, last = part.lower().partition("-")
        begin = _day(first, value)
        end = _day(last, value) if dash else begin
        found.update((begin + ahead) % 7 for ahead in range((end - begin) % 7 + 1))
    if not found:
        raise wrong("days", value, "names no day; write mon-sat or mon,wed,fri")
    return frozenset(found)


def _day(word: str, value: Any) -> int:
    # "Monday" and "monday" are meant as mon is.
    short = word.strip()[:3]
    full = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    if short not in DAYS or not full[DAYS.index(short)].startswith(word.strip()):
        raise wrong("days", value, f"has {word.strip()!r}, which is no day; write mon-sat or mon,wed,fri")
    return DAYS.index(short)
