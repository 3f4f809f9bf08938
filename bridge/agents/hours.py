"""Opening hours: when an agent takes calls, in the time zone of the place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bridge.errors import AgentError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_MIDNIGHT = "24:00"


@dataclass(frozen=True)
class OpeningHours:
    """Spans of each weekday, such as `{"mon": "09:00-18:00", "sat": "10:00-12:00, 13:00-16:00"}`.

    A day left out is closed. Raises AgentError for a day, a span or a zone that is none.
    """

    week: Mapping[str, str]
    timezone: str = "UTC"
    """An IANA name, such as Europe/Berlin."""
    closed_say: str = "We are closed right now. Please call again during our opening hours. Goodbye."
    """What a caller hears outside of them, word for word; then the call ends."""
    _spans: dict[int, tuple[tuple[time, time], ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            zone = f"{self.timezone!r} is no time zone; write one like Europe/Berlin"
            raise AgentError(f"opening hours: {zone}") from error
        spans = {}
        for name, text in self.week.items():
            day = name.strip().lower()[:3]
            if day not in DAYS:
                raise AgentError(f"opening hours: {name!r} is no day of the week; days are {', '.join(DAYS)}")
            spans[DAYS.index(day)] = tuple(_span(name, part) for part in text.split(",") if part.strip())
        object.__setattr__(self, "_spans", spans)

    def open_at(self, moment: datetime) -> bool:
        """Are we open at this moment? It must know its zone."""
        local = moment.astimezone(ZoneInfo(self.timezone))
        now = local.time()
        return any(begins <= now < ends or (ends == time.max and begins <= now) for begins, ends in self._today(local))

    def _today(self, local: datetime) -> tuple[tuple[time, time], ...]:
        return self._spans.get(local.weekday(), ())


def _span(day: str, text: str) -> tuple[time, time]:
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise AgentError(f"opening hours: {day}: {text.strip()!r} is no span; write 09:00-18:00")
    hours = [int(part) for part in found.groups()]
    try:
        begins = time(hours[0], hours[1])
        ends = time.max if text.strip().endswith(_MIDNIGHT) else time(hours[2], hours[3])
    except ValueError as error:
        raise AgentError(f"opening hours: {day}: {text.strip()!r}: {error}") from error
    if begins >= ends:
        raise AgentError(f"opening hours: {day}: {text.strip()!r} ends before it begins; split it at 24:00")
    return begins, ends
