"""A call and its replay side by side in a terminal."""

from __future__ import annotations

from itertools import zip_longest

from rich.table import Table

from bridge.cli.call_view import console, printable, turn_lines
from bridge.observe.papers import Papers


def show(old: Papers, new: Papers) -> None:
    """Figures first, then what was said."""
    screen = console()
    figures = Table(title="side by side", title_justify="left")
    for name in ("", "original", "replay"):
        figures.add_column(name)
    for name, left, right in zip(NAMES, _figures(old), _figures(new), strict=True):
        figures.add_row(name, left, right)
    screen.print(figures)
    said = Table(show_lines=False)
    said.add_column("original", ratio=1)
    said.add_column("replay", ratio=1)
    for one, other in zip_longest(_lines(old), _lines(new), fillvalue=""):
        said.add_row(one, other)
    screen.print(said)


NAMES = (
    "call",
    "agent",
    "model",
    "turns",
    "latency p50",
    "latency p95",
    "interrupted",
    "tools",
    "cost",
    "ended",
    "found",
)


def _figures(papers: Papers) -> list[str]:
    record, story = papers.record, papers.story
    cost = record.get("cost_usd")
    return [
        str(record.get("id", "")),
        printable(str(record.get("agent", ""))),
        printable(story.model),
        str(record.get("turns", "")),
        _ms(record.get("latency_p50_ms")),
        _ms(record.get("latency_p95_ms")),
        str(len(story.cuts)),
        ", ".join(printable(tool.name) for tool in story.tools) or "-",
        "-" if cost is None else f"${cost:.4f}",
        str(record.get("end_reason") or "not over"),
        ", ".join(finding.rule for finding in papers.explained.findings) or "nothing",
    ]


def _ms(found: object) -> str:
    return "-" if found is None else f"{found} ms"


def _lines(papers: Papers) -> list[str]:
    return [str(line) for turn in papers.transcript for line in turn_lines(turn)]
