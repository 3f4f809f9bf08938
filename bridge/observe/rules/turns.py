"""Turn taking: the agent stopped for nothing, or nobody said anything."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.observe.rules.finding import MOST_TIMES, Case, Finding, seconds
from bridge.observe.story import Story

DEAD_AIR_MS = 12_000
"""Nobody speaks for so long, and nobody is waited for by a tool."""
SHORT_SOUND_MS = 350
"""A sound of the caller that was so short, and brought no words, was a cough or a door."""


def false_interruptions(case: Case) -> Iterator[Finding]:
    wrong, resumed = [], []
    for cut in case.story.cuts:
        if cut.resumed_ms is not None:
            resumed.append(cut)
        elif cut.why == "speech" and _was_no_word(case, cut.at_ms):
            wrong.append(cut)
    found = wrong + resumed
    if not found:
        return
    went = "" if not resumed else f" ({len(resumed)} of them noticed: the agent went on where it was)"
    many = "once" if len(found) == 1 else f"{len(found)} times"
    yield Finding(
        "false_interruption",
        f"The agent was stopped {many} by a sound that was no word of the caller{went}.",
        tuple(cut.at_ms for cut in found[:MOST_TIMES]),
        "Noise or an echo of the agent's own voice: raise the threshold, use noise reduction, or let a doubtful sound "
        "be waited for (`false_interruption`).",
        {"stopped": len(found), "went_on": len(resumed)},
    )


def _was_no_word(case: Case, at_ms: int) -> bool:
    """Did the sound around this moment bring no words? Where nobody writes words down, only a short one tells."""
    near = [spoke for spoke in case.story.caller if spoke.start_ms - 300 <= at_ms <= spoke.end_ms + 1000]
    if not near:
        return False
    sound = near[-1]
    if case.words_known:
        return not sound.text
    return sound.end_ms - sound.start_ms <= SHORT_SOUND_MS


def dead_air(case: Case) -> Iterator[Finding]:
    story = case.story
    if not story.answered:
        return
    busy = sorted(
        [(spoke.start_ms, spoke.end_ms) for spoke in story.caller]
        + [(spoke.start_ms, spoke.end_ms) for spoke in story.agent]
        + [(tool.start_ms, story.end_ms if tool.end_ms is None else tool.end_ms) for tool in story.tools]
        + [(at, at) for at, _ in story.keys]
        + _away(story)
        + [(story.end_ms, story.end_ms)]
    )
    at, found = 0, []
    for start, end in busy:
        if start - at >= DEAD_AIR_MS:
            found.append((at, start - at))
        at = max(at, end)
    if found:
        yield Finding(
            "dead_air",
            f"Nobody said anything for {seconds(max(ms for _, ms in found))}.",
            tuple(since for since, _ in found[:MOST_TIMES]),
            "Let the agent ask into the silence (`silence`), or look why it had nothing to say.",
            {"silent_ms": [ms for _, ms in found[:MOST_TIMES]]},
        )


def _away(story: Story) -> list[tuple[int, int]]:
    """Stretches in which the caller was somewhere else."""
    found = []
    ends = [*story.phases[1:], (story.end_ms, "ENDED")]
    for (since, phase), (until, _) in zip(story.phases, ends, strict=False):
        if phase == "AWAY":
            found.append((since, until))
    return found
