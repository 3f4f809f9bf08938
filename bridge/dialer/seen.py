"""Which numbers were there already, for a million of them: a set of Python objects would need 100 MB, this 25."""

from __future__ import annotations

from array import array

_FULL = 0.6


class Seen:
    """Whole numbers (1 to 2^64-1), each with the line on which it was first seen: open addressing in two arrays."""

    def __init__(self) -> None:
        self._count = 0
        self._grow(1 << 12)

    def add(self, number: int, line: int) -> int:
        """Note a number; the line on which it stood before, or 0."""
        if self._count >= self._most:
            keys, lines = self._keys, self._lines
            self._grow(len(keys) * 2)
            for key, old in zip(keys, lines, strict=True):
                if key:
                    place = self._place(key)
                    self._keys[place], self._lines[place] = key, old
        place = self._place(number)
        if self._keys[place]:
            return self._lines[place]
        self._keys[place], self._lines[place] = number, line
        self._count += 1
        return 0

    def _grow(self, size: int) -> None:
        self._keys = array("Q", bytes(8 * size))
        self._lines = array("I", bytes(4 * size))
        self._mask = size - 1
        self._most = int(size * _FULL)

    def _place(self, number: int) -> int:
        """Where it stands, or would."""
        # Numbers of one list differ in their last digits; the multiplication (Knuth's) spreads them.
        place = (number * 0x9E3779B97F4A7C15 >> 24) & self._mask
        while (key := self._keys[place]) and key != number:
            place = (place + 1) & self._mask
        return place
