"""One event in a few words: what it says, without its envelope."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Told = Mapping[str, Any]
LONGEST = 240


def brief_fact(fact: Told) -> str:
    """A fact of ours."""
    known = _FACTS.get(str(fact.get("fact", "")))
    if known is None:
        return _rest(fact)
    try:
        return _line(known(fact))
    except (KeyError, TypeError, ValueError):
        return _rest(fact)


def brief_model(raw: Told) -> str:
    """A message of the model's protocol."""
    error = raw.get("error")
    if isinstance(error, dict):
        return _line(f"{error.get('code') or error.get('type', '')}: {error.get('message', '')}")
    for name in ("delta", "transcript", "text", "arguments", "output"):
        if isinstance(raw.get(name), str):
            return _line(raw[name], keep_ends=name == "delta")
    item = raw.get("item")
    if isinstance(item, dict):
        return _line(" ".join(str(item.get(name, "")) for name in ("role", "type", "name", "output")))
    response = raw.get("response")
    if isinstance(response, dict):
        return _response(response)
    session = raw.get("session")
    if isinstance(session, dict):
        return _line(" ".join(str(session.get(name, "")) for name in ("model", "voice", "output_modalities")))
    return _line(" ".join(f"{k}={v}" for k, v in raw.items() if k.endswith("_ms") or k == "item_id"))


def _response(response: Told) -> str:
    error = (response.get("status_details") or {}).get("error") or {}
    words = [str(response.get("status", "")), str(error.get("message", "")), str(response.get("instructions", ""))]
    return _line(" ".join(word for word in words if word))


def brief_phone(raw: Told) -> str:
    """A message of the carrier's stream."""
    for name, part in (("mark", "name"), ("dtmf", "digit"), ("start", "streamSid")):
        inner = raw.get(name)
        if isinstance(inner, dict):
            return _line(str(inner.get(part, "")))
    return ""


_FACTS: dict[str, Callable[[Told], str]] = {
    "CallBegan": lambda f: f"{f['direction']}, {f['from_number']} to {f['to_number']}, agent {f['agent']}",
    "CallAnswered": lambda f: f"stream {f['stream_id']}",
    "PhaseChanged": lambda f: str(f["phase"]),
    "CallerStarted": lambda f: "",
    "CallerStopped": lambda f: f"spoke for {int(f['end_ms']) - int(f['start_ms'])} ms",
    "CallerSaid": lambda f: str(f["text"]) or "no words known",
    "AgentStarted": lambda f: "" if int(f["latency_ms"]) < 0 else f"answers after {f['latency_ms']} ms",
    "AgentSaid": lambda f: (
        f"{f['heard_text']} [cut at {f['heard_ms']} of {f['length_ms']} ms]" if f["cut"] else str(f["text"])
    ),
    "Interrupted": lambda f: f"by {f['why']}, {f['heard_ms']} of {f['received_ms']} ms were heard",
    "Resumed": lambda f: f"at {f['heard_ms']} ms: it was no word",
    "KeysPressed": lambda f: str(f["digits"]),
    "ToolStarted": lambda f: f"{f['name']}({f['arguments']})",
    "ToolUsed": lambda f: f"{f['name']}: {f['output']} ({int(f['end_ms']) - int(f['start_ms'])} ms)",
    "Trouble": lambda f: f"{f['where']}, {f['code']}: {f['message']}",
    "Guarded": lambda f: f"{f['name']}: {f['rationale']}",
    "AgentTookOver": lambda f: f"{f['agent']}: {f['why']}",
    "AnswerJudged": lambda f: f"{f['kind']}: {f['why']}",
    "HandingOver": lambda f: f"to {f['to']}",
    "CallEnded": lambda f: f"{f['reason']}, by {f['by'] or 'nobody'}" + (f": {f['error']}" if f["error"] else ""),
}
"""Facts whose fields are better told than listed."""


def _rest(fact: Told) -> str:
    return _line(", ".join(f"{k} {v}" for k, v in fact.items() if k not in ("t", "fact", "at_ms")))


def _line(text: str, *, keep_ends: bool = False) -> str:
    short = text if keep_ends else " ".join(text.split())
    return short if len(short) <= LONGEST else short[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
