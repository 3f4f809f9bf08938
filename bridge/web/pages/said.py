"""What was said, line by line, as pages and text files show it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.observe.endings import ending
from bridge.web.pages.call_picture import clock

UNKNOWN = "[speech, no words known]"


@dataclass(frozen=True, slots=True)
class Said:
    """One line. `text` was heard; `unheard` is what the caller was spared by cutting in."""

    who: str
    """caller, agent, tool or keys."""
    start_ms: int
    end_ms: int
    text: str
    unheard: str = ""
    cut: str = ""
    waited_ms: int | None = None
    tool: str = ""
    arguments: str = ""
    ok: bool = True
    known: bool = True
    """False: there was speech, and nobody knows its words."""


def spoken_lines(transcript: Iterable[Mapping[str, Any]]) -> list[Said]:
    """The transcript's lines; one that is not as it should be is left out."""
    found = []
    for line in transcript:
        try:
            found.append(_said(line))
        except (KeyError, TypeError, ValueError):
            continue
    return found


def _said(line: Mapping[str, Any]) -> Said:
    who, text = str(line["role"]), str(line.get("text") or "")
    start, end = int(line.get("start_ms") or 0), int(line.get("end_ms") or 0)
    if who == "agent":
        return _agent(line, start, end, text)
    if who == "tool":
        arguments = pretty(str(line.get("arguments") or ""))
        ok = bool(line.get("ok", True))
        return Said(who, start, end, pretty(text), tool=str(line["tool"]), arguments=arguments, ok=ok)
    return Said(who, start, end, text or UNKNOWN, known=bool(text))


def _agent(line: Mapping[str, Any], start: int, end: int, text: str) -> Said:
    waited = int(line.get("latency_ms", -1))
    waited_ms = waited if waited >= 0 else None
    if not line.get("cut"):
        return Said("agent", start, end, text or UNKNOWN, waited_ms=waited_ms, known=bool(text))
    heard = str(line.get("heard_text") or "")
    cut = f"heard {int(line['heard_ms']) / 1000:.1f} of {int(line['length_ms']) / 1000:.1f} s"
    unheard = text.removeprefix(heard).strip()
    return Said("agent", start, end, heard, unheard=unheard, cut=cut, waited_ms=waited_ms, known=bool(text))


def pretty(text: str) -> str:
    """JSON laid out for reading; anything else as it is."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return json.dumps(found, ensure_ascii=False, indent=1) if isinstance(found, (dict, list)) else text


def transcript_text(record: Mapping[str, Any], transcript: Iterable[Mapping[str, Any]]) -> str:
    """The transcript for people who read it elsewhere."""
    parties = f"{record.get('from') or 'unknown'} -> {record.get('to') or 'unknown'}"
    lines = [f"{record.get('id')}  {parties}  {record.get('started_at')}", ending(record), ""]
    for said in spoken_lines(transcript):
        text = f"{said.tool}({_flat(said.arguments)}) -> {_flat(said.text)}" if said.tool else _flat(said.text)
        cut = f" [{said.cut}; not heard: {_flat(said.unheard)}]" if said.cut else ""
        failed = "" if said.ok else " [failed]"
        lines.append(f"{clock(said.start_ms):>8}  {said.who:<6}  {text}{cut}{failed}")
    return "\n".join(lines) + "\n"


def _flat(text: str) -> str:
    return " ".join(text.split())
