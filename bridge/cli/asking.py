"""Questions at the keyboard. Without one there is no answer, and nothing is done."""

from __future__ import annotations

import sys


def agreed(question: str, *, yes: bool, default: bool = False) -> bool:
    """Ask, and wait for y or n; Enter is `default`. `yes` answers in advance. Nobody at the keyboard: no."""
    if yes:
        return True
    if not sys.stdin.isatty():
        print(f"{question} (not asked: this is no terminal; --yes says yes in advance)", file=sys.stderr)
        return False
    shown = "[Y/n]" if default else "[y/N]"
    try:
        answer = input(f"{question} {shown} ").strip().lower()
    except EOFError:
        print(file=sys.stderr)
        return False
    return answer.startswith("y") if answer else default
