"""`.env` in the current folder: one line changed or added, everything else left as it is."""

from __future__ import annotations

import os
import re
from pathlib import Path

from bridge.config import DOTENV_FILE
from bridge.errors import UsageError


def put(line: str, folder: Path | None = None) -> Path:
    """Set `NAME=value` in the file, made for its owner alone when there is none. Raises UsageError."""
    path = (folder or Path()) / DOTENV_FILE
    name = line.partition("=")[0]
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        same = re.compile(rf"^\s*(?:export\s+)?{re.escape(name)}\s*=.*$", re.MULTILINE)
        after = same.sub(lambda _: line, before, count=1)
        if not same.search(before):
            after = before + ("" if before.endswith("\n") or not before else "\n") + line + "\n"
        part = path.with_name(f"{DOTENV_FILE}.part")
        part.unlink(missing_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600  # it may hold keys
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{path} cannot be written: {error}") from None
    return path
