"""The black box of a call: every event with its time, so that a replay gives the same commands.

One JSON array a line: `[seconds, name, fields]`. The first line is the header: the terms, the wall time and the clock
at that moment. Caller audio with nothing between is one line: `[seconds, "frames", [size of each, [seconds of each]]]`.
Audio is kept by its size, not its sound, because the rules never look at it and a call that must not be recorded must
not be recorded here either. While the call runs only values are kept; the lines are made when the file is written.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import msgspec

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call.core import CallCore
from bridge.call.limits import Terms
from bridge.call.values import field_names
from bridge.errors import StoreError
from bridge.store.disk import GrowingFile

VERSION = 2
_EVENTS: dict[str, type] = {kind.__name__: kind for kind in get_args(ev.Event)}
_encode = msgspec.json.encode


Part = Any
"""An entry is when, the name of an event, and its fields. Those of the events that come by the dozen stand side by side
(`_SPREAD` says how many), as they do for caller audio that came without anything between (one line, as fifty a second
would be most of the file): the size of each frame. When each came is told last, for all of them, and where runs end."""
_AUDIO, _FRAMES, _TIMES = "ModelAudio", "frames", "times"
_SPREAD = {kind.__name__: kind for kind in (ev.PhoneMark, ev.AgentText)}
NO_RUN = -1


class BlackBox:
    """Writes one call's events."""

    def __init__(self, file: GrowingFile[Part], terms: Terms, wall: float, now: float) -> None:
        self._append = file.append
        file.before = self._hand_over
        self.size = NO_RUN
        """Of the frames that come now, without anything between; another one begins with `frame`."""
        self.times: list[float] = []
        """When frames came, since the file was written: `times.append(now)` is all that one of this size costs."""
        self._heard = 0
        self._told = 0
        """So many of `times` are of runs that have ended."""
        self._ends: list[int] = []
        """That number at the end of each."""
        header = {"version": VERSION, "wall": wall, "terms": dataclasses.asdict(terms)}
        self._append(now, "header", header)

    def event(self, event: ev.Event, now: float) -> None:
        """What the rules were told, in the order in which they were."""
        if type(event) is ev.PhoneAudio:
            self.frame(len(event.audio), now)
            return
        if self.size != NO_RUN:
            self._end_run()
        if type(event) is ev.ModelAudio:
            size = len(event.audio)
            self._append(now, _AUDIO, event.response_id, event.item_id, event.content_index, size, event.ms)
        elif type(event) is ev.AgentText:
            self._append(now, "AgentText", event.response_id, event.item_id, event.text, event.final)
        elif type(event) is ev.PhoneMark:
            self._append(now, "PhoneMark", event.name)
        else:
            self._append(now, type(event).__name__, event)

    def frame(self, size: int, now: float) -> None:
        """Some caller audio, in its place among the events."""
        if size == self.size:
            self.times.append(now)
            return
        self._end_run()
        self.size = size
        self.times.append(now)
        self._append(now, _FRAMES, size)

    def heard(self) -> int:
        """Bytes of caller audio so far."""
        return self._heard + (self.size * (len(self.times) - self._told) if self.size != NO_RUN else 0)

    def _end_run(self) -> None:
        """Something came between."""
        if self.size == NO_RUN:
            return
        self._heard = self.heard()
        self.size, self._told = NO_RUN, len(self.times)
        self._ends.append(self._told)

    def _hand_over(self) -> None:
        """What is there is being written."""
        self._end_run()
        self._append(0.0, _TIMES, (self.times, self._ends))
        self.times, self._ends, self._told = [], [], 0

    def wake(self, now: float) -> None:
        """Before the rules are woken."""
        self._end_run()
        self._append(now, "wake", None)


def lines(parts: Sequence[Part]) -> Iterator[bytes]:
    """The lines of the file."""
    part, begin = iter(parts), 0
    times, ends = parts[-1] if parts[-2] is _TIMES else ([], [])  # what comes after the end of a call has none
    end_of = iter(ends)
    for now in part:
        name = next(part)
        if name is _TIMES:
            return
        if name is _AUDIO:
            yield _encode((now, name, tuple(islice(part, 5))))
        elif name is _FRAMES:
            end = next(end_of, len(times))
            yield _encode((now, name, (next(part), times[begin:end])))
            begin = end
        elif kind := _SPREAD.get(name):
            fields = dict(zip(field_names(kind), part, strict=False))
            yield _encode((now, name, fields))
        else:
            yield _encode((now, name, next(part)))


def read(path: Path) -> tuple[Terms, float, Iterator[tuple[float, ev.Event | None]]]:
    """The terms, the first time and the events (None: a wake) of a black box. Audio comes back as silence of its size.

    Raises:
        StoreError: the file is not a black box of this version.
    """
    try:
        lines = path.read_bytes().splitlines()
        start, name, header = msgspec.json.decode(lines[0])
        if name != "header" or header["version"] != VERSION:
            raise StoreError(f"{path} is not a black box of version {VERSION}")
        terms = _terms(header["terms"])
    except (OSError, IndexError, KeyError, TypeError, ValueError, msgspec.DecodeError) as error:
        raise StoreError(f"{path} cannot be read as a black box: {error}") from None
    return terms, start, _events(path, lines[1:])


def _terms(found: dict[str, Any]) -> Terms:
    unknown = set(found) - {known.name for known in dataclasses.fields(Terms)}
    if unknown:
        raise ValueError(f"terms that nobody knows: {', '.join(sorted(unknown))}")
    return msgspec.convert(found, Terms)


def _events(path: Path, lines: list[bytes]) -> Iterator[tuple[float, ev.Event | None]]:
    for number, line in enumerate(lines, 2):
        try:
            yield from _of_line(line)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            if number == len(lines) + 1:
                return  # a killed process leaves its last line unfinished
            raise StoreError(f"{path}, line {number} cannot be read: {error}") from None


def _of_line(line: bytes) -> list[tuple[float, ev.Event | None]]:
    now, name, fields = msgspec.json.decode(line)
    if name == "wake":
        return [(now, None)]
    if name == "frames":
        size, times = fields
        return [(at, ev.PhoneAudio(b"\xff" * size)) for at in times]
    if name == "ModelAudio":
        response_id, item_id, index, size, ms = fields
        return [(now, ev.ModelAudio(response_id, item_id, index, b"\xff" * size, ms))]
    event: ev.Event = msgspec.convert(fields, _EVENTS[name])
    return [(now, event)]


def replay(path: Path) -> list[tuple[float, list[do.Command]]]:
    """Run a recorded call through the rules again: each event's time and what followed from it."""
    terms, start, events = read(path)
    core = CallCore(terms, start)
    return [(now, core.wake(now) if event is None else core.receive(event, now)) for now, event in events]
