"""The picture of a call: who spoke, who waited, which tools ran, where the caller cut in, as rectangles on lanes.

A long call is drawn in several bands below each other, so that a second is never too narrow to see. Only places and
sizes are worked out here; `templates/parts/call_picture.html` draws them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from bridge.observe.story import AgentSpoke, Story

WIDTH = 960
LANES = {"caller": 18, "agent": 40, "tool": 62}
"""Where each lane begins in a band, from its top."""
LANE_HEIGHT = 18
BAND_HEIGHT = 100
BANDS_MS = (30_000, 60_000, 120_000, 300_000, 600_000, 1_200_000)
MOST_BANDS = 10
LEAST_WIDTH = 1.5
"""A word of 20 ms is still seen."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch, as it stands in the table beside the picture too."""

    kind: str
    """caller, wait, agent, unheard, tool, failed."""
    start_ms: int
    end_ms: int
    words: str


@dataclass(frozen=True, slots=True)
class Box:
    """A stretch, or the part of it that lies in one band."""

    kind: str
    x: float
    y: int
    width: float
    height: int
    at_ms: int
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the time axis, or of an interruption."""

    x: float
    at_ms: int
    title: str = ""


@dataclass(slots=True)
class Band:
    """One line of the picture."""

    start_ms: int
    top: int
    boxes: list[Box] = field(default_factory=list)
    cuts: list[Tick] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it. `spans` are for the table."""

    bands: list[Band]
    spans: list[Span]
    width: int
    height: int


def draw(story: Story) -> Picture:
    """The picture of a call."""
    spans = sorted(_spans(story), key=lambda span: (span.start_ms, span.kind))
    total = max([story.end_ms, *(span.end_ms for span in spans), 1000])
    longest = next((ms for ms in BANDS_MS if total <= ms * MOST_BANDS), BANDS_MS[-1])
    count = -(-total // longest)
    length = max(10_000, -(-total // (count * 1000)) * 1000)  # bands of one length, so that the last one is as full
    bands = [Band(at, index * BAND_HEIGHT) for index, at in enumerate(range(0, total, length))]
    for span in spans:
        for band in _touched(bands, span, length):
            band.boxes.append(_box(band, span, length))
    for cut in story.cuts:
        band = bands[min(max(cut.at_ms, 0) // length, len(bands) - 1)]
        words = "went on: it was no word" if cut.resumed_ms is not None else f"the agent was cut, by {cut.why}"
        band.cuts.append(Tick(_x(cut.at_ms - band.start_ms, length), cut.at_ms, words))
    step = next(ms for ms in (1000, 5000, 10_000, 30_000, 60_000, 300_000) if length / ms <= 12 or ms == 300_000)
    for band in bands:
        first = -(-band.start_ms // step) * step
        band.ticks = [Tick(_x(at - band.start_ms, length), at) for at in range(first, band.start_ms + length, step)]
    return Picture(bands, spans, WIDTH, len(bands) * BAND_HEIGHT)


def _spans(story: Story) -> Iterator[Span]:
    for spoke in story.caller:
        yield Span("caller", spoke.start_ms, spoke.end_ms, spoke.text or "the caller speaks")
    for at_ms, digits in story.keys:
        yield Span("caller", at_ms, at_ms + 200, f"keys {digits}")
    for wait in story.waits:
        until = wait.heard_ms if wait.heard_ms is not None else wait.first_frame_ms
        yield Span("wait", wait.stopped_ms, until, f"the caller waits, {wait.total_ms} ms")
    for spoke_, behind in pairwise([*story.agent, None]):
        assert spoke_ is not None  # noqa: S101 - only the last one of the pairs is None
        yield from _agent(spoke_, behind.start_ms if behind is not None else story.end_ms + 15_000)
    for tool in story.tools:
        end = story.end_ms if tool.end_ms is None else tool.end_ms
        yield Span("tool" if tool.ok else "failed", tool.start_ms, end, f"{tool.name}({tool.arguments})")


def _agent(spoke: AgentSpoke, until_ms: int) -> Iterator[Span]:
    if spoke.heard_ms:
        yield Span("agent", spoke.start_ms, spoke.end_ms, spoke.heard_text or "the agent speaks")
    missing = spoke.length_ms - spoke.heard_ms
    if spoke.cut and missing > 0:
        words = spoke.text.removeprefix(spoke.heard_text).strip()
        yield Span("unheard", spoke.end_ms, max(spoke.end_ms, min(spoke.end_ms + missing, until_ms)), words)


def _touched(bands: list[Band], span: Span, length: int) -> list[Band]:
    first = max(0, span.start_ms) // length
    last = max(first, (max(span.start_ms, span.end_ms - 1)) // length)
    return bands[first : last + 1]


def _box(band: Band, span: Span, length: int) -> Box:
    begin = max(span.start_ms - band.start_ms, 0)
    end = min(span.end_ms - band.start_ms, length)
    x = min(_x(begin, length), WIDTH - LEAST_WIDTH)
    width = round(max(_x(end, length) - x, LEAST_WIDTH), 1)
    lane = {"wait": "agent", "unheard": "agent", "failed": "tool"}.get(span.kind, span.kind)
    took = (span.end_ms - span.start_ms) / 1000
    title = f"{NAMES[span.kind]} at {clock(span.start_ms)}, {took:.1f} s: {span.words}"
    thin = span.kind == "wait"
    y = LANES[lane] + (7 if thin else 0)
    return Box(span.kind, x, band.top + y, width, 4 if thin else LANE_HEIGHT, span.start_ms, title)


def _x(ms: int, length: int) -> float:
    return round(WIDTH * ms / length, 1)


NAMES = {
    "caller": "Caller",
    "wait": "Wait",
    "agent": "Agent",
    "unheard": "Agent, not heard",
    "tool": "Tool",
    "failed": "Tool failed",
}


def clock(ms: int) -> str:
    """`1:05.3`."""
    tenths = max(0, ms) // 100
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"
