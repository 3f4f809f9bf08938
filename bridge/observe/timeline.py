"""The timeline of a call: both protocols and our decisions, in one order, as JSON lines.

    {"t": 1.234, "side": "model", "way": "in", "raw": {...}}          a message as it went over the wire
    {"t": 1.250, "side": "phone", "way": "out", "audio_ms": 400, "since": 1.213}      audio since the last such line
    {"t": 1.251, "fact": "Interrupted", "heard_ms": 1240, ...}         what was decided or became known

`t` is seconds since the call became known. Audio is told by length only, with the moment at which the first of it came
or left (`since`): what a caller waits for is made of those. Messages never hold our keys. While the call runs only the
moment and the thing are kept; the lines are written when the file is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from bridge.call.facts import Fact
from bridge.call.values import field_names
from bridge.store.disk import GrowingFile

LONGEST_RAW = 65_536
"""A message longer than this is told by its length."""

_encode = msgspec.json.encode


class Meter:
    """Audio of one direction that no line tells of yet."""

    __slots__ = ("_clock", "side", "since", "size", "way")

    def __init__(self, side: str, way: str, clock: Callable[[], float]) -> None:
        self.side = side
        self.way = way
        self.size = 0
        self.since: float | None = None
        self._clock = clock

    def begin(self) -> None:
        """The first audio that no line tells of yet is here: once a line, not once a frame."""
        self.since = self._clock()


_FACT, _AUDIO = "fact", "audio"
Part = float | str | bytes | int | tuple[Any, ...] | Fact
"""Four make an entry. A message: when, side, way, and the JSON (or the length of one that is too long to be told; or,
in a tuple, garbage). Else: when, which of these two, nothing, and the fact, or of each direction that had some audio
side, way, ms and the moment of the first of it."""


class Timeline:
    """One call's timeline; `clock` gives seconds."""

    def __init__(self, file: GrowingFile[Part], clock: Callable[[], float]) -> None:
        self._file = file
        self._clock = clock
        self._zero = clock()
        self._meters = {of: Meter(*of, clock) for of in (("phone", "out"), ("model", "in"))}
        self._heard_until = 0
        self.heard: Callable[[], int] = lambda: 0
        """Bytes of caller audio so far, from somebody who counts them anyway. What the model is fed has no line of its
        own: it is this audio, while it may hear it."""

    def meter(self, side: str, way: str) -> Meter:
        """Where messages with audio are counted."""
        return self._meters[side, way]

    def message(self, side: str, way: str, text: str | bytes) -> None:
        """A message without audio."""
        size = len(text)
        self._file.append(self._clock() - self._zero, side, way, text if size <= LONGEST_RAW else size, size=size)

    def garbage(self, side: str, way: str, text: str | bytes) -> None:
        """A message that was not understood."""
        data = text.encode("utf-8", "replace") if isinstance(text, str) else text
        quoted = data[:LONGEST_RAW].decode("utf-8", "replace")
        self._file.append(self._clock() - self._zero, side, way, (quoted,), size=len(data))

    def fold(self) -> None:
        """Audio counted so far becomes a line for each direction that had some."""
        heard = self.heard()
        counted: list[tuple[str, str, int, float | None]] = []
        if heard > self._heard_until:
            counted.append(("phone", "in", (heard - self._heard_until) // 8, None))
        self._heard_until = heard
        for meter in self._meters.values():
            if meter.size:
                since = None if meter.since is None else meter.since - self._zero
                counted.append((meter.side, meter.way, meter.size // 8, since))
                meter.size, meter.since = 0, None
        if counted:
            self._file.append(self._clock() - self._zero, _AUDIO, "", tuple(counted))

    def __call__(self, fact: Fact) -> None:
        """Something was decided or became known."""
        self.fold()
        self._file.append(self._clock() - self._zero, _FACT, "", fact)


def lines(parts: Sequence[Any]) -> Iterator[bytes]:
    """The lines of the file."""
    part = iter(parts)
    for t, kind, way, told in zip(part, part, part, part, strict=True):
        if kind is _FACT:
            fields = {name: getattr(told, name) for name in field_names(type(told))}
            yield _encode({"t": round(t, 4), "fact": type(told).__name__, **fields})
        elif kind is _AUDIO:
            for side, of, ms, since in told:
                first = b"" if since is None else b',"since":%.4f' % since
                yield _head(t, side, of) + b'"audio_ms":%d%s}' % (ms, first)
        else:
            yield _message_line(t, kind, way, told)


def _head(t: float, side: str, way: str) -> bytes:
    return b'{"t":%.4f,"side":"%s","way":"%s",' % (t, side.encode(), way.encode())


def _message_line(t: float, side: str, way: str, told: str | bytes | int | tuple[str]) -> bytes:
    head = _head(t, side, way)
    if isinstance(told, int):
        return head + b'"bytes":%d}' % told
    if isinstance(told, tuple):
        return head + b'"text":' + _encode(told[0]) + b"}"
    data = told.encode("utf-8", "replace") if isinstance(told, str) else told
    if b"\n" in data or b"\r" in data:  # JSON may have them between its parts; a line of this file may not
        data = data.replace(b"\n", b" ").replace(b"\r", b" ")
    return head + b'"raw":' + data + b"}"
