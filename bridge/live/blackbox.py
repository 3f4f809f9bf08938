"""The black box of a call: every event with its time, so that a replay gives the same commands.

One JSON array a line: `[seconds, name, fields]`. The first line is the header: the terms, the wall time and the clock
at that moment. Caller audio with nothing between is one line: `[seconds, "frames", [size of each, [seconds of each]]]`.
Audio is kept by its size, not its sound, because the rules never look at it and a call that must not be recorded must
not be recorded here either. While the call runs only values are kept; the lines are made when the file is written.
"""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call.core import CallCore
from bridge.call.limits import Terms
from bridge.errors import StoreError
from bridge.store.disk import GrowingFile

VERSION = 2
_EVENTS: dict[str, type] = {kind.__name__: kind for kind in get_args(ev.Event)}
_encode = msgspec.json.encode


class Frames:
    """Caller audio that came without anything between: one line, as fifty a second would be most of the file."""

    __slots__ = ("size", "times", "written")

    def __init__(self, size: int, now: float) -> None:
        self.size = size
        self.times = array("d", (now,))
        self.written = False


Entry = tuple[float, str, Any] | Frames


class BlackBox:
    """Writes one call's events."""

    def __init__(self, file: GrowingFile[Entry], terms: Terms, wall: float, now: float) -> None:
        self._append = file.append
        self._frames: Frames | None = None
        self._heard = 0
        header = {"version": VERSION, "wall": wall, "terms": dataclasses.asdict(terms)}
        self._append((now, "header", header))

    def event(self, event: ev.Event, now: float) -> None:
        """Before the rules see it."""
        if type(event) is ev.PhoneAudio:
            self.frame(len(event.audio), now)
            return
        self._close_frames()
        if type(event) is ev.ModelAudio:
            part = (event.response_id, event.item_id, event.content_index, len(event.audio), event.ms)
            self._append((now, "ModelAudio", part))
        else:
            self._append((now, type(event).__name__, event))

    def frame(self, size: int, now: float) -> None:
        """Caller audio, before the rules hear it."""
        frames = self._frames
        if frames is not None and frames.size == size and not frames.written:
            frames.times.append(now)
        else:
            self._close_frames()
            self._frames = frames = Frames(size, now)
            self._append(frames)

    def heard(self) -> int:
        """Bytes of caller audio so far."""
        frames = self._frames
        return self._heard + (frames.size * len(frames.times) if frames is not None else 0)

    def _close_frames(self) -> None:
        self._heard = self.heard()
        self._frames = None

    def wake(self, now: float) -> None:
        """Before the rules are woken."""
        self._close_frames()
        self._append((now, "wake", None))


def lines(entries: Sequence[Entry]) -> Iterator[bytes]:
    """The lines of the file."""
    for entry in entries:
        if type(entry) is Frames:
            entry.written = True
            yield _encode((entry.times[0], "frames", (entry.size, list(entry.times))))
        else:
            yield _encode(entry)


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
        terms = Terms(**header["terms"])
    except (OSError, IndexError, KeyError, TypeError, ValueError, msgspec.DecodeError) as error:
        raise StoreError(f"{path} cannot be read as a black box: {error}") from None
    return terms, start, _events(path, lines[1:])


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
