"""Questions to the person at the keyboard, and who that is."""

from __future__ import annotations

import getpass
import sys

from bridge.errors import UsageError


def confirmed(question: str, *, yes: bool) -> bool:
    """Is it to be done? `yes` asks nobody. Raises UsageError where nobody can answer.

    The question goes to stderr, so that stdout stays one document.
    """
    if yes:
        return True
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        answer = sys.stdin.readline() if sys.stdin is not None else ""
    except (OSError, ValueError):  # closed by whoever started us
        answer = ""
    if not answer:
        print(file=sys.stderr)
        raise UsageError("nobody is there to say yes (stdin is closed); --yes asks no questions")
    return answer.strip().lower() in ("y", "yes")


def who() -> str:
    """Who is at the keyboard, for the audit."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "command line"
