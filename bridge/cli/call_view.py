"""A call as lines of text: the same words for a call that happens and for one that is past."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {"caller": "cyan", "agent": "green", "tool": "magenta", "keys": "cyan", "cut": "yellow", "trouble": "red"}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened: when (ms since the phone was attached), who or what, and in words."""

    at_ms: int
    who: str
    text: str
    note: str = ""

    def __str__(self) -> str:
        return f"{clock(self.at_ms):>8}  {self.who:<8} {self.text}" + (f"  ({self.note})" if self.note else "")


def console(*, to_stderr: bool = False) -> Console:
    """Colours on a terminal, none elsewhere or with NO_COLOR; nothing that a call holds is taken for markup."""
    from rich.console import Console

    return Console(stderr=to_stderr, markup=False, highlight=False, emoji=False, soft_wrap=True)


def show(line: Line, to: Console) -> None:
    """Print one line."""
    to.print(str(line), style=_STYLES.get(line.who, "dim"))


def turn_lines(turn: Mapping[str, Any]) -> list[Line]:
    """A line of transcript.jsonl in words. What was cut says what was heard and what was not."""
    role, start = str(turn.get("role", "")), int(turn.get("start_ms", 0))
    if role == "agent":
        waited = latency(int(turn.get("latency_ms", -1)))
        if turn.get("cut"):
            text = f"{cut_mark(turn)}: '{printable(turn['heard_text'])}' | not heard: '{printable(unheard(turn))}'"
            return [Line(start, role, text, waited)]
        return [Line(start, role, quoted(turn["text"]), _notes(seconds(turn), waited))]
    return [_short_line(role, start, turn)]


def _short_line(role: str, start: int, turn: Mapping[str, Any]) -> Line:
    if role == "caller":
        # Nothing is claimed to have been said when no words were understood.
        spoken = quoted(turn["text"]) if turn["text"] else f"[speech {seconds(turn)}]"
        return Line(start, role, spoken, seconds(turn) if turn["text"] else "")
    if role == "tool":
        took = f"{max(0, turn['end_ms'] - start)} ms"
        result = quoted(turn["text"]) + ("" if turn.get("ok", True) else " FAILED")
        note = _notes(took, printable(str(turn.get("note", ""))))
        return Line(start, role, f"{tool_call(turn['tool'], turn['arguments'])} -> {result}", note)
    return Line(start, role, printable(str(turn.get("text", ""))))


def analysis_lines(analysis: Mapping[str, Any]) -> list[str]:
    """What a text model made of a call: a line for each thing it found."""
    if not analysis:
        return []
    if analysis.get("error"):
        return [f"analysis   failed: {printable(str(analysis['error']))}"]
    lines = [f"{name:<10} {printable(str(analysis[name]))}" for name in ("summary", "disposition") if name in analysis]
    data = analysis.get("data")
    for name, value in data.items() if isinstance(data, dict) else ():
        told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        lines.append(f"data       {printable(str(name))}: {printable(told)}")
    return [*lines, f"made by    {printable(str(analysis.get('model', '')))}"]


def cut_mark(turn: Mapping[str, Any]) -> str:
    """`heard 2.4 of 7.9 s`."""
    return f"heard {turn['heard_ms'] / 1000:.1f} of {turn['length_ms'] / 1000:.1f} s"


def unheard(turn: Mapping[str, Any]) -> str:
    """The words behind those that were heard."""
    return str(turn["text"]).removeprefix(str(turn["heard_text"])).strip()


def latency(waited_ms: int) -> str:
    """How long the caller waited for an answer; empty when it answers nobody."""
    return f"answered after {waited_ms} ms" if waited_ms >= 0 else ""


def seconds(turn: Mapping[str, Any]) -> str:
    """How long a turn lasted."""
    return f"{max(0, turn['end_ms'] - turn['start_ms']) / 1000:.1f} s"


def tool_call(name: str, arguments: str) -> str:
    """A tool call as a programmer would write it: `order_status(number="4271")`."""
    try:
        given = json.loads(arguments or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        return printable(f"{name}({arguments})")
    return printable(f"{name}({', '.join(f'{k}={json.dumps(v, ensure_ascii=False)}' for k, v in given.items())})")


def quoted(text: str) -> str:
    """Words in quotes, on one line, without anything that would move a cursor."""
    return f'"{printable(text)}"'


def printable(text: str) -> str:
    """`text` on one line: what cannot be printed becomes a blank."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def clock(ms: int) -> str:
    """`1:05.3`: minutes, seconds, tenths."""
    tenths = max(0, ms) // 100
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def _notes(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
