"""The black box of a call: every event with its time, so that a replay gives the same commands.

One JSON array a line: `[seconds, name, fields]`. The first line is the header: the terms, the wall time and the clock
at that moment. Audio is kept by reference only: its size, not its sound, because the rules never look at it and a call
that must not be recorded must not be recorded here either.
"""

from __future__ import annotations

import dataclasses
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call.core import CallCore
from bridge.call.limits import Terms
from bridge.errors import StoreError
from bridge.store.disk import GrowingFile

VERSION = 1
_EVENTS: dict[str, type] = {kind.__name__: kind for kind in ev.Event.__args__}
_encode = msgspec.json.encode


class BlackBox:
    """Writes one call's events."""

    def __init__(self, file: GrowingFile, terms: Terms, wall: float, now: float) -> None:
        self._append = file.append
        header = {"version": VERSION, "wall": wall, "terms": dataclasses.asdict(terms)}
        self._append(_encode([now, "header", header]))

    def event(self, event: ev.Event, now: float) -> None:
        """Before the rules see it."""
        kind = type(event)
        if kind is ev.PhoneAudio:
            self._append(b'[%r,"PhoneAudio",%d]' % (now, event.size))  # type: ignore[union-attr]
        elif kind is ev.ModelAudio:
            assert isinstance(event, ev.ModelAudio)  # noqa: S101 - narrows the type
            part = [event.response_id, event.item_id, event.content_index, len(event.audio), event.ms]
            self._append(_encode([now, "ModelAudio", part]))
        else:
            self._append(_encode([now, kind.__name__, event]))

    def wake(self, now: float) -> None:
        """Before the rules are woken."""
        self._append(b'[%r,"wake"]' % now)


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
            yield _event(line)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            if number == len(lines) + 1:
                return  # a killed process leaves its last line unfinished
            raise StoreError(f"{path}, line {number} cannot be read: {error}") from None


def _event(line: bytes) -> tuple[float, ev.Event | None]:
    now, name, *rest = msgspec.json.decode(line)
    if name == "wake":
        return now, None
    fields: Any = rest[0]
    if name == "PhoneAudio":
        return now, ev.PhoneAudio(b64encode(b"\xff" * fields).decode(), fields)
    if name == "ModelAudio":
        response_id, item_id, index, size, ms = fields
        return now, ev.ModelAudio(response_id, item_id, index, b"\xff" * size, ms)
    event: ev.Event = msgspec.convert(fields, _EVENTS[name])
    return now, event


def replay(path: Path) -> list[tuple[float, list[do.Command]]]:
    """Run a recorded call through the rules again: each event's time and what followed from it."""
    terms, start, events = read(path)
    core = CallCore(terms, start)
    return [(now, core.wake(now) if event is None else core.receive(event, now)) for now, event in events]
