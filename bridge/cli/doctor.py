"""`callbridge doctor`: what a call needs, looked at; and mended, where somebody says so."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from bridge import config
from bridge.cli.asking import agreed
from bridge.cli.dotenv_file import put
from bridge.errors import BridgeError
from bridge.tools.threads import Threads

if TYPE_CHECKING:
    from rich.console import Console

    from bridge.config import Settings
    from bridge.web.checks.check import Check, Finding, Level
    from bridge.web.checks.scene import Scene

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def run(*, only: str, fix: bool, yes: bool, as_json: bool) -> None:
    """Look at everything and say what was found; SystemExit with 1 when something failed. Raises UsageError."""
    from bridge.web.checks.check import as_document
    from bridge.web.checks.registry import some_of

    checks = some_of(only)
    settings = config.load().settings
    began = time.monotonic()
    findings = asyncio.run(_work(settings, checks, fix=fix and not as_json, yes=yes, quiet=as_json))
    if as_json:
        took_ms = round((time.monotonic() - began) * 1000)
        print(json.dumps(as_document(findings) | {"took_ms": took_ms}, ensure_ascii=False, indent=1))
    sys.exit(1 if _count(findings, "fail") else 0)


async def _work(settings: Settings, checks: Sequence[Check], *, fix: bool, yes: bool, quiet: bool) -> list[Finding]:
    from bridge.cli.call_view import console

    asyncio.get_running_loop().set_default_executor(_Loose())
    findings = await _look(settings, checks)
    screen = console()
    if not quiet:
        _print(findings, screen)
    if fix and await _mend(settings, findings, yes=yes):
        findings = await _look(config.load().settings, checks)
        screen.print()
        _print(findings, screen)
    return findings


async def _look(settings: Settings, checks: Sequence[Check]) -> list[Finding]:
    from bridge.web.checks.check import look_at_all
    from bridge.web.checks.scene import Scene

    scene = Scene.of(settings)
    try:
        return await look_at_all(checks, scene)
    finally:
        await scene.close()


async def _mend(settings: Settings, findings: Sequence[Finding], *, yes: bool) -> bool:
    """Offer to mend what can be mended from here, one question each. Was anything done?"""
    mended = False
    for found in findings:
        if found.result.level == "ok":
            continue
        try:
            for line in whole_lines(found.result.env):
                if agreed(f"{found.check.title}: {found.result.detail}. Put {line} into .env?", yes=yes):
                    print(f"{line} is in {put(line)}")
                    mended = True
            if found.result.fixable and found.check.fix is not None:
                offer = f"{found.check.title}: {found.result.detail}. {found.check.offer}"
                if agreed(offer, yes=yes):
                    print(await _fixed(settings, found.check.fix))
                    mended = True
        except BridgeError as error:
            print(f"not mended: {error}", file=sys.stderr)
    return mended


def whole_lines(env: Sequence[str]) -> list[str]:
    """Lines for `.env` that are complete: not those whose value only its owner knows."""
    return [line for line in env if not line.endswith("...")]


async def _fixed(settings: Settings, fix: Callable[[Scene], Awaitable[str]]) -> str:
    from bridge.web.checks.scene import Scene

    scene = Scene.of(settings)
    try:
        return await fix(scene)
    finally:
        await scene.close()


def _count(findings: Sequence[Finding], level: Level) -> int:
    return sum(one.result.level == level for one in findings)


def _print(findings: Sequence[Finding], screen: Console) -> None:
    width = max(len(one.check.title) for one in findings)
    for one in findings:
        result = one.result
        head = f"  {result.level.upper():<5} {one.check.title.lower():<{width}}  "
        screen.print(head, style=STYLES[result.level], end="")
        screen.print(result.detail)
        beside = " " * len(head)
        if result.level != "ok" and result.cause:
            screen.print(f"{beside}{result.cause}", style="dim")
        if result.level != "ok" and result.fix:
            screen.print(f"{beside}fix: {result.fix}")
    screen.print(summary(findings))


def summary(findings: Sequence[Finding]) -> str:
    """`3 ok, 1 warning, 2 failures (exit 1)`."""
    ok, warnings, failures = (_count(findings, level) for level in ("ok", "warn", "fail"))
    told = f"{ok} ok, {warnings} warning{'s' * (warnings != 1)}, {failures} failure{'s' * (failures != 1)}"
    return f"{told} (exit {1 if failures else 0})"


class _Loose(ThreadPoolExecutor):
    """The loop's threads, none of which is waited for: a name server that does not answer holds one for half a minute.

    (The loop wants a ThreadPoolExecutor by name; this one has no pool.)
    """

    def __init__(self) -> None:
        super().__init__(1)
        self._each = Threads()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self._each.submit(fn, *args, **kwargs)
