"""Frames cut by hand against websockets' own parser: whatever comes, and however it is cut, both say the same."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from bridge.frames import Cutter, masked_text_frame, text_frames

QUIET = settings(
    deadline=None, database=None, derandomize=True, max_examples=300, suppress_health_check=[HealthCheck.too_slow]
)
LONGEST = 1 << 20
SIZES = (0, 1, 125, 126, 127, 65_535, 65_536)
TEXT, BINARY, CONT, CLOSE, PING, PONG = (int(o) for o in (1, 2, 0, 8, 9, 10))
LETTERS = bytes(range(97, 123)) * 2_600

Seen = list[tuple[int, bool, bytes]]
"""What came: opcode, whether it is the last of its message, payload."""


def frame(head: int, data: bytes, mask: bytes = b"", *, masked: bool | None = None, wide: int = 0) -> bytes:
    """A frame by the book. `wide`: how many bytes its length takes, if more than it must."""
    size = len(data)
    bit = 0x80 if (bool(mask) if masked is None else masked) else 0
    if size < 126 and not wide:
        start = bytes((head, bit | size))
    elif size < 65_536 and wide < 8:
        start = struct.pack("!BBH", head, bit | 126, size)
    else:
        start = struct.pack("!BBQ", head, bit | 127, size)
    if not bit:
        return start + data
    long = (mask * (size // 4 + 1))[:size]
    return start + mask + (int.from_bytes(data, "big") ^ int.from_bytes(long, "big")).to_bytes(size, "big")


@dataclass
class Alone:
    """websockets' parser, which reads every byte."""

    masked: bool
    longest: int = LONGEST
    seen: Seen = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parser: ServerProtocol | ClientProtocol = (
            ServerProtocol(state=OPEN, max_size=self.longest)
            if self.masked
            else ClientProtocol(parse_uri("ws://host/"), state=OPEN, max_size=self.longest)
        )

    def read(self, data: bytes) -> None:
        self.parse(data)

    def parse(self, data: bytes) -> None:
        self.parser.receive_data(data)
        for event in self.parser.events_received():
            assert isinstance(event, Frame)
            self.seen.append((int(event.opcode), event.fin, bytes(event.data)))
        self.sent += self.parser.data_to_send()

    def end(self) -> tuple[Seen, int | None, int | None, list[bytes] | int]:
        """Everything that was seen, the close codes of both sides, and what was sent: of a client, how much."""
        sent = self.parser.close_sent
        received = self.parser.close_rcvd
        return (
            self.seen,
            None if sent is None else sent.code,
            None if received is None else received.code,
            self.sent if self.masked else sum(map(len, self.sent)),
        )


class Cut(Alone):
    """The cutter with that parser behind it, as our sockets use them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.cutter = Cutter(masked=self.masked, longest=self.longest)
        self.whole = 0

    def read(self, data: bytes) -> None:
        for whole, piece in self.cutter.cut(data):
            if not whole:
                assert piece, "nothing is no piece"
                self.parse(piece)
            elif self.parser.state is OPEN:
                self.whole += 1
                self.seen.append((TEXT, True, piece))


class Quick(Cut):
    """The same by the quickest way, which is asked once more than needed."""

    def ask(self, data: bytes) -> list[bytes] | None:
        """`whole` or `texts`, whichever is for these frames."""
        if not self.masked:
            return self.cutter.texts(data)
        text = self.cutter.whole(data)
        return None if text is None else [text]

    def read(self, data: bytes) -> None:
        texts = self.ask(data)
        assert self.ask(data) == texts
        if texts is None or self.parser.state is not OPEN:
            super().read(data)
        else:
            self.seen += [(TEXT, True, text) for text in texts]


class Asked(Quick):
    """The quickest way is asked and not believed."""

    def read(self, data: bytes) -> None:
        self.ask(data)
        self.ask(LETTERS[:200])
        Cut.read(self, data)


WAYS: tuple[type[Alone], ...] = (Alone, Cut, Quick, Asked)

# ---- what may come ------------------------------------------------------------------------------------------------

masks = st.sampled_from([b"\x00\x00\x00\x00", b"\xff\x00\x7f\x80", b"\x81\xfe\x00\x7e", b"abcd"])
control = st.tuples(st.sampled_from([0x80 | PING, 0x80 | PONG]), st.sampled_from([0, 1, 4, 125]))


@st.composite
def messages(draw: st.DrawFn, sizes: tuple[int, ...] = SIZES) -> list[tuple[int, int]]:
    """One message as frames (first byte, size): a text as a rule, in fragments, binary, or a control frame."""
    kind = draw(st.sampled_from(["text", "text", "text", "text", "binary", "control", "fragments"]))
    size = draw(st.sampled_from(sizes))
    if kind == "control":
        return [draw(control)]
    if kind != "fragments":
        return [(0x80 | (TEXT if kind == "text" else BINARY), size)]
    frames = [(draw(st.sampled_from([TEXT, BINARY])), size)]
    for last in range(draw(st.integers(0, 3)), -1, -1):
        frames += draw(st.lists(control, max_size=2))
        frames.append((CONT if last else 0x80 | CONT, draw(st.sampled_from(sizes[:5]))))
    return frames


def written(draw: Any, heads: list[tuple[int, int]], *, masked: bool) -> list[bytes]:
    """The frames as bytes; some say their length in more bytes than they must."""
    frames = []
    for head, size in heads:
        mask, shift = draw(masks) if masked else b"", draw(st.integers(0, 25))
        payload = LETTERS[shift : shift + size]
        if draw(st.integers(0, 3)) == 0:  # what looks like frames on the wire, and is none
            mask = bytes(len(mask))
            inner = frame(0x80 | TEXT, LETTERS[: draw(st.sampled_from([2, 150]))], mask)
            payload = (inner * (size // len(inner) + 1))[:size]
        frames.append(frame(head, payload, mask, wide=draw(st.sampled_from([0] * 12 + [2, 8]))))
    return frames


def pieces(draw: Any, frames: list[bytes]) -> list[bytes]:
    """The stream as a socket may read it: by frames, in one, byte by byte (or the heads alone), or cut at any place."""
    whole = b"".join(frames)
    way = draw(st.sampled_from(["frames", "one", "bytes", "heads", "some", "some", "some"]))
    if way == "frames":
        return [one for one in frames if one]
    if way == "one":
        return [whole]
    if way == "bytes" and len(whole) < 2_000:
        return [whole[at : at + 1] for at in range(len(whole))]
    ends, cuts = [0], {0, len(whole)}
    for one in frames:
        ends.append(ends[-1] + len(one))
    if way == "heads":
        cuts.update(min(end + at, len(whole)) for end in ends for at in range(16))
    for _ in range(draw(st.integers(0, 12)) if way == "some" else 0):
        at = draw(st.sampled_from(ends)) + draw(st.integers(-3, 16) | st.integers(0, 70_000))
        cuts.add(min(max(0, at), len(whole)))
    places = sorted(cuts)
    return [whole[a:b] for a, b in pairwise(places)]


@st.composite
def streams(draw: st.DrawFn, *, masked: bool) -> list[bytes]:
    heads = [head for message in draw(st.lists(messages(), min_size=1, max_size=6)) for head in message]
    frames = written(draw, heads, masked=masked)
    if draw(st.integers(0, 3)) == 0:
        reason = draw(st.sampled_from([b"", b"\x03\xe8", b"\x03\xe9bye"]))
        frames.insert(draw(st.integers(0, len(frames))), frame(0x80 | CLOSE, reason, b"mask" if masked else b""))
    return pieces(draw, frames)


def ends(stream: list[bytes], *, masked: bool, longest: int = LONGEST) -> list[Any]:
    """What each way makes of a stream."""
    made = []
    for way in WAYS:
        reader = way(masked, longest)
        for data in stream:
            reader.read(data)
        made.append(reader.end())
    return made


# ---- stories ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("masked", [True, False])
def test_any_stream_gives_what_it_gives_the_parser_alone(masked: bool) -> None:
    @QUIET
    @given(streams(masked=masked))
    def story(stream: list[bytes]) -> None:
        alone, *others = ends(stream, masked=masked)
        assert others == [alone] * 3

    story()


BAD = {
    "reserved bit 1": (0x80 | 0x40 | TEXT, 5),
    "reserved bit 2": (0x80 | 0x20 | TEXT, 200),
    "reserved bit 3 of a ping": (0x80 | 0x10 | PING, 0),
    "opcode 3": (0x80 | 3, 5),
    "opcode 7, to be continued": (7, 5),
    "opcode 11": (0x80 | 11, 0),
    "opcode 15": (0x80 | 15, 200),
    "long ping": (0x80 | PING, 126),
    "ping in fragments": (PING, 5),
    "nothing to continue": (0x80 | CONT, 5),
    "close of one byte": (0x80 | CLOSE, 1),
    "close with a code that is none": (0x80 | CLOSE, 2),
    "close that is too long": (0x80 | CLOSE, 200),
}


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize(
    "name", [*BAD, "mask", "a new message inside another", "the same after a ping", "text beyond", "fragments beyond"]
)
def test_what_is_wrong_ends_as_it_does_with_the_parser_alone(name: str, masked: bool) -> None:
    longest = 1_000 if "beyond" in name else LONGEST
    mask = b"mask" if masked else b""

    def wrong() -> list[bytes]:
        if name == "mask":
            return [frame(0x80 | TEXT, LETTERS[:150], b"" if masked else b"mask")]
        if name == "text beyond":
            return [frame(0x80 | TEXT, LETTERS[:1_001], mask)]
        if name == "fragments beyond":
            return [frame(TEXT, LETTERS[:600], mask), frame(0x80 | CONT, LETTERS[:401], mask)]
        if name == "a new message inside another":
            return [frame(TEXT, b"one", mask), frame(0x80 | TEXT, LETTERS[:150], mask)]
        if name == "the same after a ping":
            ping = frame(0x80 | PING, b"?", mask)
            return [frame(TEXT, b"one", mask), ping, frame(0x80 | TEXT, LETTERS[:150], mask)]
        head, size = BAD[name]
        return [frame(head, LETTERS[:size], mask)]

    @settings(QUIET, max_examples=25)
    @given(st.data())
    def story(data: st.DataObject) -> None:
        def some() -> list[tuple[int, int]]:
            told = data.draw(st.lists(messages((0, 1, 125, 126, 127, 200)), max_size=2))
            return [head for message in told for head in message]

        # What comes after is nobody's any more.
        before, after = (written(data.draw, some(), masked=masked) for _ in range(2))
        stream = pieces(data.draw, before + wrong() + after)
        alone, *others = ends(stream, masked=masked, longest=longest)
        assert others == [alone] * 3
        assert alone[1] == (1009 if "beyond" in name else 1002)

    story()


@pytest.mark.parametrize("longest", [1, 125, 126, 1_000, 65_535, 65_536, 65_537, LONGEST])
@pytest.mark.parametrize("masked", [True, False])
def test_the_longest_message_may_come_and_no_longer(masked: bool, longest: int) -> None:
    mask = b"\x01\x02\x03\x04" if masked else b""
    sound = LETTERS * 20
    good, bad = (frame(0x80 | TEXT, sound[:size], mask) for size in (longest, longest + 1))
    for stream in ([good], [good, good], [good + good], [good[:3], good[3:]]):
        alone, *others = ends(stream, masked=masked, longest=longest)
        assert others == [alone] * 3
        assert alone[1] is None
    for stream in ([bad], [good, bad, good], [good + bad + good], [bad[:9], bad[9:], good]):
        alone, *others = ends(stream, masked=masked, longest=longest)
        assert others == [alone] * 3
        assert alone[1] == 1009


def test_a_length_that_nobody_could_send_is_refused_before_it_comes() -> None:
    for size in (LONGEST + 1, 2**62, 2**63, 2**64 - 1):
        head = struct.pack("!BBQ", 0x81, 0xFF, size) + b"mask"
        for stream in ([head], [head[:4], head[4:]], [head + b"x" * 1000]):
            alone, *others = ends(stream, masked=True)
            assert others == [alone] * 3
            assert alone[1] == 1009


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_the_quickest_way_takes_whole_texts_between_all_else(size: int, masked: bool) -> None:
    mask = b"\x80\x01\x02\x03" if masked else b""
    text = LETTERS[:size]
    one = frame(0x80 | TEXT, text, mask)
    reader = Quick(masked=masked)
    cutter, ask = reader.cutter, reader.ask
    expected = [text] if 126 <= size <= 65_535 else None  # the others are rare, and go the longer way
    assert ask(one) == expected
    assert ask(one) == expected, "the second is like the one before"
    assert cutter.cut(one) == [(True, text)]
    for other in (
        one[:-1],
        one + b"\x81",
        one[1:],
        frame(0x80 | BINARY, text, mask),
        frame(TEXT, text, mask),
    ):
        assert ask(other) is None
    assert not ask(b"")
    assert ask(one * 2) == (None if masked or expected is None else expected * 2), "a phone's come one by one"
    assert ask(one) == expected, "what it was asked meanwhile means nothing"
    assert cutter.cut(one[:1]) == []
    assert ask(one) is None, "inside of a frame"
    assert cutter.cut(one[1:]) == [(True, text)]
    assert ask(one) == expected
    other = frame(0x80 | BINARY, one, mask)
    body = len(other) - len(one)
    assert cutter.cut(other[:body]) == [(False, other[:body])]
    assert ask(one) is None, "inside of a frame of the parser's"
    assert cutter.cut(other[body:]) == [(False, other[body:])]
    assert ask(one) == expected
    start, end = frame(TEXT, b"to be", mask), frame(0x80 | CONT, b"continued", mask)
    assert cutter.cut(start) == [(False, start)]
    assert ask(one) is None, "inside of a message"
    assert cutter.cut(end) == [(False, end)]
    assert ask(one) == expected


def test_nearly_all_of_a_call_never_meets_the_parser() -> None:
    reader = Cut(masked=True)
    texts = [LETTERS[n : n + 240] for n in range(50)]
    reader.read(b"".join(frame(0x80 | TEXT, text, b"mask") for text in texts))
    assert reader.whole == 50
    assert reader.seen == [(TEXT, True, text) for text in texts]


# ---- what we write ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_texts_are_written_as_the_parser_reads_them(size: int) -> None:
    texts = [LETTERS[:size], LETTERS[1 : size + 1], b"short", LETTERS[:size]]
    expected = [(TEXT, True, text) for text in texts]
    client = Alone(masked=False)
    client.read(text_frames(texts))
    assert client.seen == expected
    server = Alone(masked=True)
    for text in texts:
        server.read(masked_text_frame(text))
    assert server.seen == expected
    assert text_frames([]) == b""


def test_every_mask_is_a_new_one() -> None:
    server = Alone(masked=True)
    frames = [masked_text_frame(LETTERS[:200]) for _ in range(1_000)]  # beyond what is asked of the system at once
    for one in frames:
        server.read(one)
    assert server.seen == [(TEXT, True, LETTERS[:200])] * 1_000
    assert len({one[4:8] for one in frames}) > 990, "by chance two may be alike"


def test_the_opcodes_above_are_the_packages() -> None:
    assert (TEXT, BINARY, CONT) == (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
    assert (CLOSE, PING, PONG) == (Opcode.CLOSE, Opcode.PING, Opcode.PONG)
