"""Values that commands are given: `key=value` pairs, rules from files, and names of files for a server elsewhere."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bridge.errors import UsageError


def pairs(flag: str, given: Sequence[str]) -> dict[str, str]:
    """`name=value` each. Raises UsageError."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{flag} is {text!r}: it must look like name=value")
        found[name.strip()] = value
    return found


def rules(file: Path | None, sets: Sequence[str]) -> dict[str, Any]:
    """A campaign's rules from a TOML or JSON file, and those set one by one, which win. Raises UsageError."""
    return (_table(file) if file is not None else {}) | pairs("--set", sets)


def _table(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        found = json.loads(text) if file.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file}: cannot be read (it is no text; rules are TOML or JSON)") from None
    except ValueError as error:
        raise UsageError(f"{file}: cannot be read ({error})") from None
    if not isinstance(found, dict):
        raise UsageError(f"{file}: must be a table of rules")
    return found


def for_server(spec: str) -> str:
    """An agent or a file as a server with another working directory finds it."""
    return str(Path(spec).resolve()) if spec and Path(spec).is_file() else spec


def write_text(file: Path, pieces: Iterable[str]) -> None:
    """Write a table for spreadsheets: whole, or not at all. Raises UsageError."""
    if not file.name or file.is_dir():
        raise UsageError(f"{file}: cannot be written (it is a folder)")
    part = file.with_name(file.name + ".part")
    try:
        try:
            with part.open("w", encoding="utf-8-sig", newline="") as out:  # with a mark, or Excel guesses wrongly
                out.writelines(pieces)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{file}: cannot be written ({error.strerror})") from None
