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
_WIDE_TEXT = bytes((_FIN_TEXT, 126))
_WIDE_MASKED = bytes((_FIN_TEXT, 126 | _MASKED))
"""How a server's and a client's text of 126 to 65,535 bytes begin, before its length."""

Piece = tuple[bool, bytes]
"""(True, a whole text message, not yet proved to be UTF-8) or (False, bytes for the parser)."""


class Cutter:
    """Cuts what a socket reads. `masked`: it reads a client's frames; messages beyond `longest` go to the parser."""

    __slots__ = (
        "_begins",
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
        # How a text of 126 to 65,535 bytes begins, before its length; and where its payload does.
        self._begins = _WIDE_MASKED if masked else _WIDE_TEXT
        self._body = 8 if masked else 4
        self._head = b""  # of the last one: most are as long as the one before
        self._length = -1  # of the last one; -1: what comes next is not one like it

    def whole(self, data: bytes) -> bytes | None:
        """The text if `data` is exactly one whole text frame of a client, as it nearly always is; None: `cut` it."""
        if not self._between:
            return None
        if len(data) != self._length or not data.startswith(self._head):
            # Not like the one before. Of 126 to 65535 bytes it may still be; the others are rare.
            size = len(data) - 8
            if not 126 <= size <= self._longest:
                return None
            head = _WIDE_MASKED + size.to_bytes(2, "big")
            if not data.startswith(head):
                return None
            self._head, self._length = head, len(data)
        return apply_mask(data[8:], data[4:8])

    def texts(self, data: bytes) -> list[bytes] | None:
        """The texts if `data` is exactly some whole text frames of a server, one after the other; None: `cut` it."""
        if not self._between:
            return None
        texts: list[bytes] = []
        at, end, longest = 0, len(data), self._longest
        while data.startswith(_WIDE_TEXT, at) and at + 4 <= end:
            size = data[at + 2] << 8 | data[at + 3]
            body = at + 4
            at = body + size
            if at > end or not 126 <= size <= longest:  # the others are rare
                return None
            texts.append(data[body:at])
        return texts if at == end else None

    def cut(self, data: bytes) -> list[Piece]:
        """The next bytes of the socket, in pieces, in order."""
        if self._kept:
            data = self._joined(data)
        pieces: list[Piece] = []
        at, end = 0, len(data)
        while at < end:
            if self._passing:
                at = self._hand_over(data, at, pieces)
                continue
            if not self._fragments:
                at = self._usual(data, at, pieces)
            if at < end:
                at = self._unusual(data, at, pieces)
        self._between = not (self._kept or self._passing or self._fragments)
        if not self._between:
            self._length = -1
        return pieces

    def _joined(self, data: bytes) -> bytes:
        """What was kept and this; empty while something is missing."""
        self._kept.append(data)
        self._missing -= len(data)
        if self._missing > 0:
            return b""
        joined = b"".join(self._kept)
        self._kept = []
        return joined

    def _usual(self, data: bytes, at: int, pieces: list[Piece]) -> int:
        """The texts of 126 to 65,535 bytes that follow each other from here; returns where something else begins."""
        begins, ahead, masked, end = self._begins, self._body, self._masked, len(data)
        while at + ahead <= end and data.startswith(begins, at):
            body = at + ahead
            size = data[at + 2] << 8 | data[at + 3]
            if body + size > end or size > self._longest:
                break
            at = body + size
            piece = data[body:at]
            pieces.append((True, apply_mask(piece, data[body - 4 : body]) if masked else piece))
        return at

    def _unusual(self, data: bytes, at: int, pieces: list[Piece]) -> int:
        """Any other frame, or the beginning of one that is not here yet; returns what is dealt with."""
        end = len(data)
        if end - at < 2:
            return self._keep(data, at, 1)
        body, size = self._measure(data, at)
        stop = body + size
        if size > self._limit or (data[at + 1] >= _MASKED) is not self._masked:
            self._passing = _FOR_EVER  # the parser will refuse it; from here on everything is its
            return at
        if body > end:
            return self._keep(data, at, body - end)
        if data[at] != _FIN_TEXT or self._fragments:
            if not data[at] & _CONTROL:
                self._fragments = not data[at] & _FIN
            self._passing = stop - at
            return at
        if stop > end:
            return self._keep(data, at, stop - end)
        piece = data[body:stop]
        pieces.append((True, apply_mask(piece, data[body - 4 : body]) if self._masked else piece))
        return stop

    def _measure(self, data: bytes, at: int) -> tuple[int, int]:
        """Where the frame's payload begins, and its size; 0 while that is beyond the data, as the payload is then."""
        body = at + (6 if self._masked else 2)
        size = data[at + 1] & 0x7F
        if size < 126:
            return body, size
        wide = 2 if size == 126 else 8
        known = len(data) - at >= 2 + wide
        return body + wide, int.from_bytes(data[at + 2 : at + 2 + wide], "big") if known else 0

    def _keep(self, data: bytes, at: int, missing: int) -> int:
        """All from `at` on waits for what is missing; returns its end."""
        self._kept = [data[at:]]
        self._missing = missing
        return len(data)

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
    parts: list[bytes] = []
    for message in messages:
        size = len(message)
        if 126 <= size < 65_536:
            parts += (_WIDE_TEXT, size.to_bytes(2, "big"), message)
        elif size < 126:
            parts += (bytes((_FIN_TEXT, size)), message)
        else:
            parts += (struct.pack("!BBQ", _FIN_TEXT, 127, size), message)
    return b"".join(parts)


_MASKS: list[bytes] = []
"""Drawn together and used once, by whatever socket writes next: what all calls touch is still in the processor's cache
when the next one does, a pool of each call's own is not."""
_DRAWN = 256


def masked_text_frame(message: bytes) -> bytes:
    """One whole text message, already UTF-8, as a client sends it.

    The package's own writer costs three times as much, a third of it for asking the system for four random bytes each
    time (they must be unpredictable, RFC 6455 section 5.3).
    """
    try:
        mask = _MASKS.pop()
    except IndexError:
        mask = _draw()
    size = len(message)
    if 126 <= size < 65_536:
        return b"".join((_WIDE_MASKED, size.to_bytes(2, "big"), mask, apply_mask(message, mask)))
    head = bytes((_FIN_TEXT, _MASKED | size)) if size < 126 else struct.pack("!BBQ", _FIN_TEXT, _MASKED | 127, size)
    return head + mask + apply_mask(message, mask)


def _draw() -> bytes:
    drawn = os.urandom(4 * _DRAWN)
    _MASKS.extend(drawn[at : at + 4] for at in range(4, len(drawn), 4))
    return drawn[:4]
