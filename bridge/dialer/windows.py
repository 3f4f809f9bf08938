"""When somebody may be called: the hours of their own wall clock.

A window is hours and weekdays, and it holds where the person is. A number often tells only a few zones in which they
might be, so a moment is inside when it is inside in every one of them; a zone that nobody knows is never inside.

**Wall clocks are compared, never added to.** `is_open` asks what the clock on the wall shows at a moment (a moment has
one answer, also in the hour that comes twice). To find the next opening, the moments at which the answer can change
are listed and asked: start or end of the day's hours in both readings (an hour can come twice, or not at all),
midnight, and the instant at which the zone's offset jumps. So nothing here knows how far or when a zone jumps: half an
hour on Lord Howe, a whole day at Apia.

Sources: zoneinfo, PEP 495 (`fold`). Moments are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_S = 86_400
_MIDNIGHT = 24 * 60
_FARTHEST_DAYS = 35
"""Hours repeat every week; what does not open in five of them has no common hour at all."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Window:
    """The hours of the called person's day in which they may be called.

    `start` and `end` are minutes since midnight; the end is not inside any more and may be 1440. `days` are weekdays,
    Monday is 0.
    """

    start: int = 9 * 60
    end: int = 20 * 60
    days: frozenset[int] = frozenset(range(6))


def is_open(window: Window, zones: Iterable[str], moment: float) -> bool:
    """May somebody who is in one of these zones, nobody knows in which, be called at this moment?"""
    known = _zones(zones)
    return bool(known) and all(_inside(window, _wall(zone, moment)) for zone in known)


def next_open(window: Window, zones: Iterable[str], not_before: float) -> float | None:
    """The first moment from `not_before` on that is inside; None when there is none (unknown zone, no common hour)."""
    known = _zones(zones)
    if not known or not window.days:
        return None
    moment, farthest = not_before, not_before + _FARTHEST_DAYS * DAY_S
    while moment < farthest:
        # What is closed in one zone is closed: whoever opens last says where to look again.
        latest = max(_next_open(window, zone, moment) or farthest for zone in known)
        if latest == moment:
            return moment
        moment = latest
    return None


def closes_at(window: Window, zones: Iterable[str], moment: float) -> float | None:
    """The first moment after an open one that is outside; the moment itself when it is not open; None: never closes."""
    known = _zones(zones)
    if not known or not is_open(window, zones, moment):
        return moment
    closings = [closing for zone in known if (closing := _change(window, zone, moment, to_open=False)) is not None]
    return min(closings, default=None)


def local_day(zone: str, moment: float) -> date | None:
    """The date on the wall there; None for a zone that nobody knows."""
    known = _zone(zone)
    return _wall(known, moment).date() if known else None


def next_day(zones: Iterable[str], moment: float) -> float:
    """The first moment at which in every one of the zones a later date is on the wall."""
    return max((_midnight_after(zone, moment) for zone in _zones(zones)), default=moment + DAY_S)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    # Etc/Unknown is what phone numbers of no known place have. "America" is a folder, "../x" a path: errors of their
    # own kinds.
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


@lru_cache(maxsize=4096)
def _zones_of(names: tuple[str, ...]) -> tuple[ZoneInfo, ...]:
    found = [_zone(name) for name in names]
    return () if None in found else tuple(zone for zone in found if zone)


def _zones(names: Iterable[str]) -> tuple[ZoneInfo, ...]:
    """All of them, or none when one is unknown: a zone that nobody knows is closed."""
    return _zones_of(tuple(names))


def _wall(zone: ZoneInfo, moment: float) -> datetime:
    return datetime.fromtimestamp(moment, zone)


def _inside(window: Window, wall: datetime) -> bool:
    return wall.weekday() in window.days and window.start <= wall.hour * 60 + wall.minute < window.end


def _next_open(window: Window, zone: ZoneInfo, moment: float) -> float | None:
    return moment if _inside(window, _wall(zone, moment)) else _change(window, zone, moment, to_open=True)


def _change(window: Window, zone: ZoneInfo, moment: float, *, to_open: bool) -> float | None:
    """The first moment after `moment` at which the window is open (or not)."""
    today = _wall(zone, moment).date()
    # Two weeks: today may be past its hours, and in a week the same hour, or the whole date, may be left out by a jump.
    for ahead in range(15):
        for candidate in _edges(window, zone, today + timedelta(days=ahead)):
            if candidate > moment and _inside(window, _wall(zone, candidate)) is to_open:
                return candidate
    return None


def _edges(window: Window, zone: ZoneInfo, day: date) -> list[float]:
    """Every moment of that date at which the answer can change, in order."""
    edges = set(_jumps(zone, day))
    # The end of a day is the beginning of the next.
    for minutes in {0, window.start, window.end} - {_MIDNIGHT}:
        edges.update(_readings(zone, day, minutes))
    # A jump may be another day's, and so may a time that the jump left out.
    return sorted(edge for edge in edges if _wall(zone, edge).date() == day)


def _readings(zone: ZoneInfo, day: date, minutes: int) -> Iterator[float]:
    """A wall time as moments: two when it comes twice, and two useless but harmless ones when it never comes."""
    wall = datetime.combine(day, time(minutes // 60, minutes % 60), zone)
    yield wall.timestamp()
    yield wall.replace(fold=1).timestamp()


def _jumps(zone: ZoneInfo, day: date) -> Iterator[float]:
    """The instant at which the zone's offset changes in the day and a half around that date, if it does."""
    noon = datetime.combine(day, time(12), UTC).timestamp()
    # Dates begin up to 14 h before and end up to 12 h after the one of Greenwich.
    low, high = int(noon - 27 * 3600), int(noon + 27 * 3600)
    before = _wall(zone, low).utcoffset()
    if before == _wall(zone, high).utcoffset():
        return
    while high - low > 1:
        middle = (low + high) // 2
        if _wall(zone, middle).utcoffset() == before:
            low = middle
        else:
            high = middle
    yield float(high)


def _midnight_after(zone: ZoneInfo, moment: float) -> float:
    today = _wall(zone, moment).date()
    for ahead in (1, 2):  # the next date may be missing from the calendar
        if edges := _edges(Window(), zone, today + timedelta(days=ahead)):
            return edges[0]
    return moment + 2 * DAY_S
