"""Questions to the person at the keyboard, and who that is.

Questions go to stderr, so that stdout stays one document.
"""

from __future__ import annotations

import getpass
import sys

from bridge.errors import UsageError


def confirmed(question: str, *, yes: bool) -> bool:
    """Is it to be done? `yes` asks nobody. Raises UsageError where nobody can answer."""
    if yes:
        return True
    answer = _answer(f"{question} [y/N] ")
    if not answer:
        raise UsageError("nobody is there to say yes (stdin is closed); --yes asks no questions")
    return answer.strip().lower() in ("y", "yes")


def agreed(question: str, *, yes: bool, default: bool = False) -> bool:
    """Is this offer taken? `default` is what Enter means. Where nobody can answer, it is not."""
    if yes:
        return True
    answer = _answer(f"{question} [{'Y/n' if default else 'y/N'}] ")
    if not answer:
        print("(nobody is there to say yes; --yes asks no questions)", file=sys.stderr)
        return False
    return answer.strip().lower() in ("y", "yes", *([""] if default else []))


def _answer(question: str) -> str:
    """A line with its end; empty where nobody can give one."""
    print(question, end="", file=sys.stderr, flush=True)
    try:
        answer = sys.stdin.readline() if sys.stdin is not None else ""
    except (OSError, ValueError):  # closed by whoever started us
        answer = ""
    if not answer:
        print(file=sys.stderr)
    return answer


def who() -> str:
    """Who is at the keyboard, for the audit."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "command line"
