"""Something broke: the model, the phone's stream, the house itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bridge.observe.endings import ending
from bridge.observe.rules.finding import MOST_TIMES, Case, Finding, short


def troubles(case: Case) -> Iterator[Finding]:
    for rule, (is_it, sentence, advice) in TROUBLES.items():
        seen = [broke for broke in case.story.troubles if is_it(broke.where, broke.code)]
        if seen:
            yield Finding(
                rule,
                sentence.format(times="" if len(seen) == 1 else f" {len(seen)} times", what=short(seen[0].message)),
                tuple(broke.at_ms for broke in seen[:MOST_TIMES]),
                advice,
                {"code": seen[0].code, "message": short(seen[0].message)},
            )


RATE = ("rate_limit_exceeded", "insufficient_quota")
TROUBLES: dict[str, tuple[Callable[[str, str], bool], str, str]] = {
    "model_lost": (
        lambda where, code: where == "model" and code == "lost",
        "The model was lost in the call: {what}.",
        "Check the key, the model's name and the service's status; callers are told and hung up on, or handed over.",
    ),
    "phone_lost": (
        lambda where, code: where == "phone" and code == "lost",
        "The phone's stream broke{times}: {what}.",
        "Look at the way between the carrier and callbridge: tunnel, proxy time-outs, restarts.",
    ),
    "rate_limited": (
        lambda where, code: where == "model" and code in RATE,
        "The model refused to answer{times}, for we asked for too much: {what}",
        "Raise the account's limits or its credit, or allow fewer calls at once (BRIDGE_LIMIT_CALLS).",
    ),
    "model_silent": (
        lambda where, code: where == "model" and code == "no_response",
        "The model did not begin an answer that it was asked for{times}.",
        "It was asked again. When this goes on, look at the service's status and the network way to it.",
    ),
    "response_failed": (
        lambda where, code: where == "model" and code not in (*RATE, "lost", "no_response"),
        "The model reported an error{times}: {what}",
        "The events around that moment hold its whole answer.",
    ),
    "tool_loop": (
        lambda where, code: where == "tool" and code == "loop",
        "The model called the same tool again and again: {what}",
        "Let the tool's answer say what to do next, and when to stop asking.",
    ),
}


def garbage(case: Case) -> Iterator[Finding]:
    for side, count in case.story.garbage.items():
        yield Finding(
            "not_understood",
            f"{count} message{'s' if count > 1 else ''} of the {side} could not be understood.",
            (),
            "The events hold them as they came: another version of the protocol, or something between that changes "
            "them.",
            {"side": side, "count": count},
        )


def end(case: Case) -> Iterator[Finding]:
    reason = case.record.get("end_reason")
    said = END_RULES.get(str(reason))
    if said is None or (reason == "phone_lost" and any(b.where == "phone" for b in case.story.troubles)):
        return
    if reason == "model_failed" and any(b.where == "model" and b.code == "lost" for b in case.story.troubles):
        return
    rule, advice = said
    yield Finding(rule, ending(case.record), (case.story.end_ms,), advice, {"end_reason": reason})


END_RULES = {
    "crashed": ("crashed", "Look into the log of that time, and for what killed the process (memory, a deploy)."),
    "model_failed": ("model_lost", "Check the key, the model's name and the service's status."),
    "phone_lost": ("phone_lost", "Look at the way between the carrier and callbridge."),
    "silence": ("silence", "Was the caller there at all? Listen to the recording's last minute."),
    "max_duration": ("too_long", "Raise max_minutes when calls may be longer; or see what took so long."),
}
