"""Somebody was not heard, or not well: one-way audio, the wrong format, gaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from bridge.observe.rules.finding import MOST_TIMES, Case, Finding, seconds

LITTLE_MS = 5000
"""A call shorter than this proves nothing about who could be heard."""
SILENT_MS = 20_000
"""A caller who listens makes no sound for a while; nobody does for so long."""
STUTTER_MS = 400
"""The agent's voice took so much longer to be heard than it is long."""


def caller_never_heard(case: Case) -> Iterator[Finding]:
    story = case.story
    if not story.answered or story.end_ms < LITTLE_MS:
        return
    seen = {"audio_in_ms": story.phone_in_ms, "call_ms": story.end_ms}
    if story.phone_in_ms < story.end_ms // 20:
        yield Finding(
            "caller_never_heard",
            f"One-way audio: of {seconds(story.end_ms)} of call only {seconds(story.phone_in_ms)} of the caller's audio"
            " arrived.",
            (0,),
            "The carrier's stream sends nothing: check that the stream's track is inbound (or the <Connect> form), and "
            "firewalls or proxies that let only one direction through.",
            seen,
        )
    elif case.loudest is not None and case.loudest[0] == 0 and not story.keys and story.end_ms >= SILENT_MS:
        yield Finding(
            "caller_never_heard",
            f"One-way audio: {seconds(story.phone_in_ms)} of the caller's audio arrived, and all of it is silence.",
            (0,),
            "The caller's microphone is muted, or the carrier's leg carries no sound: try the number from another "
            "phone.",
            seen | {"loudest": case.loudest[0]},
        )
    elif case.record.get("end_reason") == "silence" and not story.caller and not story.keys:
        yield Finding(
            "caller_never_heard",
            "The caller's audio arrived, but the model never noticed anybody speak in it.",
            (0,),
            "Listen to the recording: when there is a voice in it, lower the turn detection's threshold.",
            seen,
        )


def agent_never_heard(case: Case) -> Iterator[Finding]:
    story = case.story
    if story.answered and story.phone_out_ms >= 400 and story.end_ms >= LITTLE_MS and not story.marks_back:
        yield Finding(
            "agent_never_heard",
            f"One-way audio: {seconds(story.phone_out_ms)} of the agent's audio was sent, and the phone confirmed "
            "none of it.",
            (story.agent[0].start_ms if story.agent else 0,),
            "The stream is one-way: use <Connect><Stream>, not <Start><Stream>, which only listens; and look for a "
            "proxy that drops what we send.",
            {"audio_out_ms": story.phone_out_ms, "marks_back": 0},
        )


def wrong_format(case: Case) -> Iterator[Finding]:
    story = case.story
    if story.told_format and story.wanted_format and story.told_format != story.wanted_format:
        yield Finding(
            "wrong_format",
            f"Wrong audio format: we asked the model for {story.wanted_format} and it answers in {story.told_format}, "
            "which would be loud noise on the phone.",
            (0,),
            "Check REALTIME_AUDIO and the dialect (REALTIME_DIALECT) against what this server speaks.",
            {"asked": story.wanted_format, "answered": story.told_format},
        )
    if story.phone_format and story.phone_format != "audio/x-mulaw 8000 Hz, 1 channel":
        yield Finding(
            "wrong_format",
            f"Wrong audio format: the phone's stream sends {story.phone_format} instead of mu-law at 8000 Hz.",
            (0,),
            "The carrier's stream must carry audio/x-mulaw at 8000 Hz, one channel.",
            {"phone": story.phone_format},
        )


def gaps(case: Case) -> Iterator[Finding]:
    if not case.gaps:
        return
    longest = max(gap.length_ms for gap in case.gaps)
    lost = sum(gap.lost_ms for gap in case.gaps)
    never = f"{seconds(lost)} of it never arrived" if lost else "it came late, all at once"
    times = "once" if len(case.gaps) == 1 else f"{len(case.gaps)} times"
    yield Finding(
        "audio_gaps",
        f"Gaps in the caller's audio: it stopped {times} for up to {seconds(longest)}, and {never}.",
        tuple(gap.at_ms for gap in case.gaps[:MOST_TIMES]),
        "The network between the carrier and callbridge stalls: look at the tunnel or proxy, and at the machine's "
        "load.",
        {"gaps": [asdict(gap) for gap in case.gaps[:MOST_TIMES]], "lost_ms": lost},
    )


def stutter(case: Case) -> Iterator[Finding]:
    resumed = {cut.item_id for cut in case.story.cuts if cut.resumed_ms is not None}
    found = [
        (spoke, spoke.end_ms - spoke.start_ms - spoke.heard_ms)
        for spoke in case.story.agent
        if spoke.heard_ms
        and spoke.item_id not in resumed
        and spoke.end_ms - spoke.start_ms - spoke.heard_ms >= STUTTER_MS
    ]
    if found:
        most = max(late for _, late in found)
        yield Finding(
            "voice_gaps",
            f"The agent's voice had gaps: one turn took {seconds(most)} longer to be heard than it is.",
            tuple(spoke.start_ms for spoke, _ in found[:MOST_TIMES]),
            "The model sent its audio too slowly, or the way to the phone stalled: compare both in the timeline.",
            {"late_ms": [late for _, late in found[:MOST_TIMES]]},
        )
