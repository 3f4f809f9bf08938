"""The events of a call for people: both protocols and our decisions in one order, a window at a time.

Three views of the same file:

    compact    what was decided or became known, and what went wrong: how the call went, on one screen
    timeline   everything, with runs of the same (deltas, marks, audio) told as one
    raw        every line as it is written

A window begins behind a line and ends with one; what lies before it is skipped unread, so the last page of a long call
costs little more than its first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import msgspec

from bridge.observe.brief import brief_fact, brief_model, brief_phone

View = Literal["compact", "timeline", "raw"]
VIEWS: tuple[View, ...] = ("compact", "timeline", "raw")
SIDES = ("bridge", "model", "phone")
"""Whose events: `bridge` are our decisions."""
LONGEST_SHOWN = 4_000
"""Characters of a line that a page shows; the file has all of them."""
_NOISE = frozenset(["WordsSaid", "UsageCounted"])
"""Facts that say nothing about how a call went."""
_MOST_FOLDED = 5_000
"""Lines one folded event may stand for; a window ends somewhere."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What to show. `after`: behind this line; `text`: only lines that hold it, in any case."""

    view: View = "compact"
    after: int = 0
    limit: int = 200
    sides: frozenset[str] = frozenset(SIDES)
    text: str = ""


@dataclass(slots=True)
class Event:
    """One row. `line` and `last` are numbers of lines, from 1; `at_ms` counts from the moment the phone was on."""

    line: int
    last: int
    at_ms: int
    side: str
    way: str
    """in, out, or "" for a decision."""
    name: str
    words: str
    raw: str
    count: int = 1
    """So many lines were folded into it."""
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Some events; `next` is what to ask for behind them, 0 when there are no more."""

    events: list[Event]
    next: int


def zero_of(lines: Iterable[bytes]) -> float:
    """When the phone was first attached, on the file's clock; 0 when it never was."""
    for line in lines:
        if b'"fact":"CallAnswered"' in line:
            found = _decoded(line)
            if found is not None:
                return float(found.get("t", 0.0))
    return 0.0


def window(lines: Iterable[bytes], ask: Ask, zero_t: float) -> Window:
    """The events behind `ask.after`."""
    found: list[Event] = []
    wanted = ask.text.casefold().encode()
    for number, line in enumerate(islice(lines, ask.after, None), ask.after + 1):
        if wanted and wanted not in line.lower():
            continue
        event = _event(number, line, ask, zero_t)
        if event is None:
            continue
        if ask.view == "timeline" and found and _folds(found[-1], event):
            _fold(found[-1], event)
            continue
        if len(found) == ask.limit:
            return Window(found, found[-1].last)
        found.append(event)
    return Window(found, 0)


def _event(number: int, line: bytes, ask: Ask, zero_t: float) -> Event | None:
    told = _decoded(line)
    if told is None:
        return None
    side = "bridge" if "fact" in told else str(told.get("side", ""))
    if side not in ask.sides:
        return None
    name, words, bad = _told(told, side)
    if ask.view == "compact" and (("fact" not in told and not bad) or name in _NOISE):
        return None
    at_ms = round((float(told.get("t", 0.0)) - zero_t) * 1000)
    text = line.decode("utf-8", "replace").rstrip()
    raw = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "\N{HORIZONTAL ELLIPSIS}"
    return Event(number, number, at_ms, side, str(told.get("way", "")), name, words, raw, bad=bad)


def _told(told: Mapping[str, Any], side: str) -> tuple[str, str, bool]:
    """Name, words, and whether it is something bad."""
    if "fact" in told:
        name = str(told["fact"])
        bad = name == "Trouble" or (name == "ToolUsed" and not told.get("ok", True))
        return name, brief_fact(told), bad or (name == "CallEnded" and bool(told.get("error")))
    if "audio_ms" in told:
        return "audio", f"{told['audio_ms']} ms", False
    if "text" in told:
        return "not understood", str(told["text"])[:200], True
    if "bytes" in told:
        return "long message", f"{told['bytes']} bytes", False
    raw = told.get("raw")
    if not isinstance(raw, dict):
        return "message", "", False
    if side == "phone":
        return str(raw.get("event", "message")), brief_phone(raw), False
    name = str(raw.get("type", "message"))
    failed = name == "response.done" and (raw.get("response") or {}).get("status") == "failed"
    return name, brief_model(raw), name == "error" or failed


def _folds(before: Event, event: Event) -> bool:
    """Is it more of the same? Only what comes in runs by nature."""
    if (before.side, before.way, before.name) != (event.side, event.way, event.name) or before.count >= _MOST_FOLDED:
        return False
    return event.name.endswith(".delta") or event.name in ("mark", "audio")


def _fold(before: Event, event: Event) -> None:
    before.last = event.last
    before.count += 1
    if event.name.endswith(".delta") and len(before.words) < 200:
        before.words += event.words


def _decoded(line: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(line)
    except (ValueError, msgspec.DecodeError):
        return None
    return found if isinstance(found, dict) else None


def pretty(raw: str) -> str:
    """A line laid out for reading; as it is when it was cut."""
    try:
        return json.dumps(json.loads(raw), ensure_ascii=False, indent=1)
    except ValueError:
        return raw
