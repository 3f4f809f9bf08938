"""The timeline of a call: both protocols and our decisions, in one order, as JSON lines.

    {"t": 1.234, "side": "model", "way": "in", "raw": {...}}          a message as it went over the wire
    {"t": 1.250, "side": "phone", "way": "out", "audio_ms": 400, "count": 2}    audio, folded
    {"t": 1.251, "fact": "Interrupted", "heard_ms": 1240, ...}         what was decided or became known

`t` is seconds since the call became known. Audio is told by length only; messages never hold our keys.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bridge.call.facts import Fact
from bridge.store.disk import GrowingFile

FOLD_S = 1.0
"""Audio messages of one direction are one line a second."""
LONGEST_RAW = 65_536
"""A message longer than this is told by its length."""

_encode = msgspec.json.encode


class Timeline:
    """One call's timeline; `clock` gives seconds."""

    def __init__(self, file: GrowingFile, clock: Callable[[], float]) -> None:
        self._file = file
        self._clock = clock
        self._zero = clock()
        self._folds: dict[tuple[str, str], list[float]] = {}
        self._folded_at = self._zero

    def message(self, side: str, way: str, text: str | bytes) -> None:
        """A message without audio."""
        data = text.encode("utf-8", "replace") if isinstance(text, str) else text
        self._unfold()
        head = b'{"t":%.4f,"side":"%s","way":"%s",' % (self._clock() - self._zero, side.encode(), way.encode())
        if len(data) > LONGEST_RAW:
            self._file.append(head + b'"bytes":%d}' % len(data))
        elif b"\n" in data or b"\r" in data or not _is_json(data):
            self._file.append(head + b'"text":' + _encode(data.decode("utf-8", "replace")) + b"}")
        else:
            self._file.append(head + b'"raw":' + data + b"}")

    def audio(self, side: str, way: str, ms: float) -> None:
        """A message with audio."""
        fold = self._folds.get((side, way))
        if fold is None:
            if not self._folds:
                self._folded_at = self._clock()
            self._folds[side, way] = [ms, 1]
            return
        fold[0] += ms
        fold[1] += 1
        if side == "phone" and way == "in" and self._clock() - self._folded_at >= FOLD_S:
            self._unfold()

    def __call__(self, fact: Fact) -> None:
        """Something was decided or became known."""
        self._unfold()
        t = round(self._clock() - self._zero, 4)
        fields = {name: getattr(fact, name) for name in fact.__slots__}
        self._file.append(_encode({"t": t, "fact": type(fact).__name__, **fields}))

    def _unfold(self) -> None:
        if not self._folds:
            return
        t = self._clock() - self._zero
        for (side, way), (ms, count) in self._folds.items():
            line = b'{"t":%.4f,"side":"%s","way":"%s","audio_ms":%d,"count":%d}'
            self._file.append(line % (t, side.encode(), way.encode(), ms, count))
        self._folds.clear()


def _is_json(data: bytes) -> bool:
    try:
        # As text: a raw value is skipped over without a look at its bytes.
        msgspec.json.decode(data.decode(), type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True
