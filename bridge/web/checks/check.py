"""What a check is, and how several are run at once."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bridge.errors import BridgeError
from bridge.web.checks.scene import Scene

log = logging.getLogger(__name__)

LIMIT_S = 5.0
"""Longest a check may take; all together take little more, because they run at once."""

COMMANDS = ("callbridge ", "apt-get ", "chown ", "make ", "timedatectl ", f"{sys.executable} ")

Level = Literal["ok", "warn", "fail"]
Severity = Literal["needed", "advised"]


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found."""

    level: Level
    detail: str
    """What is there."""
    cause: str = ""
    """Why that is no good, or why it is so."""
    fix: str = ""
    """The exact command or setting that mends it; empty when there is nothing to mend."""
    env: tuple[str, ...] = ()
    """Lines for `.env`, where those mend it."""
    fixable: bool = False
    """The check can mend this itself."""

    @property
    def is_command(self) -> bool:
        """Is `fix` a command as it stands, to be copied into a terminal?"""
        return self.fix.startswith(COMMANDS)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at."""

    id: str
    """Short and lasting: it is a URL and a word on the command line."""
    title: str
    severity: Severity
    """needed: without it no call works."""
    run: Callable[[Scene], Awaitable[Result]]
    offer: str = ""
    """What `fix` would do, as a question."""
    fix: Callable[[Scene], Awaitable[str]] | None = None
    """Mends it, and says what was done. Raises BridgeError."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A check with what it found, and how long it took."""

    check: Check
    result: Result
    took_ms: int


async def look(check: Check, scene: Scene, limit_s: float = LIMIT_S) -> Finding:
    """Run one check. Never raises: a check that breaks has failed."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(limit_s):
            result = await check.run(scene)
    except TimeoutError:
        result = Result(
            "fail",
            f"no answer within {limit_s:g} s",
            "what was asked does not answer: a firewall, a name server, or the other side",
            "look at this machine's network, then run `callbridge doctor` again",
        )
    except BridgeError as error:
        result = Result("fail", str(error), fix="mend what this says, then run `callbridge doctor` again")
    except Exception as error:  # the boundary of one check: the others are still worth seeing
        log.exception("a check broke", extra={"check": check.id})
        told = f"this check broke: {type(error).__name__}: {error}"
        result = Result("fail", told, "a mistake in callbridge", "report it with this line")
    return Finding(check, result, round((time.monotonic() - began) * 1000))


async def look_at_all(checks: Sequence[Check], scene: Scene, limit_s: float = LIMIT_S) -> list[Finding]:
    """Run all at once; findings in the order of the checks."""
    return list(await asyncio.gather(*(look(check, scene, limit_s) for check in checks)))


def as_document(findings: Sequence[Finding]) -> dict[str, Any]:
    """Findings as one JSON document."""
    rows = [
        {
            "id": one.check.id,
            "title": one.check.title,
            "severity": one.check.severity,
            "level": one.result.level,
            "detail": one.result.detail,
            "cause": one.result.cause,
            "fix": one.result.fix,
            "env": list(one.result.env),
            "fixable": one.result.fixable,
            "took_ms": one.took_ms,
        }
        for one in findings
    ]
    return {"ok": all(one.result.level != "fail" for one in findings), "checks": rows}
