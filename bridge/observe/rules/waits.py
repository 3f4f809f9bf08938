"""Somebody had to wait: for the greeting, for an answer, for a tool, or in vain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bridge.observe.rules.finding import MOST_TIMES, Case, Finding, seconds, short
from bridge.observe.story import Story, Wait

SLOW_MS = 1500
"""Last sound of the caller -> first sound of the answer. People answer each other within 0.2 to 0.5 s; from about a
second and a half on callers ask whether somebody is there."""
NO_ANSWER_MS = 4000
"""So long without any answer a caller speaks again, or hangs up."""
LATE_GREETING_MS = 2500
"""Phone on -> first sound of the agent."""
SLOW_TOOL_MS = 3000

LEGS = {
    "turn_detection": (
        "turn detection, which took {ms} ms to be sure that the caller had finished",
        "Lower silence_duration_ms, or use semantic turn detection with a higher eagerness.",
    ),
    "tools": (
        "tools, which took {ms} ms of it",
        "Make the tool faster, or let it say something first (`say`), so that the caller hears a voice meanwhile.",
    ),
    "model": (
        "the model, whose first audio came {ms} ms after the turn was over",
        "Shorten the instructions and the history, try a smaller model, and look at the network way to it.",
    ),
    "bridge": (
        "callbridge itself, which kept the audio for {ms} ms",
        "Look at the machine's load: `bridge_event_loop_lag_seconds`, other processes, the number of calls.",
    ),
    "phone": (
        "the way to the phone, on which the audio took {ms} ms",
        "Run callbridge nearer to the carrier's edge, and look at the tunnel or proxy between.",
    ),
}
"""Where a wait was spent: in words, and what to do about it."""


def late_greeting(case: Case) -> Iterator[Finding]:
    first = next((spoke for spoke in case.story.agent if spoke.wait is None and spoke.heard_ms), None)
    began = min((spoke.start_ms for spoke in case.story.caller), default=case.story.end_ms)
    if first is None or first is not case.story.agent[0] or case.record.get("direction") == "outbound":
        return
    if first.start_ms >= LATE_GREETING_MS and first.start_ms <= began:
        yield Finding(
            "late_greeting",
            f"The greeting came late: the caller heard nothing for {seconds(first.start_ms)}.",
            (0, first.start_ms),
            "See when the model's session was ready (session.updated) in the events: the connection to the model, or "
            "what is looked up before the call, takes too long.",
            {"greeting_ms": first.start_ms},
        )


def slow(case: Case) -> Iterator[Finding]:
    slow = [wait for wait in case.story.waits if wait.total_ms >= SLOW_MS]
    by_leg: dict[str, list[tuple[Wait, int]]] = {}
    for wait in slow:
        legs = _legs(case.story, wait)
        leg = max(legs, key=lambda name: legs[name])
        by_leg.setdefault(leg, []).append((wait, legs[leg]))
    for leg, waits in by_leg.items():
        worst, ms = max(waits, key=lambda one: one[0].total_ms)
        words, advice = LEGS[leg]
        many = "A turn was" if len(waits) == 1 else f"{len(waits)} turns were"
        yield Finding(
            "slow_turn",
            f"{many} slow: the caller waited up to {seconds(worst.total_ms)} for an answer, most of it for "
            f"{words.format(ms=ms)}.",
            tuple(wait.stopped_ms for wait, _ in waits[:MOST_TIMES]),
            advice,
            {"leg": leg, "turns": [{"total_ms": w.total_ms} | _legs(case.story, w) for w, _ in waits[:MOST_TIMES]]},
        )


def _legs(story: Story, wait: Wait) -> dict[str, int]:
    """The legs of a wait, with the tools taken out of the model's."""
    legs = dict(wait.legs)
    spans = [(t.start_ms, story.end_ms if t.end_ms is None else t.end_ms) for t in story.tools]
    inside = sum(max(0, min(end, wait.first_audio_ms) - max(start, wait.noticed_ms)) for start, end in spans)
    legs["tools"] = min(inside, legs["model"])
    legs["model"] -= legs["tools"]
    return legs


def no_answer(case: Case) -> Iterator[Finding]:
    story = case.story
    left = [(since, until) for since, until in story.unanswered if until - since >= NO_ANSWER_MS]
    # Who is handed over, or says goodbye to an agent that hangs up, is not waiting.
    left = [one for one in left if not any(one[0] <= at <= one[1] for at, _ in story.handovers)]
    if not left:
        return
    longest = max(until - since for since, until in left)
    hung_up = case.record.get("end_reason") == "caller_hung_up" and left[-1][1] >= story.end_ms - 50
    then = ", and hung up" if hung_up else ""
    yield Finding(
        "no_answer",
        f"The caller got no answer: they waited {seconds(longest)}{then}.",
        tuple(since for since, _ in left[:MOST_TIMES]),
        "Look at what the model did after the turn was over: no response.created, a response that never said "
        "anything, or a tool that did not return.",
        {"waited_ms": [until - since for since, until in left[:MOST_TIMES]], "hung_up": hung_up},
    )


def tools_failed(case: Case) -> Iterator[Finding]:
    failed: dict[str, list[Any]] = {}
    for tool in case.story.tools:
        if not tool.ok:
            failed.setdefault(tool.name, []).append(tool)
    for name, uses in failed.items():
        often = "" if len(uses) == 1 else f" {len(uses)} times"
        yield Finding(
            "tool_failed",
            f"The tool {name} failed{often}: {short(uses[0].output)}",
            tuple(tool.start_ms for tool in uses[:MOST_TIMES]),
            "The log has the whole error under this call's id; try the tool with these arguments.",
            {"tool": name, "arguments": uses[0].arguments, "output": short(uses[0].output)},
        )


def tools_slow(case: Case) -> Iterator[Finding]:
    slow = [
        (tool, (case.story.end_ms if tool.end_ms is None else tool.end_ms) - tool.start_ms)
        for tool in case.story.tools
        if tool.ok
    ]
    slow = [(tool, took) for tool, took in slow if took >= SLOW_TOOL_MS]
    for name in dict.fromkeys(tool.name for tool, _ in slow):
        took = [ms for tool, ms in slow if tool.name == name]
        yield Finding(
            "tool_slow",
            f"The tool {name} was slow: it took {seconds(max(took))}.",
            tuple(tool.start_ms for tool, _ in slow if tool.name == name)[:MOST_TIMES],
            "Make it faster, give it a time-out, or let it say what it does (`say`).",
            {"tool": name, "took_ms": took[:MOST_TIMES]},
        )
