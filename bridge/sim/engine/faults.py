"""Faults on demand: a small grammar for everything a speech model's server may do to its clients.

    fault   = kind [":" argument] ["@" moment] ["#" session]
    moment  = "start" [+seconds] | "response" [n] [+seconds] | "event" n
    session = the how-manieth connection it happens to, from 1; without it, to every one

    close:1011@response+0.5    close with this code half a second into the first response
    close:1012@start+30#1      only the first connection, 30 s after it was opened
    drop@event40               the TCP connection vanishes after the 40th event we sent (a client sees 1006)
    freeze@response2+0.3       nothing is read or sent any more, the connection stays
    refuse:503                 the upgrade is answered with this HTTP status
    key                        error invalid_api_key, then close 3000
    late:2.5                   session.created comes this many seconds late
    noupdate                   session.update is never answered
    format                     session.updated tells another output format than was asked, and sends it
    garbage@start+1            one frame that is no JSON
    unknown@start+1            an event of an unknown type; from then on unknown fields in every event
    fail:insufficient_quota@response2    this response ends `failed` (also rate_limit_exceeded, server_error)
    mute@response2             this response.create is never answered
    lose:5                     every fifth delta of sound is lost

A moment not given is the earliest that makes sense: the upgrade, the start, the first response.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bridge.errors import UsageError

_ARGUMENT = {
    "close": (1000, 4999),
    "drop": None,
    "freeze": None,
    "refuse": (300, 599),
    "key": None,
    "late": (0, 3600),
    "noupdate": None,
    "format": None,
    "garbage": None,
    "unknown": None,
    "fail": None,
    "mute": None,
    "lose": (1, 1_000_000),
}
"""kind -> bounds of its number; None: it has none (`fail` takes a word)."""

_FAILURES = {
    "insufficient_quota": ("insufficient_quota", "You exceeded your current quota."),
    "rate_limit_exceeded": ("rate_limit_exceeded", "Rate limit reached. Please try again in 1s."),
    "server_error": ("server_error", "The server had an error while processing your request."),
}

_FAULT = re.compile(
    r"(?P<kind>[a-z]+)(?::(?P<argument>[a-z_0-9.]+))?"
    r"(?:@(?P<anchor>start|response|event)(?P<nth>\d+)?(?:\+(?P<after>\d+(?:\.\d+)?))?)?(?:#(?P<session>\d+))?"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `anchor` and `nth` say what it waits for, `after_s` how long from there; `session` 0 is every one."""

    kind: str
    argument: str = ""
    anchor: str = "start"
    nth: int = 1
    after_s: float = 0.0
    session: int = 0

    @property
    def number(self) -> float:
        """The argument of those that take a number."""
        return float(self.argument)

    def concerns(self, session_number: int) -> bool:
        return self.session in (0, session_number)

    def error(self) -> dict[str, str]:
        """`status_details.error` of a failed response."""
        kind, message = _FAILURES[self.argument or "server_error"]
        return {"type": kind, "code": self.argument or "server_error", "message": message}


def parse_fault(text: str) -> Fault:
    """One fault from its text. Raises UsageError."""
    match = _FAULT.fullmatch(text.strip())
    if match is None or match["kind"] not in _ARGUMENT:
        raise UsageError(f"{text!r} is not a fault; it starts with one of {', '.join(sorted(_ARGUMENT))}.")
    kind, argument = match["kind"], match["argument"] or ""
    _check_argument(text, kind, argument)
    response_kinds = kind in ("fail", "mute")
    anchor = match["anchor"] or ("response" if response_kinds else "start")
    if response_kinds and anchor != "response":
        raise UsageError(f"{text!r}: {kind} happens to a response, as in {kind}@response2.")
    after_s, session = float(match["after"] or 0), int(match["session"] or 0)
    return Fault(kind, argument, anchor, int(match["nth"] or 1), after_s, session)


def _check_argument(text: str, kind: str, argument: str) -> None:
    bounds = _ARGUMENT[kind]
    if kind == "fail":
        if argument and argument not in _FAILURES:
            raise UsageError(f"{text!r}: a response fails with one of {', '.join(_FAILURES)}.")
    elif bounds is None:
        if argument:
            raise UsageError(f"{text!r}: {kind} takes no argument.")
    else:
        try:
            fits = bounds[0] <= float(argument) <= bounds[1]
        except ValueError:
            fits = False
        if not fits:
            raise UsageError(
                f"{text!r}: {kind} needs a number from {bounds[0]} to {bounds[1]}, as in {kind}:{bounds[0]}."
            )


def parse_faults(texts: Iterable[str]) -> tuple[Fault, ...]:
    """Several faults; each text may hold several, with commas between. Raises UsageError."""
    return tuple(parse_fault(part) for text in texts for part in text.split(",") if part.strip())
