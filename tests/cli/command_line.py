"""Runs `callbridge` as a user does: in a process and a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "bridge", *arguments]


def environment(extra: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Ours without any setting of callbridge, so that the machine's own do not decide a test."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("BRIDGE_", "TWILIO_", "REALTIME_"))
    }
    for name in ("OPENAI_API_KEY", "DATABASE_URL", "PUBLIC_URL", "PORT", "LOG_LEVEL"):
        kept.pop(name, None)
    return kept | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", **extra}


def run(
    folder: Path, *arguments: str, limit_s: float = 20, env: Mapping[str, str] = MappingProxyType({})
) -> subprocess.CompletedProcess[str]:
    """Run to the end; output as text."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )


def refused(folder: Path, *arguments: str, code: int = 2, env: Mapping[str, str] = MappingProxyType({})) -> str:
    """Run something that must be refused with one sentence and `code`; the sentence."""
    done = run(folder, *arguments, env=env)
    assert done.returncode == code, done
    assert done.stdout == ""
    [sentence] = done.stderr.splitlines()
    assert sentence.startswith("callbridge: ")
    return sentence.removeprefix("callbridge: ")


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one JSON document on stdout."""
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found
