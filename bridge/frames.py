"""WebSocket frames by hand, for the sockets of a call: the one kind that comes fifty times a second.

websockets' parser is right about everything, a generator through which every byte is fed.
Nearly all of a call's messages are whole texts in one frame. Those are cut out here, 1 us each; every other byte is
handed to that parser as it came and in its place, so it stays the judge of fragments, pings, closing and errors.
Source: RFC 6455 section 5.2.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence

from websockets.frames import apply_mask  # type: ignore[attr-defined]  # in C where it was built

_FIN_TEXT = 0x81
_CONTROL = 0x08
_FIN = 0x80
_MASKED = 0x80
_FOR_EVER = -1

Piece = tuple[bool, bytes]
"""(True, a whole text message, not yet proved to be UTF-8) or (False, bytes for the parser)."""


class Cutter:
    """Cuts what a socket reads. `masked`: it reads a client's frames; messages beyond `longest` go to the parser."""

    __slots__ = (
        "_between",
        "_body",
        "_fragments",
        "_head",
        "_kept",
        "_length",
        "_limit",
        "_longest",
        "_masked",
        "_missing",
        "_passing",
    )

    def __init__(self, *, masked: bool, longest: int) -> None:
        self._masked = masked
        self._longest = min(longest, 0xFFFF)
        self._limit = longest
        self._kept: list[bytes] = []  # the beginning of a frame that is not here yet
        self._missing = 0
        self._passing = 0  # bytes of the parser's frame still to come
        self._fragments = False  # inside a message of several frames
        self._between = True  # outside of everything: `whole` may look
        self._body = 8 if masked else 4  # where the payload of such a frame begins
        self._head = b""  # of the last one: most are as long as the one before
        self._length = -1

    def whole(self, data: bytes) -> bytes | None:
        """The text if `data` is exactly one whole text frame, as it nearly always is; None: `cut` it."""
        if not self._between:
            return None
        if len(data) != self._length or not data.startswith(self._head):
            # Not like the one before. Of 126 to 65535 bytes it may still be; the others are rare.
            size = len(data) - self._body
            if not 126 <= size <= self._longest:
                return None
            head = struct.pack("!BBH", _FIN_TEXT, 126 | (_MASKED if self._masked else 0), size)
            if not data.startswith(head):
                return None
            self._head, self._length = head, len(data)
        return apply_mask(data[8:], data[4:8]) if self._masked else data[4:]

    def cut(self, data: bytes) -> list[Piece]:
        """The next bytes of the socket, in pieces, in order."""
        if self._kept:
            self._kept.append(data)
            self._missing -= len(data)
            if self._missing > 0:
                return []
            data = b"".join(self._kept)
            self._kept = []
        pieces: list[Piece] = []
        at, end = 0, len(data)
        while at < end:
            if self._passing:
                at = self._hand_over(data, at, pieces)
                continue
            if end - at < 2:
                self._keep(data, at, 1)
                break
            body, size = self._measure(data, at)
            stop = body + size
            if size > self._limit or (data[at + 1] >= _MASKED) is not self._masked:
                self._passing = _FOR_EVER  # the parser will refuse it; from here on everything is its
            elif body > end:
                self._keep(data, at, body - end)
                break
            elif data[at] != _FIN_TEXT or self._fragments:
                if not data[at] & _CONTROL:
                    self._fragments = not data[at] & _FIN
                self._passing = stop - at
            elif stop > end:
                self._keep(data, at, stop - end)
                break
            else:
                piece = data[body:stop]
                pieces.append((True, apply_mask(piece, data[body - 4 : body]) if self._masked else piece))
                at = stop
        self._between = not (self._kept or self._passing or self._fragments)
        return pieces

    def _measure(self, data: bytes, at: int) -> tuple[int, int]:
        """Where the frame's payload begins, and its size; 0 while that is beyond the data, as the payload is then."""
        body = at + (6 if self._masked else 2)
        size = data[at + 1] & 0x7F
        if size < 126:
            return body, size
        wide = 2 if size == 126 else 8
        known = len(data) - at >= 2 + wide
        return body + wide, int.from_bytes(data[at + 2 : at + 2 + wide], "big") if known else 0

    def _keep(self, data: bytes, at: int, missing: int) -> None:
        self._kept = [data[at:]]
        self._missing = missing

    def _hand_over(self, data: bytes, at: int, pieces: list[Piece]) -> int:
        """Bytes of the parser's frame; returns where they end."""
        stop = len(data)
        if self._passing != _FOR_EVER:
            stop = min(stop, at + self._passing)
            self._passing -= stop - at
        pieces.append((False, data[at:stop]))
        return stop


def text_frames(messages: Sequence[bytes]) -> bytes:
    """Whole text messages, already UTF-8, as a server sends them, one after the other."""
    parts = []
    for message in messages:
        size = len(message)
        if size < 126:
            parts.append(bytes((_FIN_TEXT, size)))
        elif size < 65_536:
            parts.append(struct.pack("!BBH", _FIN_TEXT, 126, size))
        else:
            parts.append(struct.pack("!BBQ", _FIN_TEXT, 127, size))
        parts.append(message)
    return b"".join(parts)


class Masks:
    """Writes a client's text frames. The package's own writer costs three times as much, a third of it for asking
    the system for four random bytes each time (they must be unpredictable, RFC 6455 section 5.3)."""

    __slots__ = ("_fresh", "_head", "_size")

    def __init__(self) -> None:
        self._fresh: list[bytes] = []
        self._size = -1
        self._head = b""

    def text_frame(self, data: bytes) -> bytes:
        """One whole text message, already UTF-8, masked."""
        fresh = self._fresh
        if not fresh:
            drawn = os.urandom(64)
            fresh += [drawn[at : at + 4] for at in range(0, 64, 4)]
        mask = fresh.pop()
        if len(data) != self._size:  # most are as long as the one before
            self._size = len(data)
            self._head = _masked_head(self._size)
        return self._head + mask + apply_mask(data, mask)


def _masked_head(size: int) -> bytes:
    if size < 126:
        return bytes((_FIN_TEXT, _MASKED | size))
    if size < 65_536:
        return struct.pack("!BBH", _FIN_TEXT, _MASKED | 126, size)
    return struct.pack("!BBQ", _FIN_TEXT, _MASKED | 127, size)
